package io.pariskv.backend.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NOT;
import static jdk.incubator.vector.VectorOperators.XOR;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Eight lanes, or four where vectors have 128 bits: one or two registers hold the eight magnitudes, and
 * the sign is put on apart.
 */
final class RerankKernelNarrow implements RerankKernel {
  private static final VectorSpecies<Integer> INTS = Species.BITS >= 256
      ? IntVector.SPECIES_256
      : IntVector.SPECIES_128;
  private static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class,
      INTS.vectorShape());
  private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class,
      VectorShape.forBitSize(INTS.vectorBitSize() / 2));
  private static final int SIGN = 0x80000000;

  /** As many subspaces as a vector takes. */
  static final int LANES = INTS.length();

  private static final IntVector LOW_MAGNITUDES = magnitudes(0);
  private static final IntVector HIGH_MAGNITUDES = magnitudes(MagnitudeLevels.COUNT - LANES);

  private static final IntVector LANES_FROM_4 = IntVector.zero(INTS).addIndex(1).add(4);
  private static final IntVector LANES_FROM_2 = IntVector.zero(INTS).addIndex(1).add(2);
  private static final IntVector LANES_FROM_1 = IntVector.zero(INTS).addIndex(1).add(1);

  private static IntVector magnitudes(int from) {
    return FloatVector.fromArray(FLOATS, MagnitudeLevels.levels(), from).reinterpretAsInts();
  }

  @Override
  public void score(KeyRecords keys, long p, long candidates, long scores, int count, float[] x) {
    // In locals, which the compiler need not read again after every store to raw memory.
    long[] slabs = keys.slabs();
    int firstSlab = keys.firstSlab();
    int firstRow = keys.kvHead() << TokenSlabs.SLAB_SHIFT;
    int subspaces = keys.subspaces();
    int bytes = HostKeyIndex.recordBytes(subspaces);
    int weightsAt = HostKeyIndex.weightsAt(subspaces);
    for (int i = 0; i < count; i++) {
      int key = Raw.ALL.get(ValueLayout.JAVA_INT, candidates + (long) i * Integer.BYTES);
      int slab = firstSlab + (key >> TokenSlabs.SLAB_SHIFT);
      long row = (long) firstRow + (key & TokenSlabs.SLAB_TOKENS - 1);
      long codes = slabs[slab] + row * bytes;
      long weights = codes + weightsAt;
      for (int b = 0; b < subspaces; b += LANES) {
        estimate(codes, weights, p, subspaces, b).intoArray(x, b);
      }
      float score = sum(x, subspaces);
      Raw.ALL.set(ValueLayout.JAVA_FLOAT, scores + (long) i * Float.BYTES, score);
    }
  }

  /** The weighted estimates of a vector of blocks from block {@code b}. */
  private static FloatVector estimate(long codes, long weights, long p, int subspaces, int b) {
    IntVector packed = IntVector.fromMemorySegment(INTS, Raw.ALL, codes + (long) b * Integer.BYTES,
        LITTLE_ENDIAN);
    FloatVector sum = FloatVector.zero(FLOATS);
    long coordinate = p + (long) b * Float.BYTES;
    for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
      IntVector sign = packed.lanewise(NOT).lanewise(LSHL, 28).and(SIGN); // bit 3 set is plus
      FloatVector value = magnitude(packed).lanewise(XOR, sign).reinterpretAsFloats();
      sum = value.fma(FloatVector.fromMemorySegment(FLOATS, Raw.ALL, coordinate, LITTLE_ENDIAN),
          sum);
      packed = packed.lanewise(LSHR, 4);
      coordinate += (long) subspaces * Float.BYTES;
    }
    return sum.mul(bf16(weights + (long) b * Short.BYTES));
  }

  /** Looks up by the lowest 3 bits. */
  private static IntVector magnitude(IntVector code) {
    return LANES == MagnitudeLevels.COUNT
        ? code.selectFrom(LOW_MAGNITUDES)
        : code.selectFrom(LOW_MAGNITUDES, HIGH_MAGNITUDES);
  }

  /** The sum of {@code x} by halving. */
  private static float sum(float[] x, int subspaces) {
    for (int half = subspaces / 2; half >= LANES; half /= 2) {
      for (int b = 0; b < half; b += LANES) {
        FloatVector.fromArray(FLOATS, x, b).add(FloatVector.fromArray(FLOATS, x, b + half))
            .intoArray(x, b);
      }
    }
    FloatVector sum = FloatVector.fromArray(FLOATS, x, 0);
    if (LANES == 8) {
      sum = sum.add(select(LANES_FROM_4, sum));
    }
    sum = sum.add(select(LANES_FROM_2, sum));
    sum = sum.add(select(LANES_FROM_1, sum));
    return sum.lane(0);
  }

  /** The lanes of {@code x} with those numbers, modulo their count. */
  private static FloatVector select(IntVector lanes, FloatVector x) {
    return lanes.selectFrom(x.reinterpretAsInts()).reinterpretAsFloats();
  }

  private static FloatVector bf16(long address) {
    ShortVector bits = ShortVector.fromMemorySegment(SHORTS, Raw.ALL, address, LITTLE_ENDIAN);
    IntVector wide = (IntVector) bits.castShape(INTS, 0);
    return wide.lanewise(LSHL, 16).reinterpretAsFloats();
  }
}
