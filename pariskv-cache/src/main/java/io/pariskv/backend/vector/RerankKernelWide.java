package io.pariskv.backend.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sixteen lanes: the value of a code is one look-up in a register.
 */
final class RerankKernelWide implements RerankKernel {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_256;
  static final int LANES = 16;

  private static final IntVector VALUES = FloatVector
      .fromArray(FLOATS, MagnitudeLevels.codeValues(), 0).reinterpretAsInts();

  private static final IntVector LANES_FROM_8 = IntVector.zero(INTS).addIndex(1).add(8);
  private static final IntVector LANES_FROM_4 = IntVector.zero(INTS).addIndex(1).add(4);
  private static final IntVector LANES_FROM_2 = IntVector.zero(INTS).addIndex(1).add(2);
  private static final IntVector LANES_FROM_1 = IntVector.zero(INTS).addIndex(1).add(1);

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
      FloatVector sum = estimate(codes, weights, p, subspaces);
      if (subspaces > LANES) {
        sum = sum.add(estimate(codes + LANES * Integer.BYTES, weights + LANES * Short.BYTES,
            p + LANES * Float.BYTES, subspaces));
      }
      sum = sum.add(select(LANES_FROM_8, sum));
      sum = sum.add(select(LANES_FROM_4, sum));
      sum = sum.add(select(LANES_FROM_2, sum));
      sum = sum.add(select(LANES_FROM_1, sum));
      Raw.ALL.set(ValueLayout.JAVA_FLOAT, scores + (long) i * Float.BYTES, sum.lane(0));
    }
  }

  /** The weighted estimates of 16 blocks. */
  private static FloatVector estimate(long codes, long weights, long p, int subspaces) {
    IntVector packed = IntVector.fromMemorySegment(INTS, Raw.ALL, codes, LITTLE_ENDIAN);
    FloatVector sum = FloatVector.zero(FLOATS);
    long coordinate = p;
    for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
      FloatVector value = packed.selectFrom(VALUES).reinterpretAsFloats(); // by the lowest 4 bits
      sum = value.fma(FloatVector.fromMemorySegment(FLOATS, Raw.ALL, coordinate, LITTLE_ENDIAN),
          sum);
      packed = packed.lanewise(LSHR, 4);
      coordinate += (long) subspaces * Float.BYTES;
    }
    return sum.mul(bf16(weights));
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
