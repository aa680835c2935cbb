package io.pariskv.index;

import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import java.util.SplittableRandom;

/** Copies some keys of one KV head into rows that lie together: what codebooks are trained on. Exact. */
public interface KeySample {
  /** The seed of every sample: the same keys give the same codebooks. */
  long SEED = 4321;

  /**
   * @param positions {@code [n] i32} of {@code slot}, each below its length
   * @param rows out, {@code [n][headDim]} in the store's type
   */
  void gather(KvStore kv, int layer, int slot, int kvHead, Buffer positions, Buffer rows);

  /**
   * Positions without replacement, ascending: all from {@code from} to {@code to - 1} if that are at most {@code most},
   * else one at random of each of {@code most} parts of them as equal as can be.
   */
  static int[] positions(int from, int to, int most) {
    int keys = to - from;
    int[] positions = new int[Math.min(keys, most)];
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < positions.length; i++) {
      int first = (int) ((long) i * keys / positions.length);
      int end = (int) ((i + 1L) * keys / positions.length);
      positions[i] = from + random.nextInt(first, end);
    }
    return positions;
  }
}
