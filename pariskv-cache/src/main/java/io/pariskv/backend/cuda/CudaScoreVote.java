package io.pariskv.backend.cuda;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.ScoreVote;

/** {@link ScoreVote} on the GPU: {@code score_vote.cu}. */
final class CudaScoreVote implements ScoreVote {
  private static final int BLOCK = 256;
  /** Keys of a thread, so that copying the table to shared memory pays. */
  private static final int KEYS = 16;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaScoreVote(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("score_vote");
  }

  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer table, Buffer votes) {
    index.require(Coarse.SCORES);
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    keys.requireIndexed(layer);
    int kvHeads = index.shape().kvHeads();
    int subspaces = index.subspaces();
    table.require("centroid scores", DType.U8, batch.rows(), kvHeads, subspaces,
        SignCentroids.COUNT);
    new ZoneRoom(kernels, keys, batch).requireKeys("votes", DType.U8, votes);
    int heads = batch.rows() * kvHeads;
    long capacity = votes.shape().axis(2);
    if (heads == 0 || capacity == 0) {
      return;
    }
    kernels.launch().grid(KernelLaunch.blocks(capacity, KEYS * BLOCK), heads).block(BLOCK)
        .shared(subspaces * SignCentroids.COUNT).arg(keys.idTable()).arg(keys.normTable())
        .arg(keys.centreTable()).arg(layer).arg(index.shape().layers()).arg(batch.slots())
        .arg(keys.budgets()).arg(table).arg(votes).arg(capacity).arg(kvHeads).arg(subspaces)
        .run(function);
  }
}
