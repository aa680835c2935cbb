package io.pariskv.backend.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NOT;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.XOR;

import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Eight lanes: a register holds the eight magnitudes, and the sign is put on apart.
 *
 * <p>Four candidates go together, so that their cache misses overlap and their sums share the additions
 * between lanes.
 */
final class RerankKernel8 implements RerankKernel {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_256;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_128;
  private static final int SIGN = 0x80000000;

  private static final IntVector MAGNITUDES = FloatVector
      .fromArray(FLOATS, MagnitudeLevels.levels(), 0).reinterpretAsInts();

  // Lanes of a pair of vectors, 8 to 15 being those of the second.
  private static final IntVector HALVES = IntVector.fromArray(INTS,
      new int[]{0, 1, 2, 3, 8, 9, 10, 11}, 0);
  private static final IntVector QUARTERS = IntVector.fromArray(INTS,
      new int[]{0, 1, 4, 5, 8, 9, 12, 13}, 0);
  private static final IntVector SINGLES = IntVector.fromArray(INTS,
      new int[]{1, 1, 3, 3, 5, 5, 7, 7}, 0);
  private static final IntVector RESULTS = IntVector.zero(INTS).addIndex(2);

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

  /** The weighted block estimates of one key; 16 or 32 subspaces come added down to 8. */
  private static FloatVector products(KeyCodes keys, int key, long p) {
    long codes = keys.codes(key);
    long weights = keys.weights(key);
    return switch (keys.subspaces()) {
      case 8 -> products(codes, weights, p, 8, 0);
      case 16 -> products(codes, weights, p, 16, 0).add(products(codes, weights, p, 16, 8));
      default -> products(codes, weights, p, 32, 0).add(products(codes, weights, p, 32, 16))
          .add(products(codes, weights, p, 32, 8).add(products(codes, weights, p, 32, 24)));
    };
  }

  private static FloatVector products(long codes, long weights, long p, int subspaces, int b) {
    IntVector packed = IntVector.fromMemorySegment(INTS, Raw.ALL, codes + (long) b * Integer.BYTES,
        LITTLE_ENDIAN);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
      IntVector sign = packed.lanewise(NOT).lanewise(LSHL, 28).and(SIGN); // bit 3 is set for plus
      FloatVector value = packed.selectFrom(MAGNITUDES) // by the lowest 3 bits
          .lanewise(XOR, sign).reinterpretAsFloats();
      long at = p + (long) (j * subspaces + b) * Float.BYTES;
      sum = value.fma(FloatVector.fromMemorySegment(FLOATS, Raw.ALL, at, LITTLE_ENDIAN), sum);
      packed = packed.lanewise(LSHR, 4);
    }
    return sum.mul(bf16(weights + (long) b * Short.BYTES));
  }

  private static FloatVector bf16(long address) {
    return ((IntVector) ShortVector.fromMemorySegment(SHORTS, Raw.ALL, address, LITTLE_ENDIAN)
        .convertShape(S2I, INTS, 0)).lanewise(LSHL, 16).reinterpretAsFloats();
  }

  /** The sums of four vectors by halving, in lanes 0 to 3. */
  private static FloatVector sum(FloatVector x0, FloatVector x1, FloatVector x2, FloatVector x3) {
    FloatVector pairs = fold(fold(x0, x1, HALVES, 4), fold(x2, x3, HALVES, 4), QUARTERS, 2);
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
