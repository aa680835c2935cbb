package io.pariskv.generate;

import io.pariskv.cache.CachePool;
import io.pariskv.constrain.Constraint;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowFetches;
import io.pariskv.method.SelectedKeys;
import io.pariskv.method.StepCost;
import io.pariskv.text.StopStrings;
import io.pariskv.text.TokenDecoder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The state of one running generation: text so far, when to end, what it cost. Who runs one calls {@link #cached} and
 * {@link #prefill} with the progress, {@link #decodeBegins} once the first token is chosen, then {@link #accept} for every
 * token and {@link #stepped} after every step.
 */
public final class Generation {
  private final LanguageModel model;
  private final int promptTokens;
  private final GenerationOptions options;
  private final GenerationListener listener;
  private final int limit;
  private final @Nullable TokenDecoder decoder;
  private final StopStrings stops;
  private final Constraint.@Nullable Progress constraint;
  private final List<Integer> tokens = new ArrayList<>();
  private final List<TokenLogprobs> logprobs = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private final long startedAt = System.nanoTime();

  private @Nullable FinishReason reason;
  private int cachedTokens;
  private boolean decoding;
  private long firstTokenAt;
  private long lastTokenAt;
  private RowFetches fetchedBefore = RowFetches.NONE;
  private @Nullable SelectedKeys selectedBefore;
  private int steps;
  private double attendedTokens;
  private double kvBytes;
  private double summaryBytes;
  private double adaptiveTokens;

  /**
   * One that begins now.
   *
   * @param promptTokens tokens of the prompt
   * @param listener told of progress and tokens
   * @param limit most new tokens
   */
  public Generation(LanguageModel model, int promptTokens, GenerationOptions options,
      GenerationListener listener, int limit) {
    this.model = model;
    this.promptTokens = promptTokens;
    this.options = options;
    this.listener = listener;
    this.limit = limit;
    this.decoder = model.hasTokenizer() ? model.tokenizer().decoder(true) : null;
    this.stops = new StopStrings(options.stop());
    Constraint form = options.constraint();
    this.constraint = form == null ? null : form.start();
  }

  /** Whether it has ended. */
  public boolean ended() {
    return reason != null;
  }

  /** So many prompt tokens need not be computed, since a cache had them already. */
  public void cached(int tokens) {
    cachedTokens += tokens;
  }

  /** Reports that {@code done} tokens of the prompt are in the cache; false if the listener wants to end. */
  public boolean prefill(int done) {
    if (!listener.onPrefill(done, promptTokens)) {
      reason = FinishReason.CANCELLED;
    }
    return !ended();
  }

  /** The prompt is in the cache and the first token is chosen. What steps of {@code sequence} cost counts from here on. */
  public void decodeBegins(Sequence sequence) {
    decoding = true;
    firstTokenAt = System.nanoTime();
    lastTokenAt = firstTokenAt;
    fetchedBefore = sequence.fetches();
    selectedBefore = sequence.selected();
  }

  /** A decode step has ended. */
  public void stepped(StepCost cost) {
    steps++;
    lastTokenAt = System.nanoTime();
    attendedTokens += cost.attendedTokens();
    kvBytes += cost.kvBytes();
    summaryBytes += cost.summaryBytes();
    adaptiveTokens += cost.adaptiveTokens();
  }

  /** Takes what the steps selected instead of the most that they could, if the method's budget adapts. */
  private void countSelected(Sequence sequence) {
    SelectedKeys before = selectedBefore;
    SelectedKeys now = before == null ? null : sequence.selected();
    if (before != null && now != null) {
      KvShape shape = model.kvShape();
      double tokens = (double) now.since(before).keys() / shape.layers() / shape.kvHeads();
      attendedTokens += tokens - adaptiveTokens;
      kvBytes += (tokens - adaptiveTokens) * shape.layers() * shape.tokenBytes();
      adaptiveTokens = tokens;
    }
  }

  /** Ends it from outside; without effect if it has ended. */
  public void end(FinishReason why) {
    if (!ended()) {
      reason = why;
      text.append(rest());
    }
  }

  /** Which tokens the next one may be; null for any. */
  public Constraint.@Nullable Progress constraint() {
    return constraint;
  }

  /**
   * Takes a chosen token; false if the generation ends with it.
   *
   * @param probability of the token, if the options ask for it
   */
  public boolean accept(int token, @Nullable TokenLogprobs probability) {
    if (probability != null) {
      logprobs.add(probability);
      listener.onLogprobs(probability);
    }
    tokens.add(token);
    boolean endOfTurn = !options.ignoreEos() && model.config().eosTokenIds().contains(token);
    if (constraint != null && !endOfTurn) {
      constraint.accept(token);
    }
    String piece = endOfTurn ? "" : stops.push(decode(token));
    if (endOfTurn || stops.found() != null) {
      reason = FinishReason.STOP;
    } else if (tokens.size() >= limit) {
      reason = FinishReason.LENGTH;
    }
    String rest = ended() ? rest() : "";
    text.append(piece).append(rest);
    if (!listener.onToken(token, piece + rest)) {
      end(FinishReason.CANCELLED);
    }
    return !ended();
  }

  /** The text a token completes; padding rows of the embedding, beyond the tokenizer, have none. */
  private String decode(int token) {
    return decoder == null || token >= model.tokenizer().vocabularySize()
        ? ""
        : decoder.push(token);
  }

  /** What was held back, once nothing can follow. */
  private String rest() {
    if (decoder == null || stops.found() != null) {
      return "";
    }
    String last = stops.push(decoder.finish());
    return stops.found() != null ? last : last + stops.finish();
  }

  /**
   * What it gave and cost. Waits for all work before.
   *
   * @param pool of the sequence's cache
   */
  public GenerationResult result(Sequence sequence, CachePool pool) {
    countSelected(sequence);
    RowFetches fetched = decoding
        ? sequence.fetches().since(fetchedBefore)
        : RowFetches.NONE;
    return result(sequence.length(), pool.methodBytes(), pool.cachedRows() == 0 ? null : fetched);
  }

  /** The result of one that ended before it had a sequence. */
  public GenerationResult resultWithoutSequence() {
    return result(0, 0, null);
  }

  private GenerationResult result(int heldTokens, long heldSummaryBytes,
      @Nullable RowFetches fetched) {
    FinishReason finished = reason == null ? FinishReason.CANCELLED : reason;
    double n = Math.max(steps, 1);
    KvShape shape = model.kvShape();
    Double fetchedBytes = fetched == null
        ? null
        : (double) fetched.misses() * shape.tokenBytes() / shape.kvHeads() / n;
    long prefilledAt = decoding ? firstTokenAt : System.nanoTime();
    return new GenerationResult(text.toString(), tokens, finished, promptTokens, cachedTokens,
        (prefilledAt - startedAt) / 1e9, (lastTokenAt - firstTokenAt) / 1e9, steps,
        attendedTokens / n, kvBytes / n, summaryBytes / n, heldTokens, heldSummaryBytes,
        fetched == null ? null : fetched.hitRate(), fetchedBytes, logprobs);
  }
}
