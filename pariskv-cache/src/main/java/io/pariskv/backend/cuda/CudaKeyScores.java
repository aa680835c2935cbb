package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.KeyScores;

/** {@link KeyScores} on the GPU: {@code key_scores.cu}. */
final class CudaKeyScores implements KeyScores {
  // Of scored_heads.cuh.
  static final int BLOCK = 256;
  static final int ROWS_OF_BLOCK = BLOCK / 2;
  static final int CHUNK = 8;

  /** Blocks that a multiprocessor runs at a time, about: their registers allow two; twice as many even out. */
  private static final int BLOCKS_OF_MULTIPROCESSOR = 4;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeyScores(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_scores_bf16");
    this.f32 = kernels.function("key_scores_f32");
  }

  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, Grouping grouping,
      Buffer scores) {
    CudaKvStore store = CudaKvStore.of(kv);
    KvShape shape = kv.shape();
    boolean mean = grouping == Grouping.MEAN;
    int perKvHead = mean ? 1 : shape.groupSize();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    scores.requireAtLeast("scores", DType.F32, batch.rows(), (long) shape.kvHeads() * perKvHead, 0);
    int capacity = scores.shape().extent(2);
    if (capacity == 0) {
      return;
    }
    int chunks = Math.ceilDiv(perKvHead, perKvHead == 1 ? 1 : CHUNK);
    KernelLaunch launch = kernels.launch().overlapped()
        .grid(blocks(kernels, capacity, batch.rows() * shape.kvHeads() * chunks),
            shape.kvHeads() * chunks, batch.rows())
        .block(BLOCK).shared(queryBytes(perKvHead, shape.headDim()));
    store.args(launch, layer).arg(batch.slots()).arg(q).arg(shape.kvHeads())
        .arg(shape.groupSize()).arg(mean ? 1 : 0).arg(shape.headDim()).arg(scores).arg(capacity)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }

  /** Blocks that share the rows of one of {@code others}: as many as run at a time, if there are rows for them. */
  static int blocks(Kernels kernels, int capacity, int others) {
    int resident = BLOCKS_OF_MULTIPROCESSOR * kernels.device().multiprocessors();
    return Math.clamp(Math.ceilDiv(resident, others), 1,
        KernelLaunch.blocks(capacity, ROWS_OF_BLOCK));
  }

  /** Shared memory for the queries of a block. */
  static int queryBytes(int heads, int headDim) {
    return 4 * Math.min(CHUNK, heads) * Math.ceilDiv(headDim, SUMS) * SUMS;
  }
}
