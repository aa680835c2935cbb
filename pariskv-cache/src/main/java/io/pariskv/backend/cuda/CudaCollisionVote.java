package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CollisionVote;

/** {@link CollisionVote} on the GPU: {@code collision_vote.cu}. */
final class CudaCollisionVote implements CollisionVote {
  private static final int BLOCK = 1024;
  private static final int TABLE_BYTES = 64 << 10;

  /** Keys that a block takes at a time at least, for the largest head. */
  private static final int BLOCK_KEYS = 1024;

  private final Kernels kernels;
  private final CudaFunction vote;
  /** Blocks that the GPU runs at a time: as each fills a table of its own, there are no more. */
  private final int blocks;

  CudaCollisionVote(Kernels kernels) {
    this.kernels = kernels;
    this.vote = kernels.function("collision_vote").allowShared(TABLE_BYTES);
    this.blocks = kernels.device().multiprocessors()
        * vote.blocksPerMultiprocessor(BLOCK, TABLE_BYTES);
  }

  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer tiers, Buffer votes) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    int subspaces = index.subspaces();
    tiers.require("tiers", DType.U8, batch.rows(), kvHeads, subspaces, SignCentroids.COUNT);
    new ZoneRoom(kernels, keys, batch).requireKeys("votes", DType.U8, votes);
    int heads = batch.rows() * kvHeads;
    long capacity = votes.shape().axis(2);
    if (heads == 0 || capacity == 0) {
      return;
    }
    int blocksOfHead = Math.min(KernelLaunch.blocks(capacity, BLOCK_KEYS),
        Math.ceilDiv(blocks, heads));
    kernels.launch().grid(blocksOfHead, heads).block(BLOCK).shared(TABLE_BYTES)
        .arg(keys.idTable()).arg(layer).arg(index.shape().layers()).arg(batch.slots())
        .arg(keys.budgets()).arg(tiers).arg(votes).arg(capacity).arg(kvHeads).arg(subspaces)
        .run(vote);
  }
}
