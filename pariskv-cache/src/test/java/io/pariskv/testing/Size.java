package io.pariskv.testing;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * One geometry to try.
 *
 * @param zones tokens in the retrieval zone of each sequence of the batch
 * @param kvHeads KV heads
 * @param group query heads of a KV head
 * @param headDim head size
 * @param dtype type of stored rows
 * @param keys how keys are distributed
 */
public record Size(List<Integer> zones, int kvHeads, int group, int headDim, DType dtype,
    RandomKv keys) {
  private static final int[] TOKENS = {0, 1, 2, 31, 32, 33, 255, 256, 257, 1000, 1023, 1024, 1025,
      4099};
  private static final int[] KV_HEADS = {1, 2, 3, 8};
  private static final int[] GROUPS = {1, 4, 7};
  private static final int[] HEAD_DIMS = {16, 32, 64, 128, 256};
  private static final int[] BATCHES = {1, 2, 5};
  private static final List<RandomKv> KEYS = List.of(RandomKv.values());

  /** Every value of every axis, in mixed combinations; large ones with few heads. */
  public static Stream<Size> all() {
    return IntStream.range(0, 2 * TOKENS.length).mapToObj(Size::number);
  }

  /** Zones as long as a context of 128K tokens, for backends that are quick enough. */
  public static Stream<Size> longest() {
    return Stream.of(
        new Size(List.of(131_071), 1, 4, 128, DType.BF16, RandomKv.COMMON_MEAN),
        new Size(List.of(131_071, 257), 2, 7, 32, DType.F32, RandomKv.SPREAD_NORMS));
  }

  /** The type and head size that kernels are fastest with, with any lengths, and groups that fill no tile. */
  public static Stream<Size> common() {
    return Stream.of(
        new Size(List.of(4099, 0, 33, 257, 1), 1, 7, 128, DType.BF16, RandomKv.COMMON_MEAN),
        new Size(List.of(1025, 31), 2, 1, 128, DType.BF16, RandomKv.SPREAD_NORMS),
        new Size(List.of(4099, 255), 1, 7, 64, DType.BF16, RandomKv.NORMAL));
  }

  private static Size number(int i) {
    int round = i / TOKENS.length;
    int tokens = TOKENS[i % TOKENS.length];
    int headDim = pick(HEAD_DIMS, i);
    int kvHeads = pick(KV_HEADS, i + round);
    if ((long) tokens * kvHeads * headDim > 1 << 20) {
      kvHeads = 1 + round % 2;
    }
    int[] other = {tokens, tokens / 2 + 1, 0, 3, Math.min(tokens, 40)};
    int batch = pick(BATCHES, i + i / 3);
    return new Size(IntStream.of(other).limit(batch).boxed().toList(), kvHeads, pick(GROUPS, i + 1),
        headDim, i % 2 == 0 ? DType.BF16 : DType.F32,
        KEYS.get((i + round) % KEYS.size()));
  }

  private static int pick(int[] values, int i) {
    return values[i % values.length];
  }

  /** The same with another head size. */
  public Size withHeadDim(int other) {
    return new Size(zones, kvHeads, group, other, dtype, keys);
  }

  /** Query heads. */
  public int heads() {
    return kvHeads * group;
  }

  /** Sequences of the batch. */
  public int rows() {
    return zones.size();
  }

  /** Summarised blocks of a head. */
  public int subspaces() {
    return headDim / 8;
  }

  /** A retrieval budget that goes with this size, now small, now everything. */
  public RetrievalBudget budget() {
    return switch ((zones.getFirst() + headDim / 16 + kvHeads) % 4) {
      case 0 -> new RetrievalBudget(100, null, null);
      case 1 -> new RetrievalBudget(5000, 1.0, 1.0); // k above the zone
      case 2 -> new RetrievalBudget(1, 0.03, 0.1);
      default -> new RetrievalBudget(17, 0.3, 0.5);
    };
  }

  /** The geometry, with {@link Fixture#LAYER} the last layer. */
  public KvShape shape(int window) {
    return new KvShape(Fixture.LAYER + 1, heads(), kvHeads, headDim, dtype, List.of(0, window));
  }
}
