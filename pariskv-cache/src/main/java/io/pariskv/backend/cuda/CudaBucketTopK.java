package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.BucketTopK;

/** {@link BucketTopK} on the GPU: {@code bucket_top_k.cu}. */
final class CudaBucketTopK implements BucketTopK {
  private static final int BLOCK = 256;

  /** Votes of one load; the first of a row may be preceded by all but one of them. */
  private static final int PER_THREAD = 16;
  private static final int TILE = BLOCK * PER_THREAD;

  /** Values of a vote. */
  private static final int VALUES = 256;

  private final Kernels kernels;
  private final CudaFunction threshold;
  private final CudaFunction write;
  private final StageScratch reaching;
  private final StageScratch tickets;
  private final StageScratch thresholds;
  private final StageScratch offsets;

  CudaBucketTopK(Kernels kernels) {
    this.kernels = kernels;
    threshold = kernels.function("bucket_top_k_threshold");
    write = kernels.function("bucket_top_k_write");
    reaching = new StageScratch(kernels, DType.U8);
    tickets = new StageScratch(kernels, DType.I32);
    thresholds = new StageScratch(kernels, DType.I32);
    offsets = new StageScratch(kernels, DType.I32);
  }

  @Override
  public void select(KeyIndex index, Batch batch, Buffer votes, Buffer candidates) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    ZoneRoom zones = new ZoneRoom(kernels, keys, batch);
    zones.requireKeys("votes", DType.U8, votes);
    zones.requireCandidates("candidates", DType.I32, candidates);
    int heads = batch.rows() * kvHeads;
    long capacity = votes.shape().axis(2);
    long room = candidates.shape().axis(2);
    if (heads == 0 || capacity == 0 || room == 0) {
      return;
    }
    int tiles = KernelLaunch.blocks(capacity + PER_THREAD - 1, TILE);
    Buffer counts = reaching.atLeast((long) Short.BYTES * VALUES * heads * tiles);
    Buffer zeros = tickets.atLeast(heads);
    Buffer found = thresholds.atLeast(2L * heads);
    Buffer before = offsets.atLeast(2L * heads * tiles);
    kernels.launch().grid(tiles, heads).block(BLOCK)
        .arg(batch.slots()).arg(keys.budgets()).arg(votes).arg(capacity).arg(kvHeads).arg(room)
        .arg(counts).arg(zeros).arg(found).arg(before).run(threshold);
    kernels.launch().grid(tiles, heads).block(BLOCK)
        .arg(batch.slots()).arg(keys.budgets()).arg(votes).arg(capacity).arg(kvHeads).arg(room)
        .arg(found).arg(before).arg(candidates).run(write);
  }
}
