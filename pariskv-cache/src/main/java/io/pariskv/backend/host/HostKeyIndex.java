package io.pariskv.backend.host;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.KeySummary;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Summaries in host memory, in slabs of tokens, for each slot and layer:
 *
 * <pre>
 * ids     [kvHeads * subspaces][SLAB_TOKENS]      u8     a vote streams one subspace of many keys
 * codes   [kvHeads][SLAB_TOKENS][subspaces]       i32    eight 4-bit codes, coordinate j in bits 4j to 4j+3
 * weights [kvHeads][SLAB_TOKENS][subspaces]       bf16   a rerank reads all subspaces of one key
 * </pre>
 */
public final class HostKeyIndex implements KeyIndex {
  private final KvShape shape;
  private final HostAllocator tables = new HostAllocator();
  private final Buffer budgets;
  private final @Nullable Keys[] sequences;

  /** One slot's summaries and their owner. */
  private record Keys(HostAllocator memory, TokenSlabs[] ids, TokenSlabs[] codes,
      TokenSlabs[] weights, Buffer[] populations) {
  }

  /**
   * An empty index.
   *
   * @throws IllegalArgumentException if the head size is not a power of two from 16 to 256
   */
  public HostKeyIndex(KvShape shape, int slots) {
    requireHeadDim(shape.headDim());
    this.shape = shape;
    this.budgets = tables.allocate(DType.I32, slots, BUDGET_FIELDS);
    this.sequences = new @Nullable Keys[slots];
  }

  private static void requireHeadDim(int headDim) {
    if (headDim < 16 || headDim > 256 || Integer.bitCount(headDim) != 1) {
      throw new IllegalArgumentException(
          "ParisKV needs a head size that is a power of two from 16 to 256, not " + headDim);
    }
  }

  /**
   * The host index behind {@code index}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  public static HostKeyIndex of(KeyIndex index) {
    if (index instanceof HostKeyIndex host) {
      return host;
    }
    throw new IllegalArgumentException("a CPU stage cannot read a "
        + index.getClass().getSimpleName()
        + "; create the index with the backend that runs the stages");
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  @Override
  public void reserve(int slot, int tokens) {
    Keys keys = sequences[slot];
    if (keys == null) {
      keys = open();
      sequences[slot] = keys;
    }
    for (int layer = 0; layer < shape.layers(); layer++) {
      if (shape.window(layer) == 0) { // a layer with a sliding window is never retrieved from
        keys.ids[layer].reserve(tokens);
        keys.codes[layer].reserve(tokens);
        keys.weights[layer].reserve(tokens);
      }
    }
  }

  private Keys open() {
    int layers = shape.layers();
    Keys keys = new Keys(new HostAllocator(), new TokenSlabs[layers], new TokenSlabs[layers],
        new TokenSlabs[layers], new Buffer[layers]);
    for (int layer = 0; layer < layers; layer++) {
      keys.ids[layer] = new TokenSlabs(keys.memory, DType.U8, shape.kvHeads() * subspaces(), 1);
      keys.codes[layer] = new TokenSlabs(keys.memory, DType.I32, shape.kvHeads(), subspaces());
      keys.weights[layer] = new TokenSlabs(keys.memory, DType.BF16, shape.kvHeads(), subspaces());
      keys.populations[layer] = keys.memory.allocate(DType.I32, shape.kvHeads(), subspaces(),
          SignCentroids.COUNT);
    }
    return keys;
  }

  @Override
  public void release(int slot) {
    Keys keys = sequences[slot];
    if (keys != null) {
      keys.memory.close();
      sequences[slot] = null;
    }
    setBudget(slot, new int[BUDGET_FIELDS]);
  }

  @Override
  public Buffer budgets() {
    return budgets;
  }

  @Override
  public void setBudget(int slot, int[] budget) {
    MemorySegment.copy(budget, 0, budgets.segment(), ValueLayout.JAVA_INT,
        4L * slot * BUDGET_FIELDS, BUDGET_FIELDS);
  }

  /** Field {@code field} of the budget of {@code slot} as the stages see it now. */
  public int budget(int slot, int field) {
    return budgets.segment().getAtIndex(ValueLayout.JAVA_INT, (long) slot * BUDGET_FIELDS + field);
  }

  @Override
  public Buffer populations(int layer, int slot) {
    return keys(slot).populations[layer];
  }

  /** Centroid ids, {@code [kvHeads * subspaces][tokens] u8}. */
  public TokenSlabs ids(int layer, int slot) {
    return keys(slot).ids[layer];
  }

  /** Packed codes, {@code [kvHeads][tokens][subspaces] i32}. */
  public TokenSlabs codes(int layer, int slot) {
    return keys(slot).codes[layer];
  }

  /** Weights, {@code [kvHeads][tokens][subspaces] bf16}. */
  public TokenSlabs weights(int layer, int slot) {
    return keys(slot).weights[layer];
  }

  private Keys keys(int slot) {
    Keys keys = sequences[slot];
    if (keys == null) {
      throw new IllegalStateException("no keys of slot " + slot + " are indexed; reserve first");
    }
    return keys;
  }

  @Override
  public KeySummary read(int layer, int slot, int kvHead, int zonePosition) {
    int count = subspaces();
    int[] ids = new int[count];
    int[] codes = new int[count * SignCentroids.SUBSPACE_DIM];
    short[] weights = new short[count];
    for (int b = 0; b < count; b++) {
      ids[b] = Byte.toUnsignedInt(
          ids(layer, slot).row(kvHead * count + b, zonePosition).get(ValueLayout.JAVA_BYTE, 0));
      int packed = codes(layer, slot).row(kvHead, zonePosition).getAtIndex(ValueLayout.JAVA_INT, b);
      for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
        codes[b * SignCentroids.SUBSPACE_DIM + j] = (packed >>> (4 * j)) & 15;
      }
      weights[b] = weights(layer, slot).row(kvHead, zonePosition).getAtIndex(ValueLayout.JAVA_SHORT,
          b);
    }
    return new KeySummary(ids, codes, weights);
  }

  @Override
  public long bytes() {
    long bytes = tables.allocatedBytes();
    for (Keys keys : sequences) {
      bytes += keys == null ? 0 : keys.memory.allocatedBytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    for (int slot = 0; slot < sequences.length; slot++) {
      Keys keys = sequences[slot];
      if (keys != null) {
        keys.memory.close();
        sequences[slot] = null;
      }
    }
    tables.close();
  }
}
