package io.pariskv.backend.cuda;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;

/** The retrieval of a step by tiers in three launches: {@code retrieval_table.cu} and {@code retrieval_vote.cu} first. */
final class CudaRetrieval extends CudaFusedRetrieval {
  private static final List<String> PARTS = List.of("rotate+table", "vote+histogram",
      "select+rerank+top-k");
  private static final int TOP_TIER = 6;

  private static final int TABLE_BLOCK = 256;

  private final CudaFunction table;
  private final CudaFunction vote;

  /** Allocates what the kernels pass on; the caller closes it. */
  CudaRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size) {
    this(kernels, index, size, kernels.function("retrieval_vote"));
  }

  private CudaRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size,
      CudaFunction vote) {
    super(kernels, index, size, PARTS, vote, TOP_TIER * index.subspaces() + 1,
        index.subspaces() * SignCentroids.COUNT);
    this.vote = vote;
    table = kernels.function("retrieval_table");
  }

  @Override
  void launch(int part, int layer, Batch batch, Buffer q) {
    if (part == 0) {
      table(layer, batch, q);
    } else {
      vote(layer, batch);
    }
  }

  private void table(int layer, Batch batch, Buffer q) {
    KvShape shape = index().shape();
    kernels().launch().grid(scratch().heads() * index().subspaces()).block(TABLE_BLOCK).overlapped()
        .arg(q).arg(index().populationTable()).arg(index().budgets()).arg(batch.slots())
        .arg(scratch().blocks()).arg(table()).arg(layer).arg(shape.layers()).arg(shape.kvHeads())
        .arg(shape.groupSize()).arg(index().subspaces())
        .arg(HadamardRotation.scale(shape.headDim())).run(table);
  }

  private void vote(int layer, Batch batch) {
    KvShape shape = index().shape();
    voteLaunch().arg(index().idTable()).arg(layer).arg(shape.layers())
        .arg(batch.slots()).arg(index().budgets()).arg(table()).arg(scratch().votes())
        .arg(scratch().tiles()).arg(scratch().tileKeys()).arg(tilesOfVote())
        .arg(shape.kvHeads()).arg(index().subspaces()).arg(scratch().counts()).run(vote);
  }
}
