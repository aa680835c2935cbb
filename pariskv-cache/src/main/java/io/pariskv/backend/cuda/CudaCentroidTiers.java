package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidTiers;

/** {@link CentroidTiers} on the GPU. */
final class CudaCentroidTiers implements CentroidTiers {
  private final Kernels kernels;
  private final CudaFunction function;

  CudaCentroidTiers(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("centroid_tiers");
  }

  @Override
  public void rank(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer tiers) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    keys.requireIndexed(layer);
    KvShape shape = index.shape();
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), shape.headDim());
    tiers.require("tiers", DType.U8, batch.rows(), shape.kvHeads(), index.subspaces(),
        SignCentroids.COUNT);
    int blocksOfRow = shape.kvHeads() * index.subspaces();
    kernels.launch().grid(batch.rows() * blocksOfRow).block(SignCentroids.COUNT)
        .arg(keys.populationTable()).arg(keys.budgets()).arg(batch.slots()).arg(blocks).arg(tiers)
        .arg(layer).arg(shape.layers()).arg(blocksOfRow).run(function);
  }
}
