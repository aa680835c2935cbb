package io.pariskv.kv;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The cache of rows of one KV head in plain Java, without the rows: which place a selected position has, and which
 * positions make room for those that have none. It is the oracle of {@code row_cache.cu}, and simulates caches
 * for selections of real models.
 *
 * <p>The policy is a clock with second chance. A hand goes round the places. To make room it passes places that
 * this step uses; takes away the second chance of one that was used again since it was last passed; and evicts
 * from the others. A row that comes in has no second chance before it is used again, so rows that are wanted
 * once leave before those that are wanted often. All depends on the order of positions alone.
 */
public final class ClockCache {
  private final int[] owners;
  private final boolean[] again;
  private final Map<Integer, Integer> places = new HashMap<>();
  private int hand;

  /**
   * What became of a step's positions.
   *
   * @param misses how many come first: those that were not there
   * @param positions misses, then hits, each ascending
   * @param places the place of each, of a miss from now on
   */
  public record Step(int misses, int[] positions, int[] places) {
  }

  /** An empty cache of {@code rows} places. */
  public ClockCache(int rows) {
    owners = new int[rows];
    again = new boolean[rows];
    forget();
  }

  /** Empties the cache. */
  public void forget() {
    Arrays.fill(owners, -1);
    Arrays.fill(again, false);
    places.clear();
    hand = 0;
  }

  /**
   * Looks up what a step selects, and makes room for what is missing.
   *
   * @param selected ascending
   * @throws IllegalArgumentException if there are more than places
   */
  public Step select(int... selected) {
    if (selected.length > owners.length) {
      throw new IllegalArgumentException(selected.length + " positions are selected, and there are "
          + owners.length + " places");
    }
    int[] hits = Arrays.stream(selected).filter(places::containsKey).toArray();
    int[] misses = Arrays.stream(selected).filter(p -> !places.containsKey(p)).toArray();
    boolean[] used = new boolean[owners.length];
    for (int position : hits) {
      used[place(position)] = true;
      again[place(position)] = true;
    }
    for (int position : misses) {
      int place = evict(used);
      used[place] = true;
      owners[place] = position;
      places.put(position, place);
    }
    int[] order = IntStream.concat(Arrays.stream(misses), Arrays.stream(hits)).toArray();
    return new Step(misses.length, order, Arrays.stream(order).map(this::place).toArray());
  }

  private int place(int position) {
    return places.getOrDefault(position, -1);
  }

  private int evict(boolean[] used) {
    while (true) {
      int place = hand;
      hand = (hand + 1) % owners.length;
      if (used[place]) {
        continue;
      }
      if (!again[place]) {
        places.remove(owners[place]);
        return place;
      }
      again[place] = false;
    }
  }
}
