package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
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
import io.pariskv.method.StepCost;
import io.pariskv.model.ModelConfig;
import io.pariskv.text.ChatMessage;
import io.pariskv.transformer.Transformer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
    int limit = check(prompt, options);
    Generation generation = new Generation(model, options, listener, limit);
    long start = System.nanoTime();
    int reused = reuse(prompt);
    sampling.configure(options, prompt);
    int first = prefill(prompt, generation);
    generation.prefilled(prompt.length, reused, start);
    RowFetches before = cache.fetches();
    if (!generation.ended()) {
      decode(first, generation);
    }
    return generation.result(cached.size(), pool.methodBytes(),
        pool.cachedRows() == 0 ? null : cache.fetches().since(before));
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

  /** Cuts the cache to what it shares with the prompt; at least one token is left to compute. */
  private int reuse(int[] prompt) {
    int shared = Math.min(cached.commonPrefix(prompt), prompt.length - 1);
    cache.truncate(shared);
    cached.truncate(shared);
    return shared;
  }

  /** Computes the rest of the prompt chunk by chunk; returns the first token of the answer. */
  private int prefill(int[] prompt, Generation generation) {
    transformer.setSequenceLength(prompt.length);
    cache.expect(prompt.length);
    if (!generation.prefill(cached.size(), prompt.length)) {
      return -1;
    }
    for (int from = cached.size(); from < prompt.length; from = cached.size()) {
      int count = Math.min(transformer.maxRows(), prompt.length - from);
      try (Rows rows = cache.prefill(count)) {
        Buffer tokens = chunk.slice(0, count);
        backend.upload(MemorySegment.ofArray(Arrays.copyOfRange(prompt, from, from + count)),
            tokens);
        Buffer hidden = transformer.forward(rows, tokens);
        if (from + count == prompt.length) {
          transformer.logits(hidden.slice(count - 1, count), logits);
          sampling.sample(logits, lastRow(rows.batch()));
        }
        rows.commit();
      }
      cached.add(prompt, from, from + count);
      if (!generation.prefill(cached.size(), prompt.length)) {
        return -1;
      }
    }
    return sampling.token();
  }

  private static Batch lastRow(Batch batch) {
    int last = batch.rows() - 1;
    return new Batch(1, batch.slots().slice(last, last + 1),
        batch.positions().slice(last, last + 1));
  }

  /** The loop: record a step once, run it for every token. */
  private void decode(int first, Generation generation) {
    @Nullable
    Step step = null;
    try (DecodeBatch rows = cache.step()) {
      long recorded = 0;
      int token = first;
      while (generation.accept(token)) {
        if (transformer.dependsOnSequenceLength()) {
          transformer.setSequenceLength(cached.size() + 1);
        }
        long version = rows.prepare();
        if (step == null || version != recorded) {
          close(step);
          step = backend.record(() -> step(rows));
          recorded = version;
        }
        StepCost cost = cache.stepCost();
        step.run();
        int next = sampling.token();
        rows.commit();
        cached.add(token);
        generation.stepped(cost);
        token = next;
      }
    } finally {
      close(step);
    }
  }

  private static void close(@Nullable Step step) {
    if (step != null) {
      step.close();
    }
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
