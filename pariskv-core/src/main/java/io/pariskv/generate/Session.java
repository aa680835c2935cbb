package io.pariskv.generate;

import io.pariskv.cache.CachePool;
import io.pariskv.error.InputException;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.SelectedPlaces;
import io.pariskv.method.StepCost;
import io.pariskv.saved.CacheHeader;
import io.pariskv.saved.CacheReader;
import io.pariskv.text.ChatMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * One sequence and its cache. Each {@link #generate} takes a whole prompt; what it shares with the tokens
 * already in the cache is not computed again, so a conversation only prefills its new turn.
 *
 * <p>Not thread-safe; the thread that drives the model.
 */
public final class Session implements AutoCloseable {
  /** The row of its sampler. */
  private static final int ROW = 0;
  /** With a file, before somebody is asked whether to go on. */
  private static final Duration PATIENCE = Duration.ofMillis(200);

  private final LanguageModel model;
  private final ModelRunner runner;
  private final CachePool pool;
  private final Sequence sequence;

  Session(LanguageModel model, AttentionMethod method) {
    this.model = model;
    Opened opened = new Opened();
    try {
      this.runner = opened.keep(new ModelRunner(model, method, 1));
      this.pool = runner.pool();
      this.sequence = runner.open();
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  /** Tokens in the cache. */
  public int length() {
    return sequence.length();
  }

  /** Ids of the tokens in the cache, copied. */
  public int[] tokens() {
    return sequence.tokens();
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
    Generation generation = new Generation(model, prompt.length, options, listener, limit);
    generation.cached(sequence.reuse(prompt, fed == 0 ? end - 1 : end));
    configure(options, prompt, generation);
    prefill(prompt, end, fed == 0, generation::prefill);
    if (!generation.ended()) {
      try (DecodeLoop steps = runner.decode(List.of(sequence))) {
        feed(prompt, end, steps, () -> configure(options, prompt, generation));
        int first = runner.chosen(ROW);
        generation.decodeBegins(sequence);
        decode(first, steps, options, generation);
      }
    }
    return generation.result(sequence, pool);
  }

  /**
   * Puts the K and V of a prompt in the cache and no more: what follows may begin with these tokens, whatever the
   * method.
   *
   * @return how many tokens had to be computed
   */
  public int prefill(int[] prompt, GenerationListener listener) {
    check(prompt, GenerationOptions.greedy(1));
    int reused = sequence.reuse(prompt, prompt.length);
    prefill(prompt, prompt.length, false, done -> listener.onPrefill(done, prompt.length));
    return sequence.length() - reused;
  }

  /** Waits until what was begun is computed: a GPU goes on after a call has returned. For who measures. */
  public void await() {
    runner.await();
  }

  /**
   * Writes K and V of the tokens that were prefilled to a file, from which {@link #load} brings them back whatever the
   * method, the backend and the place then. Tokens from the first decoded one on are left out, since theirs are as this
   * session's method made them. An older file is replaced when the new one is complete and on the disk. Costs a copy at
   * the disk's speed, and some 50 MiB.
   *
   * @param openTurn whether the tokens end within the user's message, which a question may continue
   * @param prefillSeconds what computing them took, for whoever wants to know what loading saves
   * @return how many tokens the file has
   * @throws InputException if the session is empty, or the file cannot be written; an older file is then as before
   */
  public int save(Path file, boolean openTurn, double prefillSeconds) {
    int tokens = sequence.exactTokens();
    if (tokens == 0) {
      throw new InputException(file + ": there are no tokens to save; prefill a prompt first");
    }
    try (SequenceTransfer save = runner.save(sequence, file, openTurn, prefillSeconds)) {
      finish(save, GenerationListener.NONE, tokens);
      return tokens;
    }
  }

  /**
   * Brings K and V from a file in place of what the session has. A prompt that begins with the same tokens then goes on
   * from there, as after {@link #prefill} of them.
   *
   * @param listener told of progress; ends it early, with as many tokens as are there then
   * @return what the file says of itself
   * @throws InputException if the file is of another model, or too long, and the session is then as before; or if rows in it are
   *     damaged, and the session is then empty
   */
  public CacheHeader load(Path file, GenerationListener listener) {
    try (CacheReader reader = CacheReader.open(file)) {
      reader.requireFits(model.identity(), pool.shape());
      int[] tokens = reader.tokens();
      checkFile(file, tokens);
      truncate(0);
      try (SequenceTransfer load = runner.load(sequence, reader, tokens.length)) {
        finish(load, listener, tokens.length);
        return reader.header();
      } catch (RuntimeException | Error e) {
        truncate(0);
        throw e;
      }
    }
  }

  private void checkFile(Path file, int[] tokens) {
    int context = model.plan().context();
    if (tokens.length >= context) {
      throw new InputException(file + ": has " + tokens.length
          + " tokens, but the context is " + context + " with the answer; raise --context");
    }
    try {
      check(tokens, GenerationOptions.greedy(1));
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }

  /** Moves all of it. */
  private void finish(SequenceTransfer transfer, GenerationListener listener, int total) {
    boolean goOn = listener.onPrefill(transfer.moved(), total);
    boolean done = false;
    while (goOn && !done) {
      done = transfer.advance(PATIENCE);
      goOn = listener.onPrefill(transfer.moved(), total);
    }
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
    sequence.reuse(tokens, end);
    runner.configure(ROW, GenerationOptions.greedy(1), tokens);
    prefill(tokens, end, false, done -> true);
    double[] result = new double[tokens.length - from];
    try (DecodeLoop steps = runner.decode(List.of(sequence))) {
      for (int i = 0; i < result.length; i++) {
        runner.put(ROW, tokens[end + i]);
        run(steps, tokens.length);
        result[i] = TokenLogprobs.of(runner.logits(ROW), tokens[from + i], 0).logprob();
        steps.commit(tokens[end + i]);
      }
    }
    return result;
  }

  /** Forgets every token from {@code length} on; what the next prompt shares with the rest is not computed again. */
  public void truncate(int length) {
    sequence.truncate(length);
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
      model.plan().requireSessionFits(method, Math.max(sequence.length(), 1), pool.held(),
          "truncate the session (" + sequence.length() + " tokens)");
      pool.use(method);
    }
  }

  /** What decode steps attend by. */
  public AttentionMethod method() {
    return pool.method();
  }

  /** What the next decode step reads. */
  public StepCost stepCost() {
    return sequence.stepCost();
  }

  /** Where decode steps since the last prompt selected, if the method counts, else null. Waits for all work before. */
  public @Nullable SelectedPlaces selectedPlaces() {
    return sequence.selectedPlaces();
  }

  /** Bytes of summaries and retrieval scratch held now. */
  public long summaryBytes() {
    return pool.methodBytes();
  }

  /** Most new tokens, after the checks. */
  private int check(int[] prompt, GenerationOptions options) {
    int limit = model.newTokens(prompt, options.maxTokens(), model.plan().context());
    model.plan().requireSessionFits(pool.method(), prompt.length + limit, pool.held(),
        "shorten the prompt, or lower max-tokens (" + options.maxTokens() + ")");
    return limit;
  }

  /**
   * Computes the rest of the prompt up to {@code end} chunk by chunk.
   *
   * @param sample whether the token that follows is chosen
   * @param progress told of the tokens in the cache, before the first chunk and after each; returns whether to go on
   */
  private void prefill(int[] prompt, int end, boolean sample, IntPredicate progress) {
    boolean goOn = progress.test(sequence.length());
    while (goOn && sequence.length() < end) {
      int count = Math.min(runner.maxChunk(), end - sequence.length());
      boolean last = sequence.length() + count == end;
      runner.prefill(sequence, prompt, count, sample && last ? ROW : ModelRunner.NO_ROW);
      goOn = progress.test(sequence.length());
    }
  }

  private void configure(GenerationOptions options, int[] prompt, Generation generation) {
    runner.configure(ROW, options, prompt);
    runner.constrain(ROW, generation.constraint());
  }

  /** Feeds the prompt from {@code from} on; the last step, which {@code last} prepares, chooses the token that follows. */
  private void feed(int[] prompt, int from, DecodeLoop steps, Runnable last) {
    for (int i = from; i < prompt.length; i++) {
      runner.put(ROW, prompt[i]);
      if (i == prompt.length - 1) {
        last.run(); // what the steps before chose does not count as seen
      }
      run(steps, prompt.length);
      steps.commit(prompt[i]);
    }
  }

  /** The loop of the answer. */
  private void decode(int first, DecodeLoop steps, GenerationOptions options,
      Generation generation) {
    int token = first;
    while (generation.accept(token, runner.logprobs(ROW, token, options))) {
      StepCost cost = sequence.stepCost();
      runner.constrain(ROW, generation.constraint());
      run(steps, 0);
      int next = runner.chosen(ROW);
      steps.commit(token);
      generation.stepped(cost);
      token = next;
    }
  }

  /** @param expected tokens that the sequence is known to have in the end, 0 if unknown */
  private void run(DecodeLoop steps, int expected) {
    runner.setSequenceLength(Math.max(expected, sequence.length() + 1));
    steps.run();
  }

  /** {@inheritDoc} All of it, even if a part fails. */
  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (runner; sequence) {
      // nothing else
    }
  }
}
