package io.pariskv.engine;

import org.jspecify.annotations.Nullable;
import io.pariskv.method.SelectedKeys;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.Generation;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Sequence;
import io.pariskv.kv.RowFetches;
import io.pariskv.method.StepCost;

/** A request that has a place: its sequence, and how far it is. On the engine's thread. */
final class Running {
  private final Request request;
  private final Sequence sequence;
  private final Generation generation;
  private final int cached;
  private final long startedAt = System.nanoTime();
  private @Nullable SelectedKeys selectedBefore;
  private RowFetches before = RowFetches.NONE;
  private StepCost cost = new StepCost(0, 0, 0, 0);
  private boolean prefilled;
  private int next;

  /** @param sequence cut to what it shares with the prompt */
  Running(LanguageModel model, Request request, Sequence sequence) {
    this.request = request;
    this.sequence = sequence;
    this.cached = sequence.length();
    this.generation = new Generation(model, request.options(), request.listener(),
        request.limit());
  }

  Request request() {
    return request;
  }

  Sequence sequence() {
    return sequence;
  }

  /** Prompt tokens that were in the cache already. */
  int cached() {
    return cached;
  }

  /** Tokens that memory is promised for. */
  int room() {
    return Math.max(request.mostTokens(), sequence.mostTokens());
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
    return generation.prefill(sequence.length(), request.prompt().length);
  }

  /** The whole prompt is in the cache. */
  void prefilled(int first) {
    tellPrefilled();
    before = sequence.fetches();
    selectedBefore = sequence.selected();
    next = first;
  }

  private void tellPrefilled() {
    if (!prefilled) {
      generation.prefilled(request.prompt().length, cached, startedAt);
      prefilled = true;
    }
  }

  /** A decode step follows. */
  void beforeStep() {
    cost = sequence.stepCost();
  }

  /** A decode step chose a token. */
  void stepped(int chosen) {
    generation.stepped(cost);
    next = chosen;
  }

  /** Tells the token chosen last; returns whether to go on. */
  boolean tellToken() {
    return generation.accept(next);
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
        prefilled ? ContextAttention.State.DECODE : ContextAttention.State.PREFILL,
        request.prompt().length, sequence.zones(), sequence.selectedPlaces());
  }

  /** Ends it from outside. */
  void end(FinishReason why) {
    generation.end(why);
  }

  /** @param cachedRows whether there is a cache of rows */
  GenerationResult result(long summaryBytes, boolean cachedRows) {
    tellPrefilled();
    generation.selected(selectedBefore, sequence.selected());
    return generation.result(sequence.length(), summaryBytes,
        cachedRows ? sequence.fetches().since(before) : null);
  }
}
