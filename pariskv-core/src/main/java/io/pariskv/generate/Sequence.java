package io.pariskv.generate;

import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.TokenZones;
import io.pariskv.method.SelectedKeys;
import io.pariskv.method.SelectedPlaces;
import io.pariskv.method.StepCost;
import org.jspecify.annotations.Nullable;

/** A cache and the tokens in it. Made by {@link ModelRunner#open}; closing frees its memory. One driving thread. */
public final class Sequence implements AutoCloseable {
  private final KvCache cache;
  private final TokenList tokens = new TokenList();
  private int most;
  /** The first so many have K and V of prefill. */
  private int exact;

  Sequence(CachePool pool) {
    this.cache = pool.open();
  }

  /** Tokens in the cache. */
  public int length() {
    return tokens.size();
  }

  /** The most tokens that were in the cache: so many its memory is for. */
  public int mostTokens() {
    return most;
  }

  /** How many tokens it and a prompt both begin with. */
  public int commonPrefix(int[] prompt) {
    return tokens.commonPrefix(prompt);
  }

  /**
   * How many tokens it begins with whose K and V are of prefill, and so the same whatever the method; those after them
   * come from decode steps, or depend on some that do.
   */
  public int exactTokens() {
    return exact;
  }

  /** The tokens in the cache, copied. */
  int[] tokens() {
    return tokens.all();
  }

  /** The tokens in the cache and one more, copied. */
  public int[] followedBy(int next) {
    return tokens.followedBy(next);
  }

  /** Forgets every token from {@code length} on; what the next prompt shares with the rest is not computed again. */
  public void truncate(int length) {
    cache.truncate(length);
    tokens.truncate(length);
    exact = Math.min(exact, tokens.size());
  }

  /** Cuts the cache to what it shares with the first {@code most} tokens of a prompt; returns how many. */
  public int reuse(int[] prompt, int most) {
    int shared = Math.min(tokens.commonPrefix(prompt), most);
    truncate(shared);
    return shared;
  }

  /** What the next decode step reads. */
  public StepCost stepCost() {
    return cache.stepCost();
  }

  /** Where decode steps so far had selected rows from. Waits for all work before. */
  public RowFetches fetches() {
    return cache.fetches();
  }

  /** What decode steps so far selected, if the method's budget adapts, else null. Waits for all work before. */
  public @Nullable SelectedKeys selected() {
    return cache.selected();
  }

  /** The zones of the tokens in the cache. */
  public TokenZones zones() {
    return cache.zones();
  }

  /** Where decode steps since the last prompt selected, if the method counts, else null. Waits for all work before. */
  public @Nullable SelectedPlaces selectedPlaces() {
    return cache.selectedPlaces();
  }

  KvCache cache() {
    return cache;
  }

  /** Takes note of tokens that the cache has now. */
  void appended(int[] source, int from, int to) {
    tokens.add(source, from, to);
    most = Math.max(most, tokens.size());
  }

  /** The same of tokens that were prefilled. */
  void prefilled(int[] source, int from, int to) {
    exact = exact == from ? to : exact;
    appended(source, from, to);
  }

  @Override
  public void close() {
    cache.close();
  }
}
