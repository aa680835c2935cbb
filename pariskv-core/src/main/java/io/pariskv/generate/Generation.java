package io.pariskv.generate;

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
 * The state of one running generation: text so far, when to end, what it cost. Who runs one calls {@link #prefill} with
 * the progress, {@link #prefilled} once, then {@link #accept} for every token and {@link #stepped} after every step.
 */
public final class Generation {
  private final LanguageModel model;
  private final GenerationOptions options;
  private final GenerationListener listener;
  private final int limit;
  private final @Nullable TokenDecoder decoder;
  private final StopStrings stops;
  private final List<Integer> tokens = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();

  private @Nullable FinishReason reason;
  private int promptTokens;
  private int cachedTokens;
  private double prefillSeconds;
  private long firstTokenAt;
  private long lastTokenAt;
  private int steps;
  private double attendedTokens;
  private double kvBytes;
  private double summaryBytes;
  private double adaptiveTokens;

  /**
   * One that has not begun.
   *
   * @param listener told of progress and tokens
   * @param limit most new tokens
   */
  public Generation(LanguageModel model, GenerationOptions options, GenerationListener listener,
      int limit) {
    this.model = model;
    this.options = options;
    this.listener = listener;
    this.limit = limit;
    this.decoder = model.hasTokenizer() ? model.tokenizer().decoder(true) : null;
    this.stops = new StopStrings(options.stop());
  }

  /** Whether it has ended. */
  public boolean ended() {
    return reason != null;
  }

  /** Reports progress; false if the listener wants to end. */
  public boolean prefill(int done, int total) {
    if (!listener.onPrefill(done, total)) {
      reason = FinishReason.CANCELLED;
    }
    return !ended();
  }

  /**
   * The prompt is in the cache, or the generation ended before.
   *
   * @param prompt its tokens
   * @param cached those of them that were in the cache already
   * @param startedAt when the rest was begun, of {@link System#nanoTime}
   */
  public void prefilled(int prompt, int cached, long startedAt) {
    promptTokens = prompt;
    cachedTokens = cached;
    firstTokenAt = System.nanoTime();
    lastTokenAt = firstTokenAt;
    prefillSeconds = (firstTokenAt - startedAt) / 1e9;
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
  public void selected(@Nullable SelectedKeys before, @Nullable SelectedKeys after) {
    if (before != null && after != null) {
      KvShape shape = model.kvShape();
      double tokens = (double) after.since(before).keys() / shape.layers() / shape.kvHeads();
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

  /** Takes a chosen token; false if the generation ends with it. */
  public boolean accept(int token) {
    tokens.add(token);
    boolean endOfTurn = !options.ignoreEos() && model.config().eosTokenIds().contains(token);
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
   * What it gave and cost.
   *
   * @param heldTokens tokens in the cache
   * @param heldSummaryBytes bytes of summaries and scratch
   * @param fetches counted in the decode steps, or null without a cache of rows
   */
  public GenerationResult result(int heldTokens, long heldSummaryBytes,
      @Nullable RowFetches fetches) {
    FinishReason finished = reason == null ? FinishReason.CANCELLED : reason;
    double n = Math.max(steps, 1);
    KvShape shape = model.kvShape();
    Double fetchedBytes = fetches == null
        ? null
        : (double) fetches.misses() * shape.tokenBytes() / shape.kvHeads() / n;
    return new GenerationResult(text.toString(), tokens, finished, promptTokens, cachedTokens,
        prefillSeconds, (lastTokenAt - firstTokenAt) / 1e9, steps, attendedTokens / n, kvBytes / n,
        summaryBytes / n, heldTokens, heldSummaryBytes,
        fetches == null ? null : fetches.hitRate(), fetchedBytes);
  }
}
