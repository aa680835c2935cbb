package io.pariskv.engine;

import io.pariskv.cache.CachePool;
import io.pariskv.constrain.Constraint;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.Generation;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Sequence;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.method.StepCost;
import org.jspecify.annotations.Nullable;

/** A request that has a place: its sequence, and how far it is. On the engine's thread. */
final class Running {
  private final long number;
  private final Request request;
  private final Sequence sequence;
  private final Generation generation;
  private int cached;
  private StepCost cost = new StepCost(0, 0, 0, 0);
  private final long startedAt = System.nanoTime();
  private int next;
  private @Nullable TokenLogprobs probability;

  /**
   * One that begins now.
   *
   * @param number larger than that of any before
   * @param sequence cut to what it shares with the prompt
   */
  Running(LanguageModel model, long number, Request request, Sequence sequence) {
    this.number = number;
    this.request = request;
    this.sequence = sequence;
    this.generation = request.newGeneration(model);
    this.cached = sequence.length();
    generation.cached(cached);
  }

  Request request() {
    return request;
  }

  Sequence sequence() {
    return sequence;
  }

  /** Whether it had a place before {@code other}. */
  boolean isBefore(Running other) {
    return number < other.number;
  }

  /** So many prompt tokens were copied into the cache. */
  void copied(int tokens) {
    generation.cached(tokens);
    cached += tokens;
  }

  /** Tokens that memory is promised for. */
  int room() {
    return Math.max(request.mostTokens(), sequence.mostTokens());
  }

  /** What its prompt has taken so far, 0 if some of it was there already and nobody knows. */
  double prefillSeconds() {
    return cached > 0 ? 0 : (System.nanoTime() - startedAt) / 1e9;
  }

  /** Prompt tokens that are not in the cache yet. */
  int rest() {
    return request.prompt().length - sequence.length();
  }

  /** The token chosen last, which is not in the cache yet. */
  int next() {
    return next;
  }

  /** All tokens so far. */
  int[] seen() {
    return sequence.followedBy(next);
  }

  /** Tells how much of the prompt is in the cache; returns whether to go on. */
  boolean tellProgress() {
    return generation.prefill(sequence.length());
  }

  /** The whole prompt is in the cache, and the first token is chosen. */
  void prefilled(int first, @Nullable TokenLogprobs probability) {
    generation.decodeBegins(sequence);
    next = first;
    this.probability = probability;
  }

  /** Which tokens the next one may be; null for any. */
  Constraint.@Nullable Progress constraint() {
    return generation.constraint();
  }

  /** A decode step follows. */
  void beforeStep() {
    cost = sequence.stepCost();
  }

  /** A decode step chose a token. */
  void stepped(int chosen, @Nullable TokenLogprobs probability) {
    generation.stepped(cost);
    next = chosen;
    this.probability = probability;
  }

  /** Tells the token chosen last; returns whether to go on. */
  boolean tellToken() {
    return generation.accept(next, probability);
  }

  /** Lets those see what it attends who wait for that. */
  void showAttention() {
    request.view().update(this::attention);
  }

  /** Lets them see how it was at last, while the sequence is there. */
  void showLastAttention() {
    request.view().end(attention());
  }

  private ContextAttention attention() {
    return new ContextAttention(
        rest() > 0 ? ContextAttention.State.PREFILL : ContextAttention.State.DECODE,
        request.prompt().length, sequence.zones(), sequence.selectedPlaces());
  }

  /** Ends it from outside. */
  void end(FinishReason why) {
    generation.end(why);
  }

  GenerationResult result(CachePool pool) {
    return generation.result(sequence, pool);
  }
}
