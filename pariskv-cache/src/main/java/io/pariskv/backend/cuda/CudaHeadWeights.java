package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadWeights;

/** {@link HeadWeights} on the GPU: {@code head_weights.cu}, three launches. */
final class CudaHeadWeights implements HeadWeights {
  private static final int BLOCK = 512;
  private static final int KEYS_OF_BLOCK = 2 * BLOCK;
  private static final int BLOCKS_OF_MULTIPROCESSOR = 2;

  /** A warp reads the parts of a head at once. */
  private static final int MOST_PARTS = 32;

  private final Kernels kernels;
  private final CudaFunction maxima;
  private final CudaFunction sums;
  private final CudaFunction weights;
  private final StageScratch maximaOfParts;
  private final StageScratch sumsOfParts;

  CudaHeadWeights(Kernels kernels) {
    this.kernels = kernels;
    this.maxima = kernels.function("head_maxima");
    this.sums = kernels.function("head_sums");
    this.weights = kernels.function("head_weights");
    this.maximaOfParts = new StageScratch(kernels, DType.F32);
    this.sumsOfParts = new StageScratch(kernels, DType.I64);
  }

  @Override
  public void combine(KvStore kv, Batch batch, Buffer scores, Buffer combined) {
    KvShape shape = kv.shape();
    int rows = batch.rows();
    scores.requireAtLeast("scores", DType.F32, rows, shape.heads(), 0);
    combined.requireAtLeast("combined scores", DType.F32, rows, shape.kvHeads(), 0);
    int capacity = scores.shape().extent(2);
    long zones = CudaKvStore.of(kv).zones().address();
    float scale = HeadWeights.toOctaves(shape.headDim());
    int parts = Math.min(MOST_PARTS, blocks(capacity, rows * shape.heads()));
    Buffer most = maximaOfParts.atLeast((long) rows * shape.heads() * parts);
    Buffer added = sumsOfParts.atLeast((long) rows * shape.heads() * parts);

    kernels.launch().overlapped().grid(parts, shape.heads(), rows).block(BLOCK).arg(zones)
        .arg(batch.slots()).arg(scores).arg(capacity).arg(most).run(maxima);
    kernels.launch().overlapped().grid(parts, shape.heads(), rows).block(BLOCK).arg(zones)
        .arg(batch.slots()).arg(scores).arg(capacity).arg(scale).arg(most).arg(added).run(sums);
    kernels.launch().overlapped()
        .grid(blocks(capacity, rows * shape.kvHeads()), shape.kvHeads(), rows).block(BLOCK)
        .shared(2 * Float.BYTES * shape.groupSize()).arg(zones).arg(batch.slots()).arg(scores)
        .arg(capacity).arg(scale).arg(most).arg(added).arg(parts).arg(shape.groupSize())
        .arg(combined).arg(combined.shape().extent(2)).run(weights);
  }

  /** Blocks that share the keys of one of {@code others}: as many as run at a time, if there are keys for them. */
  private int blocks(int capacity, int others) {
    int resident = BLOCKS_OF_MULTIPROCESSOR * kernels.device().multiprocessors();
    return Math.clamp(Math.ceilDiv(resident, others), 1,
        Math.max(1, KernelLaunch.blocks(capacity, KEYS_OF_BLOCK)));
  }
}
