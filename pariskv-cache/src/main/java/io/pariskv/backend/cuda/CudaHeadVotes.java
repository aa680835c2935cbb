package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadVotes;

/** {@link HeadVotes} on the GPU: {@code head_votes.cu}. */
final class CudaHeadVotes implements HeadVotes {
  private static final int BLOCK = 1024;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaHeadVotes(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("head_votes");
  }

  @Override
  public void combine(KeyIndex index, Batch batch, Buffer votes, Buffer combined) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    KvShape shape = index.shape();
    new ZoneRoom(kernels, keys, batch).requireKeys("votes", DType.U8, combined);
    long capacity = combined.shape().axis(2);
    votes.require("votes of heads", DType.U8, shape.groupSize(), batch.rows(), shape.kvHeads(),
        capacity);
    int heads = batch.rows() * shape.kvHeads();
    if (heads > 0 && capacity > 0) {
      kernels.launch().grid(heads).block(BLOCK).arg(batch.slots()).arg(keys.budgets()).arg(votes)
          .arg(combined).arg(capacity).arg(shape.kvHeads()).arg(shape.groupSize()).run(function);
    }
  }
}
