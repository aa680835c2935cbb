package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GT;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyHashing;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link KeyHashing} on vectors and all cores: a task has the 32 keys of a word. Keys are the lanes, so that a comparison
 * gives neighbouring bits of the word; two vectors of keys and four planes are eight sums at a time.
 */
final class VectorKeyHashing implements KeyHashing {
  private static final int LANES = Species.FLOATS.length();
  private static final int WORD = Integer.SIZE;

  /** Planes at a time. */
  private static final int PLANES = 4;

  private final Workers workers;

  VectorKeyHashing(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      HashIndex index) {
    index.require(kv.shape());
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    int kvHeads = keys.outer();
    int first = KeyHashing.first(from, zones);
    int words = Math.max(0, Math.ceilDiv(zones.retrievalTokens() - first, WORD));
    if (words == 0) {
      return;
    }
    float[] planes = inFours(index.planes(), index.hash());
    workers.run(words * kvHeads, task -> {
      int kvHead = task % kvHeads;
      int key = first + task / kvHeads * WORD;
      float[] columns = columns(keys, kvHead, zones, key,
          HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0).address());
      long row = HostZoneTable.of(index.signatures())
          .row(layer, slot, kvHead, key / TokenSlabs.SLAB_TOKENS).address();
      long word = row + 4L * (key % TokenSlabs.SLAB_TOKENS / WORD);
      int[] bits = new int[PLANES];
      for (int plane = 0; plane < index.hash().planes(); plane += PLANES) {
        Arrays.fill(bits, 0);
        for (int at = 0; at < WORD; at += 2 * LANES) {
          compare(columns, at, keys.width(), planes, plane * keys.width(), bits);
        }
        for (int p = plane; p < Math.min(plane + PLANES, index.hash().planes()); p++) {
          Raw.ALL.set(ValueLayout.JAVA_INT, word + 4L * p * HashIndex.WORDS, bits[p - plane]);
        }
      }
    });
    VectorBucketLists lists = VectorBucketLists.of(index.lists());
    if (lists != null) {
      lists.update(layer, slot, from - zones.sinkEnd(), zones.retrievalTokens(),
          HostZoneTable.of(index.signatures()));
    }
  }

  /** The planes so that four lie side by side, {@code [planes / 4][headDim][4]}: they are read from end to end. */
  private static float[] inFours(Buffer planes, SimHash hash) {
    int headDim = planes.shape().extent(0);
    int stride = hash.stride();
    float[] fours = new float[headDim * Math.ceilDiv(hash.planes(), PLANES) * PLANES];
    float[] row = new float[stride];
    for (int i = 0; i < headDim; i++) {
      Floats.readF32(planes.address() + 4L * i * stride, row, 0, stride);
      for (int at = i * PLANES, p = 0; at < fours.length; at += headDim * PLANES, p += PLANES) {
        System.arraycopy(row, p, fours, at, PLANES);
      }
    }
    return fours;
  }

  /** 32 keys minus the mean, {@code [headDim][32]}, zeros for those beyond the zone. */
  private static float[] columns(TokenSlabs keys, int kvHead, TokenZones zones, int first,
      long mean) {
    float[] columns = new float[keys.width() * WORD];
    float[] row = new float[keys.width()];
    for (int key = 0; key < Math.min(WORD, zones.retrievalTokens() - first); key++) {
      Floats.read(keys.dtype(), keys.address(kvHead, zones.sinkEnd() + first + key), row, 0,
          row.length);
      for (int i = 0; i < row.length; i++) {
        columns[i * WORD + key] = row[i] - Raw.getFloat(mean + 4L * i);
      }
    }
    return columns;
  }

  /** Adds to the words of four planes the bits of two vectors of keys. */
  private static void compare(float[] columns, int at, int headDim, float[] planes, int from,
      int[] bits) {
    FloatVector a0 = FloatVector.zero(Species.FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector b3 = a0;
    for (int i = 0; i < headDim; i++) {
      FloatVector a = FloatVector.fromArray(Species.FLOATS, columns, i * WORD + at);
      FloatVector b = FloatVector.fromArray(Species.FLOATS, columns, i * WORD + at + LANES);
      int p = from + i * PLANES;
      FloatVector w = FloatVector.broadcast(Species.FLOATS, planes[p]);
      a0 = a.fma(w, a0);
      b0 = b.fma(w, b0);
      w = FloatVector.broadcast(Species.FLOATS, planes[p + 1]);
      a1 = a.fma(w, a1);
      b1 = b.fma(w, b1);
      w = FloatVector.broadcast(Species.FLOATS, planes[p + 2]);
      a2 = a.fma(w, a2);
      b2 = b.fma(w, b2);
      w = FloatVector.broadcast(Species.FLOATS, planes[p + 3]);
      a3 = a.fma(w, a3);
      b3 = b.fma(w, b3);
    }
    bits[0] |= bits(a0, b0) << at;
    bits[1] |= bits(a1, b1) << at;
    bits[2] |= bits(a2, b2) << at;
    bits[3] |= bits(a3, b3) << at;
  }

  private static int bits(FloatVector low, FloatVector high) {
    return (int) (low.compare(GT, 0).toLong() | high.compare(GT, 0).toLong() << LANES);
  }
}
