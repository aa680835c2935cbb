package io.pariskv.backend.cuda;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidScores;

/** {@link CentroidScores} on the GPU: {@code centroid_scores.cu}. */
final class CudaCentroidScores implements CentroidScores {
  private final Kernels kernels;
  private final CudaFunction function;

  CudaCentroidScores(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("centroid_scores");
  }

  @Override
  public void quantise(KeyIndex index, Batch batch, Buffer blocks, Buffer table) {
    index.require(Coarse.SCORES);
    KvShape shape = index.shape();
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), shape.headDim());
    table.require("centroid scores", DType.U8, batch.rows(), shape.kvHeads(), index.subspaces(),
        SignCentroids.COUNT);
    if (batch.rows() > 0) {
      kernels.launch().grid(batch.rows() * shape.kvHeads()).block(SignCentroids.COUNT).arg(blocks)
          .arg(table).arg(index.subspaces()).run(function);
    }
  }
}
