package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyEncoder;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.TokenSlabs;

/**
 * {@link KeyEncoder} with one lane a key: the arithmetic of a key is then that of the contract, line by
 * line, and so are its bits. Tasks are ranges of keys of one KV head; each counts its centroids for
 * itself and adds them to the populations at its end.
 */
final class VectorKeyEncoder implements KeyEncoder {
  /** Keys of one task, some hundred microseconds. */
  private static final int RANGE = 512;

  private final Workers workers;
  private ThreadLocal<KeyGroup> groups = ThreadLocal.withInitial(() -> new KeyGroup(16));
  private int headDim = 16;

  VectorKeyEncoder(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, int to, KeyIndex index,
      int zoneFrom) {
    KvShape shape = kv.shape();
    if (!shape.equals(index.shape())) {
      throw new IllegalArgumentException(
          "the index is for " + index.shape() + ", the store holds " + shape);
    }
    HostKeyIndex target = HostKeyIndex.of(index);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    requireRoom("the store", keys, to);
    requireRoom("the index", target.ids(layer, slot), zoneFrom + to - from);
    if (headDim != shape.headDim()) {
      headDim = shape.headDim();
      groups = ThreadLocal.withInitial(() -> new KeyGroup(shape.headDim()));
    }
    int ranges = Math.ceilDiv(to - from, RANGE);
    workers.run(shape.kvHeads() * ranges, task -> {
      int kvHead = task / ranges;
      int first = from + task % ranges * RANGE;
      int end = Math.min(first + RANGE, to);
      KeyGroup group = groups.get();
      group.begin(target, layer, slot, kvHead);
      for (int position = first; position < end; position += KeyGroup.KEYS) {
        group.load(keys, kvHead, position, Math.min(KeyGroup.KEYS, end - position));
        group.encode();
        group.store(target, layer, slot, kvHead, zoneFrom + position - from);
      }
      if (index.coarse() == Coarse.TIERS) {
        addCounts(group, target.populations(layer, slot), kvHead);
      }
    });
  }

  private synchronized void addCounts(KeyGroup group, Buffer populations, int kvHead) {
    group.moveCounts(populations.segment(), kvHead);
  }

  private static void requireRoom(String name, TokenSlabs slabs, int tokens) {
    if (slabs.capacity() < tokens) {
      throw new IllegalArgumentException(
          name + " has room for " + slabs.capacity() + " tokens, not " + tokens);
    }
  }
}
