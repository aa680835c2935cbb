package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.error.InputException;
import io.pariskv.kv.Batch;
import io.pariskv.kv.RowFetches;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.SelectedKeys;
import io.pariskv.method.StepCost;
import io.pariskv.model.ModelConfig;
import io.pariskv.text.ChatMessage;
import io.pariskv.transformer.Transformer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * One sequence and its cache. Each {@link #generate} takes a whole prompt; what it shares with the tokens
 * already in the cache is not computed again, so a conversation only prefills its new turn.
 *
 * <p>Not thread-safe; the thread that drives the model.
 */
public final class Session implements AutoCloseable {
  private final LanguageModel model;
  private final Transformer transformer;
  private final Backend backend;
  private final CachePool pool;
  private final KvCache cache;
  private final Allocator memory;
  private final Buffer chunk;
  private final Buffer logits;
  private final Sampling sampling;
  private final TokenList cached = new TokenList();

  Session(LanguageModel model, AttentionMethod method) {
    this.model = model;
    this.transformer = model.transformer();
    this.backend = model.backend();
    int vocabulary = model.config().vocabSize();
    Opened opened = new Opened();
    try {
      this.pool = opened.keep(new CachePool(backend, model.kvShape(), method, 1,
          model.plan().placement(method), model.options().rowCache()));
      this.cache = opened.keep(pool.open());
      this.memory = opened.keep(backend.newAllocator());
      this.chunk = memory.allocate(DType.I32, transformer.maxRows());
      this.logits = memory.allocate(DType.F32, 1, vocabulary);
      this.sampling = new Sampling(backend, memory, vocabulary);
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  /** Bytes of the session's own buffers. */
  static long scratchBytes(ModelConfig config, int prefillChunk) {
    return 4L * prefillChunk + 5L * config.vocabSize();
  }

  /** Tokens in the cache. */
  public int length() {
    return cached.size();
  }

  /**
   * Answers a conversation.
   *
   * @param messages the whole conversation, earlier turns included
   */
  public GenerationResult generate(List<ChatMessage> messages, GenerationOptions options,
      GenerationListener listener) {
    return generate(model.chatPrompt(messages), options, listener);
  }

  /**
   * Continues a prompt.
   *
   * @param prompt token ids, all of the sequence from its start
   * @throws InputException if the prompt is empty, has ids outside the vocabulary, is longer than the
   *     model's positions, or does not fit in memory; the session is then as before
   */
  public GenerationResult generate(int[] prompt, GenerationOptions options,
      GenerationListener listener) {
    return generate(prompt, 0, options, listener);
  }

  /**
   * Continues a prompt whose end goes through decode steps instead of prefill: the method has to read it with what it
   * retrieves, where prefill is exact. For comparing methods; the time of those steps counts as prefill.
   *
   * @param fed how many tokens of the end, fewer than all
   */
  public GenerationResult generate(int[] prompt, int fed, GenerationOptions options,
      GenerationListener listener) {
    int limit = check(prompt, options);
    if (fed < 0 || fed >= prompt.length) {
      throw new IllegalArgumentException("of a prompt of " + prompt.length + " tokens, 0 to "
          + (prompt.length - 1) + " can be fed through decode steps, not " + fed);
    }
    int end = prompt.length - fed;
    Generation generation = new Generation(model, options, listener, limit);
    long start = System.nanoTime();
    int reused = reuse(prompt, fed == 0 ? end - 1 : end);
    sampling.configure(options, prompt);
    prefill(prompt, end, fed == 0, generation::prefill);
    RowFetches before = cache.fetches();
    SelectedKeys selectedBefore = cache.selected();
    if (!generation.ended()) {
      try (DecodeLoop steps = new DecodeLoop(backend, cache, this::step)) {
        feed(prompt, end, options, steps);
        int first = sampling.token();
        generation.prefilled(prompt.length, reused, start);
        before = cache.fetches();
        selectedBefore = cache.selected();
        decode(first, steps, generation);
      }
    } else {
      generation.prefilled(prompt.length, reused, start);
    }
    generation.selected(selectedBefore, cache.selected());
    return generation.result(cached.size(), pool.methodBytes(),
        pool.cachedRows() == 0 ? null : cache.fetches().since(before));
  }

  /**
   * Puts the K and V of a prompt in the cache and no more: what follows may begin with these tokens, whatever the
   * method.
   *
   * @return how many tokens had to be computed
   */
  public int prefill(int[] prompt, GenerationListener listener) {
    check(prompt, GenerationOptions.greedy(1));
    int reused = reuse(prompt, prompt.length);
    prefill(prompt, prompt.length, false, listener::onPrefill);
    return cached.size() - reused;
  }

  /**
   * How likely a text is when the method reads it: the natural logarithm of the probability of each token from {@code
   * from} on, given all before it. The tokens before {@code from - 1} are prefilled, the others go through decode steps.
   *
   * @param tokens ids, all of the sequence from its start
   * @param from the first token that is judged, at least 1
   * @return {@code tokens.length - from} numbers
   */
  public double[] logProbabilities(int[] tokens, int from) {
    check(tokens, GenerationOptions.greedy(1));
    if (from < 1 || from >= tokens.length) {
      throw new IllegalArgumentException("of " + tokens.length + " tokens, those from 1 to "
          + (tokens.length - 1) + " have tokens before them, not " + from);
    }
    int end = from - 1;
    reuse(tokens, end);
    sampling.configure(GenerationOptions.greedy(1), tokens);
    prefill(tokens, end, false, GenerationListener.NONE::onPrefill);
    double[] result = new double[tokens.length - from];
    float[] scores = new float[model.config().vocabSize()];
    try (DecodeLoop steps = new DecodeLoop(backend, cache, this::step)) {
      for (int i = 0; i < result.length; i++) {
        sampling.put(tokens[end + i]);
        run(steps, tokens.length);
        backend.download(logits, MemorySegment.ofArray(scores));
        commit(steps, tokens[end + i]);
        result[i] = logProbability(scores, tokens[from + i]);
      }
    }
    return result;
  }

  private static double logProbability(float[] scores, int token) {
    double max = Double.NEGATIVE_INFINITY;
    for (float score : scores) {
      max = Math.max(max, score);
    }
    double sum = 0;
    for (float score : scores) {
      sum += Math.exp(score - max);
    }
    return scores[token] - max - Math.log(sum);
  }

  /** Forgets every token from {@code length} on; what the next prompt shares with the rest is not computed again. */
  public void truncate(int length) {
    cache.truncate(length);
    cached.truncate(length);
  }

  /**
   * Lets decode steps attend by another method from here on, over the tokens that are in the cache. K and V of prefilled
   * tokens are the same for every method; those of decoded tokens are what the method before made them: {@link #truncate}
   * to the prompt first.
   *
   * @throws InputException if the method cannot serve the model, or does not fit in memory; the session is then as
   *     before
   */
  public void use(AttentionMethod method) {
    if (!method.equals(pool.method())) {
      model.plan().requireSessionFits(method, Math.max(cached.size(), 1), pool.held(),
          "truncate the session (" + cached.size() + " tokens)");
      pool.use(method);
    }
  }

  /** What decode steps attend by. */
  public AttentionMethod method() {
    return pool.method();
  }

  /** What the next decode step reads. */
  public StepCost stepCost() {
    return cache.stepCost();
  }

  /** Bytes of summaries and retrieval scratch held now. */
  public long summaryBytes() {
    return pool.methodBytes();
  }

  /** Most new tokens, after the checks. */
  private int check(int[] prompt, GenerationOptions options) {
    checkPrompt(model, prompt, prompt.length + 1);
    int context = model.plan().context();
    if (prompt.length >= context) {
      throw new InputException("the prompt has " + prompt.length + " tokens, but the context is "
          + context + " with the answer; shorten the prompt, or raise context");
    }
    int limit = Math.min(options.maxTokens(), context - prompt.length);
    model.plan().requireSessionFits(pool.method(), prompt.length + limit, pool.held(),
        "shorten the prompt, or lower max-tokens (" + options.maxTokens() + ")");
    return limit;
  }

  /** Refuses ids outside the vocabulary, and prompts that need more positions than the model has. */
  static void checkPrompt(LanguageModel model, int[] prompt, int positions) {
    ModelConfig config = model.config();
    if (prompt.length == 0) {
      throw new InputException("the prompt has no tokens; give at least one");
    }
    for (int token : prompt) {
      if (token < 0 || token >= config.vocabSize()) {
        throw new InputException("token id " + token + " is outside the vocabulary of "
            + config.vocabSize() + " tokens (0 to " + (config.vocabSize() - 1)
            + "); give ids of this model's tokenizer");
      }
    }
    if (positions > config.maxPositions()) {
      throw new InputException("the prompt has " + prompt.length + " tokens and needs " + positions
          + " positions, but the model has " + config.maxPositions()
          + " (max_position_embeddings); shorten the prompt");
    }
  }

  /** Cuts the cache to what it shares with the first {@code most} tokens of the prompt; returns how many. */
  private int reuse(int[] prompt, int most) {
    int shared = Math.min(cached.commonPrefix(prompt), most);
    truncate(shared);
    return shared;
  }

  /** Follows a prefill; see {@link GenerationListener#onPrefill}. */
  private interface Progress {
    boolean report(int done, int total);
  }

  /**
   * Computes the rest of the prompt up to {@code end} chunk by chunk.
   *
   * @param sample whether the token that follows is chosen
   */
  private void prefill(int[] prompt, int end, boolean sample, Progress progress) {
    transformer.setSequenceLength(prompt.length);
    cache.expect(prompt.length);
    boolean goOn = progress.report(cached.size(), prompt.length);
    for (int from = cached.size(); goOn && from < end; from = cached.size()) {
      int count = Math.min(transformer.maxRows(), end - from);
      try (Rows rows = cache.prefill(count)) {
        Buffer tokens = chunk.slice(0, count);
        backend.upload(MemorySegment.ofArray(Arrays.copyOfRange(prompt, from, from + count)),
            tokens);
        Buffer hidden = transformer.forward(rows, tokens);
        if (sample && from + count == end) {
          transformer.logits(hidden.slice(count - 1, count), logits);
          sampling.sample(logits, lastRow(rows.batch()));
        }
        rows.commit();
      }
      cached.add(prompt, from, from + count);
      goOn = progress.report(cached.size(), prompt.length);
    }
  }

  private static Batch lastRow(Batch batch) {
    int last = batch.rows() - 1;
    return new Batch(1, batch.slots().slice(last, last + 1),
        batch.positions().slice(last, last + 1));
  }

  /** Feeds the prompt from {@code from} on; the last step chooses the token that follows. */
  private void feed(int[] prompt, int from, GenerationOptions options, DecodeLoop steps) {
    for (int i = from; i < prompt.length; i++) {
      sampling.put(prompt[i]);
      if (i == prompt.length - 1) {
        sampling.configure(options, prompt); // what the steps before chose does not count as seen
      }
      run(steps, prompt.length);
      commit(steps, prompt[i]);
    }
  }

  /** The loop of the answer. */
  private void decode(int first, DecodeLoop steps, Generation generation) {
    int token = first;
    while (generation.accept(token)) {
      StepCost cost = cache.stepCost();
      run(steps, 0);
      int next = sampling.token();
      commit(steps, token);
      generation.stepped(cost);
      token = next;
    }
  }

  /** @param expected tokens that the sequence is known to have in the end, 0 if unknown */
  private void run(DecodeLoop steps, int expected) {
    if (transformer.dependsOnSequenceLength()) {
      transformer.setSequenceLength(Math.max(expected, cached.size() + 1));
    }
    steps.run();
  }

  private void commit(DecodeLoop steps, int token) {
    steps.commit();
    cached.add(token);
  }

  /** One decode step: the token last sampled goes in, the next one comes out, all on the backend. */
  private void step(DecodeBatch rows) {
    Buffer hidden = transformer.forward(rows, sampling.tokens());
    transformer.logits(hidden, logits);
    sampling.sample(logits, rows.batch());
  }

  /** {@inheritDoc} All of it, even if a part fails. */
  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (pool; cache; memory) {
      // nothing else
    }
  }
}
