package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.CollisionVote;

/** {@link CollisionVote} on the GPU. */
final class CudaCollisionVote implements CollisionVote {
  private final Kernels kernels;

  CudaCollisionVote(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer tiers, Buffer votes) {
    throw new UnsupportedOperationException("CollisionVote on " + kernels.device());
  }
}
