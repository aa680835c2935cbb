package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.OR;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.HadamardRotation;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * As many keys as a vector has lanes, encoded together: coordinate {@code i} of all keys is one vector.
 * Scratch memory of one thread.
 */
final class KeyGroup {
  private static final VectorSpecies<Float> FLOATS = Species.FLOATS;
  private static final VectorSpecies<Integer> INTS = Species.INTS;

  /** Keys of a group. */
  static final int KEYS = FLOATS.length();

  private static final int M = SignCentroids.SUBSPACE_DIM;
  private static final float[] THRESHOLDS = MagnitudeLevels.thresholds();
  private static final float[] LEVELS = MagnitudeLevels.levels();

  private final int headDim;
  private final int subspaces;
  private final float scale;
  private final float[] signs;
  /** {@code [headDim][KEYS]}, the keys, rotated in place. */
  private final float[] y;
  /** {@code [7][KEYS]}, the thresholds of one block times its length. */
  private final float[] borders = new float[THRESHOLDS.length * KEYS];
  /** {@code [KEYS]}, the length of one block. */
  private final float[] lengths = new float[KEYS];
  /** {@code [8][KEYS]}, squares, then level times magnitude, in one block. */
  private final float[] products = new float[M * KEYS];
  /** {@code [subspaces][KEYS]} each, the summaries. */
  private final int[] ids;
  private final int[] codes;
  private final int[] weights;
  /** {@code [subspaces][KEYS]}, the sum of each block's squares. */
  private final float[] squares;
  /** {@code [KEYS]}, the norms. */
  private final int[] norms = new int[KEYS];
  /** {@code [headDim]}, what keys are measured from. */
  private final float[] centre;
  /** {@code [subspaces][256]}, keys stored since {@link #moveCounts}. */
  private final int[] counts;
  private int keys;

  KeyGroup(int headDim) {
    this.headDim = headDim;
    subspaces = SignCentroids.subspaces(headDim);
    scale = HadamardRotation.scale(headDim);
    signs = HadamardRotation.signs(headDim);
    y = new float[headDim * KEYS];
    ids = new int[subspaces * KEYS];
    codes = new int[subspaces * KEYS];
    weights = new int[subspaces * KEYS];
    squares = new float[subspaces * KEYS];
    centre = new float[headDim];
    counts = new int[subspaces * SignCentroids.COUNT];
  }

  /** Takes what keys of a KV head are measured from: the centre, or zero in an index of tiers. */
  void begin(HostKeyIndex index, int layer, int slot, int kvHead) {
    switch (index.coarse()) {
      case TIERS -> Arrays.fill(centre, 0);
      case SCORES -> MemorySegment.copy(index.centres(layer, slot).segment(),
          ValueLayout.JAVA_FLOAT, (long) kvHead * headDim * Float.BYTES, centre, 0, headDim);
    }
  }

  /**
   * Reads {@code count} keys, at most {@link #KEYS}, subtracts the centre, which changes nothing while it is zero,
   * and applies the signs of the rotation.
   */
  void load(TokenSlabs store, int kvHead, int position, int count) {
    keys = count;
    for (int key = 0; key < count; key++) {
      long row = store.address(kvHead, position + key);
      if (store.dtype() == DType.BF16) {
        for (int i = 0; i < headDim; i++) {
          short bits = Raw.ALL.get(ValueLayout.JAVA_SHORT, row + (long) i * Short.BYTES);
          y[i * KEYS + key] = (Bf16.toFloat(bits) - centre[i]) * signs[i];
        }
      } else {
        for (int i = 0; i < headDim; i++) {
          y[i * KEYS + key] = (Raw.getFloat(row + (long) i * Float.BYTES) - centre[i])
              * signs[i];
        }
      }
    }
  }

  /** Rotates and summarises. */
  void encode() {
    rotate();
    for (int b = 0; b < subspaces; b++) {
      encode(b);
    }
    measure();
  }

  /** The norms: the squares of all blocks, added by halving. */
  private void measure() {
    for (int half = squares.length / 2; half >= KEYS; half /= 2) {
      for (int i = 0; i < half; i += KEYS) {
        FloatVector.fromArray(FLOATS, squares, i)
            .add(FloatVector.fromArray(FLOATS, squares, i + half)).intoArray(squares, i);
      }
    }
    FloatVector.fromArray(FLOATS, squares, 0).sqrt().mul(scale).intoArray(lengths, 0);
    round(norms, 0);
  }

  /** {@link HadamardRotation#transform} of all keys. */
  private void rotate() {
    int end = headDim * KEYS;
    for (int half = KEYS; half < end; half <<= 1) {
      for (int block = 0; block < end; block += 2 * half) {
        for (int i = block; i < block + half; i += KEYS) {
          FloatVector a = FloatVector.fromArray(FLOATS, y, i);
          FloatVector b = FloatVector.fromArray(FLOATS, y, i + half);
          a.add(b).intoArray(y, i);
          a.sub(b).intoArray(y, i + half);
        }
      }
    }
  }

  // The parts of a block pass arrays on: a vector that crosses a call which the compiler does not
  // inline would become an object.

  private void encode(int b) {
    measure(b);
    quantise(b);
    weigh();
    round(weights, b * KEYS);
  }

  /** The length {@code r} of each block, and the borders between levels that follow from it. */
  private void measure(int b) {
    for (int j = 0; j < M; j++) {
      FloatVector coordinate = coordinate(b, j);
      coordinate.mul(coordinate).intoArray(products, j * KEYS);
    }
    addProducts();
    FloatVector r2 = FloatVector.fromArray(FLOATS, products, 0);
    r2.intoArray(squares, b * KEYS);
    FloatVector r = r2.sqrt();
    r.intoArray(lengths, 0);
    for (int t = 0; t < THRESHOLDS.length; t++) {
      r.mul(THRESHOLDS[t]).intoArray(borders, t * KEYS);
    }
  }

  /** Ids and codes; leaves level value times magnitude in {@code products}. */
  private void quantise(int b) {
    IntVector id = IntVector.zero(INTS);
    IntVector packed = IntVector.zero(INTS);
    for (int j = 0; j < M; j++) {
      FloatVector coordinate = coordinate(b, j);
      FloatVector magnitude = coordinate.abs();
      IntVector level = IntVector.zero(INTS);
      FloatVector value = FloatVector.broadcast(FLOATS, LEVELS[0]);
      for (int t = 0; t < THRESHOLDS.length; t++) {
        // Borders ascend, so the last one passed decides.
        VectorMask<Float> passed = magnitude
            .compare(GT, FloatVector.fromArray(FLOATS, borders, t * KEYS));
        level = level.blend(t + 1, passed.cast(INTS));
        value = value.blend(LEVELS[t + 1], passed);
      }
      value.mul(magnitude).intoArray(products, j * KEYS);
      VectorMask<Integer> positive = coordinate.compare(GE, 0f).cast(INTS);
      IntVector code = level.lanewise(OR, MagnitudeLevels.COUNT, positive);
      packed = packed.or(code.lanewise(LSHL, 4 * j));
      id = id.lanewise(OR, 1 << j, positive);
    }
    id.intoArray(ids, b * KEYS);
    packed.intoArray(codes, b * KEYS);
  }

  /** Puts the weights in the place of the lengths. */
  private void weigh() {
    addProducts();
    FloatVector r = FloatVector.fromArray(FLOATS, lengths, 0);
    FloatVector alpha = FloatVector.fromArray(FLOATS, products, 0).div(r);
    alpha = alpha.blend(1e-6f, alpha.compare(LT, 1e-6f)); // NaN stays, as it does with max
    FloatVector weight = r.div(alpha).mul(scale);
    weight.blend(0f, r.compare(EQ, 0f)).intoArray(lengths, 0);
  }

  private FloatVector coordinate(int b, int j) {
    return FloatVector.fromArray(FLOATS, y, (b * M + j) * KEYS);
  }

  /** Adds the eight products in pairs; the sums replace the first. */
  private void addProducts() {
    for (int distance = 1; distance < M; distance *= 2) {
      for (int j = 0; j < M; j += 2 * distance) {
        FloatVector.fromArray(FLOATS, products, j * KEYS)
            .add(FloatVector.fromArray(FLOATS, products, (j + distance) * KEYS))
            .intoArray(products, j * KEYS);
      }
    }
  }

  /** {@link Bf16#fromFloat} of every length. */
  private void round(int[] to, int at) {
    FloatVector weight = FloatVector.fromArray(FLOATS, lengths, 0);
    IntVector bits = weight.reinterpretAsInts();
    IntVector upper = bits.lanewise(LSHR, 16);
    IntVector rounded = bits.add(upper.and(1)).add(0x7fff).lanewise(LSHR, 16);
    VectorMask<Integer> nan = weight.compare(NE, weight).cast(INTS);
    rounded.blend(upper.or(0x40), nan).intoArray(to, at);
  }

  /** Writes the summaries; counts the centroids in an index of tiers. */
  void store(HostKeyIndex index, int layer, int slot, int kvHead, int zonePosition) {
    for (int key = 0; key < keys; key++) {
      int zone = zonePosition + key;
      long id = index.ids(layer, slot).address(kvHead * subspaces, zone);
      long code = index.records(layer, slot).address(kvHead, zone);
      long weight = code + HostKeyIndex.weightsAt(subspaces);
      for (int b = 0; b < subspaces; b++) {
        int centroid = ids[b * KEYS + key];
        Raw.ALL.set(ValueLayout.JAVA_BYTE, id + (long) b * TokenSlabs.SLAB_TOKENS, (byte) centroid);
        Raw.ALL.set(ValueLayout.JAVA_INT, code + (long) b * Integer.BYTES, codes[b * KEYS + key]);
        Raw.ALL.set(ValueLayout.JAVA_SHORT, weight + (long) b * Short.BYTES,
            (short) weights[b * KEYS + key]);
      }
      switch (index.coarse()) {
        case TIERS -> count(key);
        case SCORES -> Raw.ALL.set(ValueLayout.JAVA_SHORT,
            index.norms(layer, slot).address(kvHead, zone), (short) norms[key]);
      }
    }
  }

  private void count(int key) {
    for (int b = 0; b < subspaces; b++) {
      counts[b * SignCentroids.COUNT + ids[b * KEYS + key]]++;
    }
  }

  /** Adds the counted centroids to {@code [kvHeads][subspaces][256] i32} and starts from zero. */
  void moveCounts(MemorySegment populations, int kvHead) {
    long first = (long) kvHead * counts.length;
    for (int i = 0; i < counts.length; i++) {
      long at = first + i;
      populations.setAtIndex(ValueLayout.JAVA_INT, at,
          populations.getAtIndex(ValueLayout.JAVA_INT, at) + counts[i]);
    }
    Arrays.fill(counts, 0);
  }
}
