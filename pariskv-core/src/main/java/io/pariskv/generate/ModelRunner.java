package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.Rows;
import io.pariskv.constrain.Constraint;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.ModelConfig;
import io.pariskv.saved.CacheHeader;
import io.pariskv.saved.CacheReader;
import io.pariskv.transformer.Transformer;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Drives a model over the sequences of one pool: a chunk of one sequence's prompt, or the next token of several. A
 * {@link Session} is one with a single sequence; an engine has one with many.
 *
 * <p>Tokens are chosen by <em>rows</em>: each has the sampler of one sequence and the token it chose last. A prompt's
 * first token is chosen in any row, and a {@linkplain #decode decode loop} takes the rows from 0 on. One driving thread,
 * the backend's.
 */
public final class ModelRunner implements AutoCloseable {
  /** In place of a row: no token is chosen. */
  public static final int NO_ROW = -1;

  private final LanguageModel model;
  private final Transformer transformer;
  /** The same for decode steps, which may run between layers of a prompt. */
  private final Transformer stepping;
  private final Backend backend;
  private final CachePool pool;
  private final Allocator memory;
  /** {@code [maxRows] i32}. */
  private final Buffer chunk;
  /** {@code [rows][vocabulary] f32}. */
  private final Buffer logits;
  private final Sampling sampling;
  /** A row of logits that somebody reads. */
  private final float[] scores;

  /** @param rows most sequences at a time */
  ModelRunner(LanguageModel model, AttentionMethod method, int rows) {
    this.model = model;
    this.transformer = model.transformer();
    this.backend = model.backend();
    int vocabulary = model.config().vocabSize();
    this.scores = new float[vocabulary];
    Opened opened = new Opened();
    try {
      this.pool = opened.keep(new CachePool(backend, model.kvShape(), method, rows,
          model.plan().placement(method), model.options().rowCache()));
      this.stepping = opened.keep(transformer.withOwnResults(rows));
      this.memory = opened.keep(backend.newAllocator());
      this.chunk = memory.allocate(DType.I32, transformer.maxRows());
      this.logits = memory.allocate(DType.F32, rows, vocabulary);
      this.sampling = new Sampling(backend, memory, rows, vocabulary);
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  /** Bytes of its own buffers, caches left out. */
  static long scratchBytes(ModelConfig config, int prefillChunk, int rows) {
    return 4L * prefillChunk + 4L * rows * config.vocabSize()
        + Transformer.scratchBytes(config, rows) + Sampling.bytes(rows, config.vocabSize());
  }

  /** The caches. */
  public CachePool pool() {
    return pool;
  }

  /** Most tokens of one pass. */
  public int maxChunk() {
    return transformer.maxRows();
  }

  /** Whether a pass must be of one sequence alone, since the model's rotary frequencies depend on its length. */
  public boolean dependsOnSequenceLength() {
    return transformer.dependsOnSequenceLength();
  }

  /** A new, empty sequence; the caller closes it. */
  public Sequence open() {
    return new Sequence(pool);
  }

  /** Sets how the tokens of a row are chosen, and which tokens it has seen; any may be the next. */
  public void configure(int row, GenerationOptions options, int[] seen) {
    sampling.configure(row, options, seen);
  }

  /** Sets which tokens the next one of a row may be; null for any. */
  public void constrain(int row, Constraint.@Nullable Progress answer) {
    sampling.constrain(row, answer);
  }

  /** Gives the next step another input of that row than the token last chosen. */
  public void put(int row, int token) {
    sampling.put(row, token);
  }

  /** Waits for the token last chosen in a row. */
  public int chosen(int row) {
    return sampling.chosen(row, row + 1)[0];
  }

  /** Waits for the tokens last chosen in the rows of a loop, the first {@code rows}. */
  public int[] allChosen(int rows) {
    return sampling.chosen(0, rows);
  }

  /** Waits for the logits of a row by which its last token was chosen. */
  float[] logits(int row) {
    backend.download(logits.slice(row, row + 1), MemorySegment.ofArray(scores));
    return scores;
  }

  /** Waits, and tells how probable the token last chosen in a row was if the options ask for it, else null. */
  public @Nullable TokenLogprobs logprobs(int row, int token, GenerationOptions options) {
    return options.logprobs() == GenerationOptions.NO_LOGPROBS
        ? null
        : TokenLogprobs.of(logits(row), token, options.logprobs());
  }

  /**
   * Computes the next {@code count} tokens of a prompt as one pass.
   *
   * @param count at most {@link #maxChunk}
   * @param row where the token that follows them is chosen, or {@link #NO_ROW}
   */
  public void prefill(Sequence sequence, int[] prompt, int count, int row) {
    try (Rows rows = sequence.cache().prefill(count)) {
      prefill(sequence, prompt, rows, row);
    }
  }

  /**
   * The same with pauses between layers, in which decode steps of other sequences may run; it begins with one.
   *
   * @return whether it was not given up
   */
  public boolean prefill(Sequence sequence, int[] prompt, int count, int row, Pause pause) {
    try (Rows rows = new PausableRows(sequence.cache().prefill(count), this::await, pause)) {
      prefill(sequence, prompt, rows, row);
      return true;
    } catch (PausableRows.GivenUp e) {
      return false;
    }
  }

  /**
   * Takes the next {@code count} tokens of a prompt from another sequence, which has them, in place of a {@link #prefill}:
   * what follows is as if they had been computed.
   *
   * @param source whose tokens begin with those of {@code sequence} and these
   */
  public void copy(Sequence source, Sequence sequence, int[] prompt, int count) {
    sequence.cache().expect(prompt.length);
    sequence.cache().appendFrom(source.cache(), count);
    int from = sequence.length();
    if (source.exactTokens() >= from + count) {
      sequence.prefilled(prompt, from, from + count);
    } else {
      sequence.appended(prompt, from, from + count);
    }
  }

  /** Waits for all work before. */
  public void await() {
    chosen(0);
  }

  private void prefill(Sequence sequence, int[] prompt, Rows rows, int row) {
    int from = sequence.length();
    int count = rows.batch().rows();
    setSequenceLength(transformer, prompt.length);
    sequence.cache().expect(prompt.length);
    Buffer tokens = chunk.slice(0, count);
    backend.upload(MemorySegment.ofArray(Arrays.copyOfRange(prompt, from, from + count)), tokens);
    Buffer hidden = transformer.forward(rows, tokens);
    if (row != NO_ROW) {
      Buffer scores = logits.slice(row, row + 1);
      transformer.logits(hidden.slice(count - 1, count), scores);
      sampling.sample(row, scores, lastRow(rows.batch()));
    }
    rows.commit();
    sequence.prefilled(prompt, from, from + count);
  }

  /**
   * Begins to bring K and V from a file to a sequence whose tokens are the file's first; the caller closes it, and the
   * reader with it.
   *
   * @param length tokens that the sequence has afterwards, at most the file's
   * @throws io.pariskv.error.InputException if the file is of another model, or its numbers are of another type
   */
  public SequenceTransfer load(Sequence sequence, CacheReader reader, int length) {
    try {
      reader.requireFits(model.identity(), pool.shape());
      return new SequenceLoad(backend, pool.shape(), reader, sequence, length);
    } catch (RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /**
   * Begins to write the K and V of a sequence that are {@linkplain Sequence#exactTokens exact} to a file, which replaces an
   * older one when it is complete; the caller closes it. Until then the sequence must stay as it is.
   *
   * @param openTurn whether these tokens end within the user's message
   * @param prefillSeconds what computing them took
   * @throws io.pariskv.error.InputException if the file cannot be written
   */
  public SequenceTransfer save(Sequence sequence, Path file, boolean openTurn,
      double prefillSeconds) {
    return new SequenceSave(sequence, file, CacheHeader.of(model.identity(), pool.shape(),
        sequence.exactTokens(), openTurn, prefillSeconds));
  }

  private static Batch lastRow(Batch batch) {
    int last = batch.rows() - 1;
    return new Batch(1, batch.slots().slice(last, last + 1),
        batch.positions().slice(last, last + 1));
  }

  /** Before a decode step, tokens that its sequence will have; most models ignore it. */
  public void setSequenceLength(int tokens) {
    setSequenceLength(stepping, tokens);
  }

  private static void setSequenceLength(Transformer which, int tokens) {
    if (which.dependsOnSequenceLength()) {
      which.setSequenceLength(tokens);
    }
  }

  /** Decode steps of these sequences, whose rows are those from 0 on; the caller closes it. */
  public DecodeLoop decode(List<Sequence> sequences) {
    DecodeBatch batch = pool.batch(sequences.stream().map(Sequence::cache).toList());
    return new DecodeLoop(backend, sequences, batch, this::step);
  }

  /** One decode step: the tokens last chosen go in, the next ones come out, all on the backend. */
  private void step(DecodeBatch rows) {
    int count = rows.batch().rows();
    Buffer scores = logits.slice(0, count);
    Buffer hidden = stepping.forward(rows, sampling.tokens(count));
    stepping.logits(hidden, scores);
    sampling.sample(0, scores, rows.batch());
  }

  /** {@inheritDoc} All of it, even if a part fails. */
  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (pool; stepping; memory) {
      // nothing else
    }
  }
}
