package io.pariskv.backend.vector;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link OnlineSoftmax} of four heads at once, for scores as {@link PairKernel} gives them: a vector is
 * four tokens of four heads, {@code [4][4]}.
 *
 * <p>The state of four heads is three vectors off the heap, each with a head's number in lanes 4 apart:
 * the largest score so far, the sum of weights (each lane has a part of it), and what a weighted sum has to
 * be multiplied with because of the last block.
 */
final class PairSoftmax {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int VECTOR = FLOATS.vectorByteSize();
  private static final VectorShuffle<Float> OTHER_HALF = VectorShuffle.fromOp(FLOATS, i -> i ^ 8);
  private static final VectorShuffle<Float> OTHER_QUARTER = VectorShuffle.fromOp(FLOATS,
      i -> i ^ 4);

  /** Bytes of the state of four heads. */
  static final int BYTES = 3 * VECTOR;

  private PairSoftmax() {
  }

  /** Begins anew. */
  static void clear(long state) {
    // Not infinity: what is smaller by an infinite amount shall get no weight, not NaN.
    Raw.store(FloatVector.broadcast(FLOATS, -Float.MAX_VALUE), state);
    Raw.store(FloatVector.zero(FLOATS), state + VECTOR);
  }

  /**
   * Replaces a block of scores, {@code [count][4]}, by weights relative to the new maximum.
   *
   * @param scores address with room for whole vectors
   * @return whether a maximum rose
   */
  static boolean weigh(long state, long scores, int count) {
    for (int i = 4 * count; i % FLOATS.length() != 0; i++) {
      Raw.setFloat(scores + 4L * i, Float.NEGATIVE_INFINITY);
    }
    long from = scores & Raw.SPACE;
    int bytes = 16 * count;
    FloatVector before = load(state);
    FloatVector now = before;
    for (int i = 0; i < bytes; i += VECTOR) {
      now = now.max(load(from + i));
    }
    now = now.max(now.rearrange(OTHER_HALF));
    now = now.max(now.rearrange(OTHER_QUARTER));
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int i = 0; i < bytes; i += VECTOR) {
      FloatVector weight = Exp.exp(load(from + i).sub(now));
      weight.intoMemorySegment(Raw.ALL, from + i, ORDER);
      sum = sum.add(weight);
    }
    FloatVector factor = Exp.exp(before.sub(now));
    Raw.store(now, state);
    Raw.store(load(state + VECTOR).fma(factor, sum), state + VECTOR);
    Raw.store(factor, state + 2L * VECTOR);
    return now.compare(VectorOperators.NE, before).anyTrue();
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(FLOATS, Raw.ALL, address & Raw.SPACE, ORDER);
  }

  /** Largest score of head {@code h}. */
  static float max(long state, int h) {
    return Raw.getFloat(state + 4L * h);
  }

  /** Sum of the weights of head {@code h}. */
  static float sum(long state, int h) {
    float sum = 0;
    for (int lane = h; lane < FLOATS.length(); lane += 4) {
      sum += Raw.getFloat(state + VECTOR + 4L * lane);
    }
    return sum;
  }

  /** What the weighted sum of head {@code h} before the last block has to be multiplied with. */
  static float factor(long state, int h) {
    return Raw.getFloat(state + 2L * VECTOR + 4L * h);
  }
}
