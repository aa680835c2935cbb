package io.pariskv.backend.host;

import io.pariskv.index.Coarse;
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
 * records [kvHeads][SLAB_TOKENS][6 * subspaces]   u8     a rerank reads all subspaces of one key
 * norms   [kvHeads][SLAB_TOKENS]                  bf16   with scores only
 * </pre>
 *
 * <p>A record is a key's codes, {@code [subspaces] i32}, each eight of 4 bits with coordinate j in bits 4j
 * to 4j+3, and then its weights, {@code [subspaces] bf16}: 96 bytes at a head size of 128, two cache lines
 * that are neighbours.
 */
public final class HostKeyIndex implements KeyIndex {
  private final KvShape shape;
  private final Coarse coarse;
  private final HostAllocator tables = new HostAllocator();
  private final Buffer budgets;
  private final @Nullable Keys[] sequences;

  /** One slot's summaries and their owner. */
  private record Keys(HostAllocator memory, TokenSlabs[] ids, TokenSlabs[] records,
      TokenSlabs[] norms, Buffer[] populations, Buffer[] centres, Buffer[] floors) {
  }

  /**
   * An empty index.
   *
   * @throws IllegalArgumentException if the head size is not a power of two from 16 to 256
   */
  public HostKeyIndex(KvShape shape, int slots, Coarse coarse) {
    requireHeadDim(shape.headDim());
    this.shape = shape;
    this.coarse = coarse;
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
        keys.records[layer].reserve(tokens);
        if (coarse == Coarse.SCORES) {
          keys.norms[layer].reserve(tokens);
        }
      }
    }
  }

  private Keys open() {
    int layers = shape.layers();
    int kvHeads = shape.kvHeads();
    HostAllocator memory = new HostAllocator();
    Keys keys = new Keys(memory, new TokenSlabs[layers], new TokenSlabs[layers],
        new TokenSlabs[layers], new Buffer[layers], new Buffer[layers], new Buffer[layers]);
    for (int layer = 0; layer < layers; layer++) {
      keys.ids[layer] = new TokenSlabs(memory, DType.U8, kvHeads * subspaces(), 1);
      keys.records[layer] = new TokenSlabs(memory, DType.U8, kvHeads, recordBytes(subspaces()));
      switch (coarse) {
        case TIERS -> keys.populations[layer] = memory.allocate(DType.I32, kvHeads, subspaces(),
            SignCentroids.COUNT);
        case SCORES -> {
          keys.norms[layer] = new TokenSlabs(memory, DType.BF16, kvHeads, 1);
          keys.centres[layer] = memory.allocate(DType.F32, kvHeads, shape.headDim());
          keys.floors[layer] = memory.allocate(DType.I32, kvHeads);
        }
      }
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
  public Coarse coarse() {
    return coarse;
  }

  @Override
  public Buffer populations(int layer, int slot) {
    require(Coarse.TIERS);
    return keys(slot).populations[layer];
  }

  @Override
  public Buffer centres(int layer, int slot) {
    require(Coarse.SCORES);
    return keys(slot).centres[layer];
  }

  @Override
  public Buffer floors(int layer, int slot) {
    require(Coarse.SCORES);
    return keys(slot).floors[layer];
  }

  /** Norms of keys, {@code [kvHeads][tokens] bf16}. */
  public TokenSlabs norms(int layer, int slot) {
    require(Coarse.SCORES);
    return keys(slot).norms[layer];
  }

  /** Centroid ids, {@code [kvHeads * subspaces][tokens] u8}. */
  public TokenSlabs ids(int layer, int slot) {
    return keys(slot).ids[layer];
  }

  /** Codes and weights, {@code [kvHeads][tokens][6 * subspaces] u8}. */
  public TokenSlabs records(int layer, int slot) {
    return keys(slot).records[layer];
  }

  /** Bytes of a key's record. */
  public static int recordBytes(int subspaces) {
    return weightsAt(subspaces) + subspaces * Short.BYTES;
  }

  /** Bytes from the start of a key's record, where its codes are, to its weights. */
  public static int weightsAt(int subspaces) {
    return subspaces * Integer.BYTES;
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
    byte[] id = new byte[subspaces()];
    for (int b = 0; b < id.length; b++) {
      id[b] = ids(layer, slot).row(kvHead * id.length + b, zonePosition)
          .get(ValueLayout.JAVA_BYTE, 0);
    }
    short norm = coarse == Coarse.TIERS
        ? 0
        : norms(layer, slot).row(kvHead, zonePosition).get(ValueLayout.JAVA_SHORT, 0);
    return KeySummary.unpack(id, records(layer, slot).row(kvHead, zonePosition), norm);
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
