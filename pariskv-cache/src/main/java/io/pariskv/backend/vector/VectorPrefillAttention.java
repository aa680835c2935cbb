package io.pariskv.backend.vector;

import io.pariskv.attention.PrefillAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;

/**
 * {@link PrefillAttention} on vectors and all cores. A task is one KV head and so many rows that their
 * query heads make it worth packing each block of keys; see {@link FlashAttention}.
 */
final class VectorPrefillAttention implements PrefillAttention {
  /** Tasks a thread should get, so that all end at about the same time. */
  private static final int TASKS_PER_THREAD = 4;

  private final Workers workers;
  private final ThreadLocal<FlashAttention> locals = ThreadLocal.withInitial(FlashAttention::new);

  VectorPrefillAttention(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void attend(KvStore kv, int layer, int slot, int start, Buffer q, Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = q.shape().extent(0);
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
    TokenSlabs keys = store.keys(layer, slot);
    TokenSlabs values = store.values(layer, slot);
    int block = rowsOfTask(rows, shape);
    int blocks = (rows + block - 1) / block;
    workers.run(blocks * shape.kvHeads(), task -> {
      int first = (blocks - 1 - task / shape.kvHeads()) * block; // the longest first
      locals.get().attend(keys, values, shape, shape.window(layer),
          new FlashAttention.Rows(task % shape.kvHeads(), first, Math.min(block, rows - first),
              start),
          q.address(), out.address());
    });
  }

  /** As many rows as fill a tile of queries, fewer if there would be too few tasks. */
  private int rowsOfTask(int rows, KvShape shape) {
    int full = Math.max(1, FlashAttention.QUERIES / shape.groupSize());
    long wanted = (long) TASKS_PER_THREAD * workers.count();
    int shared = (int) ((long) rows * shape.kvHeads() / wanted);
    int least = Math.max(1, FlashAttention.QUERIES / 4 / shape.groupSize());
    return Math.clamp(shared, least, full);
  }
}
