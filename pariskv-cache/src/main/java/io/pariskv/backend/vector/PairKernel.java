package io.pariskv.backend.vector;

import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Decode attention's arithmetic on rows of bf16 where they lie, for four query heads at once. It runs at
 * the speed of the multipliers when the rows are in a cache.
 *
 * <p>A vector of ints holds a pair of numbers in each lane: the even one is the lane shifted left, the odd
 * one is the lane's upper half. So two operations widen twice as many numbers as a load that extends
 * each, and nothing is stored in between. The numbers of a head are then in <em>paired order</em>: of each
 * {@link #CHUNK} the even ones first, then the odd ones. Queries are put into that order beforehand, sums
 * of values are taken out of it at the end.
 *
 * <p>Written for 32 registers of 16 lanes, and for what the compiler does with it:
 * <ul>
 * <li>After some twenty vector operations a method has reached the compiler's limit of nodes. From there
 * on it inlines the Vector API's own methods and no others, and a vector that passes through a call becomes
 * an object, a hundred times slower. So there are no helper methods here.
 * <li>Addresses are cut to {@link Raw#SPACE}: then the compiler sees that no access can be out of bounds.
 * Otherwise it splits every loop in two, around checks that cost more than the loop.
 * <li>All operands lie off the heap at multiples of 64 bytes. A vector in an array never does, and takes
 * two cache lines.
 * </ul>
 */
final class PairKernel {
  /** Query heads of one call. */
  static final int HEADS = 4;

  /** Rows of one call of {@link #scores}. */
  static final int ROWS = 4;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final MemorySegment ALL = Raw.ALL;
  private static final long SPACE = Raw.SPACE;
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private static final int LANES = 16;
  private static final int VECTOR = LANES * Float.BYTES;

  /** Numbers that are put into paired order together. */
  private static final int CHUNK = 2 * LANES;

  /** Columns of one pass of {@link #sums}: sixteen registers of sums for four heads. */
  private static final int COLUMNS = 2 * CHUNK;

  private static final int ODD = 0xffff0000;

  private static final VectorMask<Float> BIT3 = lanesWith(8);
  private static final VectorMask<Float> BIT2 = lanesWith(4);
  private static final VectorMask<Float> BIT1 = lanesWith(2);
  private static final VectorMask<Float> BIT0 = lanesWith(1);
  private static final VectorShuffle<Float> FLIP3 = flip(8);
  private static final VectorShuffle<Float> FLIP2 = flip(4);
  private static final VectorShuffle<Float> FLIP1 = flip(2);
  private static final VectorShuffle<Float> FLIP0 = flip(1);

  private static final FloatVector EVEN_LANES = lanes(lane -> 2 * lane);
  private static final FloatVector ODD_LANES = lanes(lane -> 2 * lane + 1);
  private static final FloatVector FIRST_HALVES = lanes(lane -> lane / 2 + lane % 2 * LANES);
  private static final FloatVector SECOND_HALVES = FIRST_HALVES.add(LANES / 2);

  private PairKernel() {
  }

  private static FloatVector lanes(IntUnaryOperator from) {
    float[] lanes = new float[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = from.applyAsInt(lane);
    }
    return FloatVector.fromArray(FLOATS, lanes, 0);
  }

  private static VectorMask<Float> lanesWith(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = (lane & bit) != 0;
    }
    return VectorMask.fromArray(FLOATS, lanes, 0);
  }

  private static VectorShuffle<Float> flip(int bit) {
    return VectorShuffle.fromOp(FLOATS, lane -> lane ^ bit);
  }

  /** Whether rows of this type and length, for this many query heads, are served here. */
  static boolean serves(DType type, int headDim, int group) {
    return Species.BITS == 512 && type == DType.BF16 && headDim % COLUMNS == 0
        && group >= HEADS - 1;
  }

  /**
   * Puts head {@code h} of a set into the order that {@link #scores} takes: the first vector of each head,
   * then the second of each, and so on.
   *
   * @param q address of {@code [headDim] f32}
   * @param queries address of {@code [HEADS][headDim] f32}
   */
  static void pair(long q, float scale, int headDim, long queries, int h) {
    for (int i = 0; i < headDim; i += CHUNK) {
      FloatVector a = Raw.f32(q + 4L * i).mul(scale);
      FloatVector b = Raw.f32(q + 4L * i + VECTOR).mul(scale);
      long to = queries + 4L * HEADS * i + (long) h * VECTOR;
      Raw.store(EVEN_LANES.selectFrom(a, b), to);
      Raw.store(ODD_LANES.selectFrom(a, b), to + HEADS * VECTOR);
    }
  }

  /** Takes a head's sum, {@code [headDim] f32} at address {@code sum}, out of paired order. */
  static void unpair(long sum, int headDim, float[] to, int at) {
    for (int i = 0; i < headDim; i += CHUNK) {
      FloatVector even = Raw.f32(sum + 4L * i);
      FloatVector odd = Raw.f32(sum + 4L * i + VECTOR);
      FIRST_HALVES.selectFrom(even, odd).intoArray(to, at + i);
      SECOND_HALVES.selectFrom(even, odd).intoArray(to, at + i + LANES);
    }
  }

  /**
   * {@code out[t][h] = q[h] . row[t]} for four rows and four heads.
   *
   * <p>Sixteen sums grow side by side; every row and every query is loaded once. Then they are added up
   * across lanes in a tree: each level makes one vector of two, with half as many terms of either left,
   * until each lane is one sum.
   *
   * @param q address of four heads in the order of {@link #pair}
   * @param headDim numbers of a head
   * @param r0 address of the first row
   * @param out address of {@code [ROWS][HEADS] f32}
   */
  static void scores(long q, int headDim, long r0, long r1, long r2, long r3, long out) {
    FloatVector s00 = FloatVector.zero(FLOATS);
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
      long at = 2L * i;
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, (r0 & SPACE) + at, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, (r1 & SPACE) + at, ORDER);
      IntVector w2 = IntVector.fromMemorySegment(INTS, ALL, (r2 & SPACE) + at, ORDER);
      IntVector w3 = IntVector.fromMemorySegment(INTS, ALL, (r3 & SPACE) + at, ORDER);
      long queries = (q & SPACE) + 16L * i;
      {
        FloatVector k0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
        FloatVector k1 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
        FloatVector k2 = w2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
        FloatVector k3 = w3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
        FloatVector q0 = FloatVector.fromMemorySegment(FLOATS, ALL, queries, ORDER);
        s00 = k0.fma(q0, s00);
        s10 = k1.fma(q0, s10);
        s20 = k2.fma(q0, s20);
        s30 = k3.fma(q0, s30);
        FloatVector q1 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + VECTOR, ORDER);
        s01 = k0.fma(q1, s01);
        s11 = k1.fma(q1, s11);
        s21 = k2.fma(q1, s21);
        s31 = k3.fma(q1, s31);
        FloatVector q2 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + 2 * VECTOR, ORDER);
        s02 = k0.fma(q2, s02);
        s12 = k1.fma(q2, s12);
        s22 = k2.fma(q2, s22);
        s32 = k3.fma(q2, s32);
        FloatVector q3 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + 3 * VECTOR, ORDER);
        s03 = k0.fma(q3, s03);
        s13 = k1.fma(q3, s13);
        s23 = k2.fma(q3, s23);
        s33 = k3.fma(q3, s33);
      }
      {
        FloatVector k0 = w0.and(ODD).reinterpretAsFloats();
        FloatVector k1 = w1.and(ODD).reinterpretAsFloats();
        FloatVector k2 = w2.and(ODD).reinterpretAsFloats();
        FloatVector k3 = w3.and(ODD).reinterpretAsFloats();
        FloatVector q0 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + 4 * VECTOR, ORDER);
        s00 = k0.fma(q0, s00);
        s10 = k1.fma(q0, s10);
        s20 = k2.fma(q0, s20);
        s30 = k3.fma(q0, s30);
        FloatVector q1 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + 5 * VECTOR, ORDER);
        s01 = k0.fma(q1, s01);
        s11 = k1.fma(q1, s11);
        s21 = k2.fma(q1, s21);
        s31 = k3.fma(q1, s31);
        FloatVector q2 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + 6 * VECTOR, ORDER);
        s02 = k0.fma(q2, s02);
        s12 = k1.fma(q2, s12);
        s22 = k2.fma(q2, s22);
        s32 = k3.fma(q2, s32);
        FloatVector q3 = FloatVector.fromMemorySegment(FLOATS, ALL, queries + 7 * VECTOR, ORDER);
        s03 = k0.fma(q3, s03);
        s13 = k1.fma(q3, s13);
        s23 = k2.fma(q3, s23);
        s33 = k3.fma(q3, s33);
      }
    }
    s00 = s00.blend(s20, BIT3).add(s20.blend(s00, BIT3).rearrange(FLIP3));
    s01 = s01.blend(s21, BIT3).add(s21.blend(s01, BIT3).rearrange(FLIP3));
    s02 = s02.blend(s22, BIT3).add(s22.blend(s02, BIT3).rearrange(FLIP3));
    s03 = s03.blend(s23, BIT3).add(s23.blend(s03, BIT3).rearrange(FLIP3));
    s10 = s10.blend(s30, BIT3).add(s30.blend(s10, BIT3).rearrange(FLIP3));
    s11 = s11.blend(s31, BIT3).add(s31.blend(s11, BIT3).rearrange(FLIP3));
    s12 = s12.blend(s32, BIT3).add(s32.blend(s12, BIT3).rearrange(FLIP3));
    s13 = s13.blend(s33, BIT3).add(s33.blend(s13, BIT3).rearrange(FLIP3));
    s00 = s00.blend(s10, BIT2).add(s10.blend(s00, BIT2).rearrange(FLIP2));
    s01 = s01.blend(s11, BIT2).add(s11.blend(s01, BIT2).rearrange(FLIP2));
    s02 = s02.blend(s12, BIT2).add(s12.blend(s02, BIT2).rearrange(FLIP2));
    s03 = s03.blend(s13, BIT2).add(s13.blend(s03, BIT2).rearrange(FLIP2));
    s00 = s00.blend(s02, BIT1).add(s02.blend(s00, BIT1).rearrange(FLIP1));
    s01 = s01.blend(s03, BIT1).add(s03.blend(s01, BIT1).rearrange(FLIP1));
    s00 = s00.blend(s01, BIT0).add(s01.blend(s00, BIT0).rearrange(FLIP0));
    s00.intoMemorySegment(ALL, out & SPACE, ORDER);
  }

  /**
   * {@code sums[h] += sum over t of weights[t][h] * row[t]} for four heads.
   *
   * @param weights address of {@code [count][HEADS] f32}
   * @param rows addresses of {@code count} rows
   * @param sums address of {@code [HEADS][headDim] f32} in paired order
   */
  static void sums(long weights, long[] rows, int count, long sums, int headDim) {
    for (int i = 0; i < headDim; i += COLUMNS) {
      sumColumns(weights, rows, count, 2L * i, sums + 4L * i, 4L * headDim);
    }
  }

  /** {@link #sums} of {@link #COLUMNS} columns, {@code offset} bytes from the start of every row. */
  private static void sumColumns(long weights, long[] rows, int count, long offset, long sums,
      long stride) {
    long h0 = sums & SPACE;
    long h1 = h0 + stride & SPACE;
    long h2 = h1 + stride & SPACE;
    long h3 = h2 + stride & SPACE;
    long p = weights & SPACE;
    FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, ALL, h0, ORDER);
    FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, ALL, h0 + VECTOR, ORDER);
    FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, ALL, h0 + 2 * VECTOR, ORDER);
    FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, ALL, h0 + 3 * VECTOR, ORDER);
    FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, ALL, h1, ORDER);
    FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, ALL, h1 + VECTOR, ORDER);
    FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, ALL, h1 + 2 * VECTOR, ORDER);
    FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, ALL, h1 + 3 * VECTOR, ORDER);
    FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, ALL, h2, ORDER);
    FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, ALL, h2 + VECTOR, ORDER);
    FloatVector s22 = FloatVector.fromMemorySegment(FLOATS, ALL, h2 + 2 * VECTOR, ORDER);
    FloatVector s23 = FloatVector.fromMemorySegment(FLOATS, ALL, h2 + 3 * VECTOR, ORDER);
    FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, ALL, h3, ORDER);
    FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, ALL, h3 + VECTOR, ORDER);
    FloatVector s32 = FloatVector.fromMemorySegment(FLOATS, ALL, h3 + 2 * VECTOR, ORDER);
    FloatVector s33 = FloatVector.fromMemorySegment(FLOATS, ALL, h3 + 3 * VECTOR, ORDER);
    for (int t = 0; t < count; t++) {
      long row = rows[t] + offset & SPACE;
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, row, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, row + VECTOR, ORDER);
      FloatVector v0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector v1 = w0.and(ODD).reinterpretAsFloats();
      FloatVector v2 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector v3 = w1.and(ODD).reinterpretAsFloats();
      long at = p + 16L * t;
      FloatVector p0 = FloatVector.broadcast(FLOATS,
          ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at));
      s00 = v0.fma(p0, s00);
      s01 = v1.fma(p0, s01);
      s02 = v2.fma(p0, s02);
      s03 = v3.fma(p0, s03);
      FloatVector p1 = FloatVector.broadcast(FLOATS,
          ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 4));
      s10 = v0.fma(p1, s10);
      s11 = v1.fma(p1, s11);
      s12 = v2.fma(p1, s12);
      s13 = v3.fma(p1, s13);
      FloatVector p2 = FloatVector.broadcast(FLOATS,
          ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 8));
      s20 = v0.fma(p2, s20);
      s21 = v1.fma(p2, s21);
      s22 = v2.fma(p2, s22);
      s23 = v3.fma(p2, s23);
      FloatVector p3 = FloatVector.broadcast(FLOATS,
          ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 12));
      s30 = v0.fma(p3, s30);
      s31 = v1.fma(p3, s31);
      s32 = v2.fma(p3, s32);
      s33 = v3.fma(p3, s33);
    }
    s00.intoMemorySegment(ALL, h0, ORDER);
    s01.intoMemorySegment(ALL, h0 + VECTOR, ORDER);
    s02.intoMemorySegment(ALL, h0 + 2 * VECTOR, ORDER);
    s03.intoMemorySegment(ALL, h0 + 3 * VECTOR, ORDER);
    s10.intoMemorySegment(ALL, h1, ORDER);
    s11.intoMemorySegment(ALL, h1 + VECTOR, ORDER);
    s12.intoMemorySegment(ALL, h1 + 2 * VECTOR, ORDER);
    s13.intoMemorySegment(ALL, h1 + 3 * VECTOR, ORDER);
    s20.intoMemorySegment(ALL, h2, ORDER);
    s21.intoMemorySegment(ALL, h2 + VECTOR, ORDER);
    s22.intoMemorySegment(ALL, h2 + 2 * VECTOR, ORDER);
    s23.intoMemorySegment(ALL, h2 + 3 * VECTOR, ORDER);
    s30.intoMemorySegment(ALL, h3, ORDER);
    s31.intoMemorySegment(ALL, h3 + VECTOR, ORDER);
    s32.intoMemorySegment(ALL, h3 + 2 * VECTOR, ORDER);
    s33.intoMemorySegment(ALL, h3 + 3 * VECTOR, ORDER);
  }
}
