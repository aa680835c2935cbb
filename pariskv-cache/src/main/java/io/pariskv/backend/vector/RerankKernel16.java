package io.pariskv.backend.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sixteen lanes: the value of a code is one look-up in a register.
 *
 * <p>Four candidates go together, so that their cache misses overlap and their sums share the additions
 * between lanes.
 */
final class RerankKernel16 implements RerankKernel {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_256;
  private static final int LANES = 16;

  private static final IntVector VALUES = FloatVector
      .fromArray(FLOATS, MagnitudeLevels.codeValues(), 0).reinterpretAsInts();

  // Lanes of a pair of vectors, 16 to 31 being those of the second.
  private static final IntVector HALVES = IntVector.fromArray(INTS,
      new int[]{0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23}, 0);
  private static final IntVector QUARTERS = IntVector.fromArray(INTS,
      new int[]{0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27}, 0);
  private static final IntVector PAIRS = IntVector.fromArray(INTS,
      new int[]{2, 3, 2, 3, 6, 7, 6, 7, 10, 11, 10, 11, 14, 15, 14, 15}, 0);
  private static final IntVector SINGLES = IntVector.fromArray(INTS,
      new int[]{1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15}, 0);
  private static final IntVector RESULTS = IntVector.zero(INTS).addIndex(4);

  @Override
  public void score(KeyCodes keys, long p, long candidates, long scores, int count) {
    int last = count - 1;
    for (int i = 0; i < count; i += 4) {
      FloatVector x0 = products(keys, key(candidates, i), p);
      FloatVector x1 = products(keys, key(candidates, Math.min(i + 1, last)), p);
      FloatVector x2 = products(keys, key(candidates, Math.min(i + 2, last)), p);
      FloatVector x3 = products(keys, key(candidates, Math.min(i + 3, last)), p);
      VectorMask<Float> used = FLOATS.indexInRange(0, Math.min(4, count - i));
      sum(x0, x1, x2, x3).intoMemorySegment(Raw.ALL, scores + (long) i * Float.BYTES,
          LITTLE_ENDIAN, used);
    }
  }

  private static int key(long candidates, int i) {
    return Raw.ALL.get(ValueLayout.JAVA_INT, candidates + (long) i * Integer.BYTES);
  }

  /** The weighted block estimates of one key; 32 subspaces come added down to 16. */
  private static FloatVector products(KeyCodes keys, int key, long p) {
    long codes = keys.codes(key);
    long weights = keys.weights(key);
    long stride = (long) keys.subspaces() * Float.BYTES;
    FloatVector x = products(codes, weights, p, stride);
    return keys.subspaces() == LANES
        ? x
        : x.add(products(codes + LANES * Integer.BYTES, weights + LANES * Short.BYTES,
            p + LANES * Float.BYTES, stride));
  }

  private static FloatVector products(long codes, long weights, long p, long stride) {
    IntVector packed = IntVector.fromMemorySegment(INTS, Raw.ALL, codes, LITTLE_ENDIAN);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
      FloatVector value = packed.selectFrom(VALUES).reinterpretAsFloats(); // by the lowest 4 bits
      sum = value.fma(FloatVector.fromMemorySegment(FLOATS, Raw.ALL, p + j * stride,
          LITTLE_ENDIAN), sum);
      packed = packed.lanewise(LSHR, 4);
    }
    return sum.mul(bf16(weights));
  }

  private static FloatVector bf16(long address) {
    return ((IntVector) ShortVector.fromMemorySegment(SHORTS, Raw.ALL, address, LITTLE_ENDIAN)
        .convertShape(S2I, INTS, 0)).lanewise(LSHL, 16).reinterpretAsFloats();
  }

  /** The sums of four vectors by halving, in lanes 0 to 3. */
  private static FloatVector sum(FloatVector x0, FloatVector x1, FloatVector x2, FloatVector x3) {
    FloatVector quarters = fold(fold(x0, x1, HALVES, 8), fold(x2, x3, HALVES, 8), QUARTERS, 4);
    FloatVector pairs = quarters.add(select(PAIRS, quarters));
    return select(RESULTS, pairs.add(select(SINGLES, pairs)));
  }

  /** Adds lanes at a distance in both vectors; the sums of the first come first. */
  private static FloatVector fold(FloatVector a, FloatVector b, IntVector lanes, int distance) {
    IntVector x = a.reinterpretAsInts();
    IntVector y = b.reinterpretAsInts();
    FloatVector near = lanes.selectFrom(x, y).reinterpretAsFloats();
    return near.add(lanes.add(distance).selectFrom(x, y).reinterpretAsFloats());
  }

  private static FloatVector select(IntVector lanes, FloatVector x) {
    return lanes.selectFrom(x.reinterpretAsInts()).reinterpretAsFloats();
  }
}
