package io.pariskv.backend.vector;

import io.pariskv.memory.DType;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Decode attention's arithmetic on rows of bf16 where they lie, for four query heads at once.
 *
 * <p>A vector of ints holds a pair of numbers in each lane: the even one is the lane shifted left, the odd
 * one is the lane's upper half. So two operations widen twice as many numbers as a load that extends
 * each, and nothing is stored in between. The numbers of a head are then in <em>paired order</em>: of each
 * {@link #CHUNK} the even ones first, then the odd ones. Queries are put into that order beforehand, sums
 * of values are taken out of it at the end.
 *
 * <p>Every row read serves four heads; the sixteen sums of four rows and four heads are added up across
 * lanes together, in a tree that ends with one sum a lane. Written for 32 registers of 16 lanes.
 */
final class PairKernel {
  /** Query heads of one call. */
  static final int HEADS = 4;

  /** Rows of one call of {@link #scores}. */
  static final int ROWS = 4;

  private static final int LANES = Species.FLOATS.length();

  /** Numbers that are put into paired order together. */
  static final int CHUNK = 2 * LANES;

  private static final int ODD = 0xffff0000;

  private static final VectorMask<Float> BIT3 = lanesWith(8);
  private static final VectorMask<Float> BIT2 = lanesWith(4);
  private static final VectorMask<Float> BIT1 = lanesWith(2);
  private static final VectorMask<Float> BIT0 = lanesWith(1);
  private static final VectorShuffle<Float> FLIP3 = flip(8);
  private static final VectorShuffle<Float> FLIP2 = flip(4);
  private static final VectorShuffle<Float> FLIP1 = flip(2);
  private static final VectorShuffle<Float> FLIP0 = flip(1);

  private PairKernel() {
  }

  private static VectorMask<Float> lanesWith(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = (lane & bit) != 0;
    }
    return VectorMask.fromArray(Species.FLOATS, lanes, 0);
  }

  private static VectorShuffle<Float> flip(int bit) {
    return VectorShuffle.fromOp(Species.FLOATS, lane -> (lane ^ bit) % LANES);
  }

  /** Whether rows of this type and length, for this many query heads, are served here. */
  static boolean serves(DType type, int headDim, int group) {
    return LANES == 16 && type == DType.BF16 && headDim % CHUNK == 0 && group >= HEADS - 1;
  }

  /** Puts the numbers of a head into paired order. */
  static void pair(float[] from, int at, float[] to, int toAt, int headDim) {
    for (int i = 0; i < headDim; i += CHUNK) {
      for (int lane = 0; lane < LANES; lane++) {
        to[toAt + i + lane] = from[at + i + 2 * lane];
        to[toAt + i + LANES + lane] = from[at + i + 2 * lane + 1];
      }
    }
  }

  /** Takes the numbers of a head out of paired order. */
  static void unpair(float[] from, int at, float[] to, int toAt, int headDim) {
    for (int i = 0; i < headDim; i += CHUNK) {
      for (int lane = 0; lane < LANES; lane++) {
        to[toAt + i + 2 * lane] = from[at + i + lane];
        to[toAt + i + 2 * lane + 1] = from[at + i + LANES + lane];
      }
    }
  }

  /**
   * {@code out[h][t] = q[h] . row[t]} for four heads and four rows.
   *
   * @param q four heads of {@code headDim} in paired order from {@code qAt}
   * @param r0 address of the first row
   * @param out heads {@code outStride} apart from {@code outAt}
   * @param lanes room for sixteen vectors
   */
  static void scores(float[] q, int qAt, int headDim, long r0, long r1, long r2, long r3,
      float[] out, int outAt, int outStride, float[] lanes) {
    FloatVector s00 = FloatVector.zero(Species.FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    for (int i = 0; i < headDim; i += CHUNK) {
      IntVector w0 = pairs(r0 + 2L * i);
      IntVector w1 = pairs(r1 + 2L * i);
      IntVector w2 = pairs(r2 + 2L * i);
      IntVector w3 = pairs(r3 + 2L * i);
      int at = qAt + i;
      {
        FloatVector k0 = even(w0);
        FloatVector k1 = even(w1);
        FloatVector k2 = even(w2);
        FloatVector k3 = even(w3);
        FloatVector q0 = FloatVector.fromArray(Species.FLOATS, q, at);
        s00 = k0.fma(q0, s00);
        s01 = k1.fma(q0, s01);
        s02 = k2.fma(q0, s02);
        s03 = k3.fma(q0, s03);
        FloatVector q1 = FloatVector.fromArray(Species.FLOATS, q, at + headDim);
        s10 = k0.fma(q1, s10);
        s11 = k1.fma(q1, s11);
        s12 = k2.fma(q1, s12);
        s13 = k3.fma(q1, s13);
        FloatVector q2 = FloatVector.fromArray(Species.FLOATS, q, at + 2 * headDim);
        s20 = k0.fma(q2, s20);
        s21 = k1.fma(q2, s21);
        s22 = k2.fma(q2, s22);
        s23 = k3.fma(q2, s23);
        FloatVector q3 = FloatVector.fromArray(Species.FLOATS, q, at + 3 * headDim);
        s30 = k0.fma(q3, s30);
        s31 = k1.fma(q3, s31);
        s32 = k2.fma(q3, s32);
        s33 = k3.fma(q3, s33);
      }
      at += LANES;
      {
        FloatVector k0 = odd(w0);
        FloatVector k1 = odd(w1);
        FloatVector k2 = odd(w2);
        FloatVector k3 = odd(w3);
        FloatVector q0 = FloatVector.fromArray(Species.FLOATS, q, at);
        s00 = k0.fma(q0, s00);
        s01 = k1.fma(q0, s01);
        s02 = k2.fma(q0, s02);
        s03 = k3.fma(q0, s03);
        FloatVector q1 = FloatVector.fromArray(Species.FLOATS, q, at + headDim);
        s10 = k0.fma(q1, s10);
        s11 = k1.fma(q1, s11);
        s12 = k2.fma(q1, s12);
        s13 = k3.fma(q1, s13);
        FloatVector q2 = FloatVector.fromArray(Species.FLOATS, q, at + 2 * headDim);
        s20 = k0.fma(q2, s20);
        s21 = k1.fma(q2, s21);
        s22 = k2.fma(q2, s22);
        s23 = k3.fma(q2, s23);
        FloatVector q3 = FloatVector.fromArray(Species.FLOATS, q, at + 3 * headDim);
        s30 = k0.fma(q3, s30);
        s31 = k1.fma(q3, s31);
        s32 = k2.fma(q3, s32);
        s33 = k3.fma(q3, s33);
      }
    }
    s00.intoArray(lanes, 0);
    s01.intoArray(lanes, 1 * LANES);
    s02.intoArray(lanes, 2 * LANES);
    s03.intoArray(lanes, 3 * LANES);
    s10.intoArray(lanes, 4 * LANES);
    s11.intoArray(lanes, 5 * LANES);
    s12.intoArray(lanes, 6 * LANES);
    s13.intoArray(lanes, 7 * LANES);
    s20.intoArray(lanes, 8 * LANES);
    s21.intoArray(lanes, 9 * LANES);
    s22.intoArray(lanes, 10 * LANES);
    s23.intoArray(lanes, 11 * LANES);
    s30.intoArray(lanes, 12 * LANES);
    s31.intoArray(lanes, 13 * LANES);
    s32.intoArray(lanes, 14 * LANES);
    s33.intoArray(lanes, 15 * LANES);
    addUp(lanes);
    for (int h = 0; h < HEADS; h++) {
      for (int t = 0; t < ROWS; t++) {
        out[outAt + h * outStride + t] = lanes[ROWS * h + t];
      }
    }
  }

  /**
   * Adds up sixteen vectors across their lanes: lane {@code n} of the first becomes the sum of vector
   * {@code n}. Each level makes one vector of two, with half as many terms of either left.
   */
  private static void addUp(float[] lanes) {
    for (int n = 0; n < 8; n++) {
      fold3(vector(lanes, n), vector(lanes, n + 8)).intoArray(lanes, n * LANES);
    }
    for (int n = 0; n < 4; n++) {
      fold2(vector(lanes, n), vector(lanes, n + 4)).intoArray(lanes, n * LANES);
    }
    for (int n = 0; n < 2; n++) {
      fold1(vector(lanes, n), vector(lanes, n + 2)).intoArray(lanes, n * LANES);
    }
    fold0(vector(lanes, 0), vector(lanes, 1)).intoArray(lanes, 0);
  }

  private static FloatVector vector(float[] lanes, int n) {
    return FloatVector.fromArray(Species.FLOATS, lanes, n * LANES);
  }

  private static FloatVector fold3(FloatVector a, FloatVector b) {
    return a.blend(b, BIT3).add(b.blend(a, BIT3).rearrange(FLIP3));
  }

  private static FloatVector fold2(FloatVector a, FloatVector b) {
    return a.blend(b, BIT2).add(b.blend(a, BIT2).rearrange(FLIP2));
  }

  private static FloatVector fold1(FloatVector a, FloatVector b) {
    return a.blend(b, BIT1).add(b.blend(a, BIT1).rearrange(FLIP1));
  }

  private static FloatVector fold0(FloatVector a, FloatVector b) {
    return a.blend(b, BIT0).add(b.blend(a, BIT0).rearrange(FLIP0));
  }

  /**
   * {@code sums[h] += sum over t of weights[h][t] * row[t]} for four heads.
   *
   * @param weights heads {@code weightStride} apart from {@code weightAt}
   * @param rows addresses of {@code count} rows
   * @param sums four heads of {@code headDim} in paired order from {@code sumAt}
   */
  static void sums(float[] weights, int weightAt, int weightStride, long[] rows, int count,
      float[] sums, int sumAt, int headDim) {
    for (int i = 0; i < headDim; i += CHUNK) {
      sumChunk(weights, weightAt, weightStride, rows, count, 2L * i, sums, sumAt + i, headDim);
    }
  }

  private static void sumChunk(float[] weights, int weightAt, int weightStride, long[] rows,
      int count, long offset, float[] sums, int at, int headDim) {
    int at1 = at + headDim;
    int at2 = at1 + headDim;
    int at3 = at2 + headDim;
    FloatVector e0 = FloatVector.fromArray(Species.FLOATS, sums, at);
    FloatVector o0 = FloatVector.fromArray(Species.FLOATS, sums, at + LANES);
    FloatVector e1 = FloatVector.fromArray(Species.FLOATS, sums, at1);
    FloatVector o1 = FloatVector.fromArray(Species.FLOATS, sums, at1 + LANES);
    FloatVector e2 = FloatVector.fromArray(Species.FLOATS, sums, at2);
    FloatVector o2 = FloatVector.fromArray(Species.FLOATS, sums, at2 + LANES);
    FloatVector e3 = FloatVector.fromArray(Species.FLOATS, sums, at3);
    FloatVector o3 = FloatVector.fromArray(Species.FLOATS, sums, at3 + LANES);
    for (int t = 0; t < count; t++) {
      IntVector w = pairs(rows[t] + offset);
      FloatVector even = even(w);
      FloatVector odd = odd(w);
      FloatVector p0 = FloatVector.broadcast(Species.FLOATS, weights[weightAt + t]);
      e0 = even.fma(p0, e0);
      o0 = odd.fma(p0, o0);
      FloatVector p1 = FloatVector.broadcast(Species.FLOATS, weights[weightAt + weightStride + t]);
      e1 = even.fma(p1, e1);
      o1 = odd.fma(p1, o1);
      FloatVector p2 = FloatVector.broadcast(Species.FLOATS,
          weights[weightAt + 2 * weightStride + t]);
      e2 = even.fma(p2, e2);
      o2 = odd.fma(p2, o2);
      FloatVector p3 = FloatVector.broadcast(Species.FLOATS,
          weights[weightAt + 3 * weightStride + t]);
      e3 = even.fma(p3, e3);
      o3 = odd.fma(p3, o3);
    }
    e0.intoArray(sums, at);
    o0.intoArray(sums, at + LANES);
    e1.intoArray(sums, at1);
    o1.intoArray(sums, at1 + LANES);
    e2.intoArray(sums, at2);
    o2.intoArray(sums, at2 + LANES);
    e3.intoArray(sums, at3);
    o3.intoArray(sums, at3 + LANES);
  }

  private static IntVector pairs(long address) {
    return IntVector.fromMemorySegment(Species.INTS, Raw.ALL, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector even(IntVector pairs) {
    return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  private static FloatVector odd(IntVector pairs) {
    return pairs.and(ODD).reinterpretAsFloats();
  }
}
