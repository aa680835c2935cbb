package io.pariskv.backend.cuda;

import io.pariskv.index.HadamardRotation;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;

/** The retrieval of a step by scores in two launches: {@code retrieval_score_vote.cu} first. */
final class CudaScoreRetrieval extends CudaFusedRetrieval {
  private static final List<String> PARTS = List.of("rotate+table+vote+histogram",
      "select+rerank+top-k");
  private static final int VOTES = 256;

  private final CudaFunction vote;

  /** Allocates what the kernels pass on; the caller closes it. */
  CudaScoreRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size) {
    this(kernels, index, size, kernels.function("retrieval_score_vote"));
  }

  private CudaScoreRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size,
      CudaFunction vote) {
    super(kernels, index, size, PARTS, vote, VOTES, 0);
    this.vote = vote;
  }

  @Override
  void launch(int part, int layer, Batch batch, Buffer q) {
    KvShape shape = index().shape();
    voteLaunch().arg(q).arg(index().idTable()).arg(index().normTable())
        .arg(index().centreTable()).arg(layer).arg(shape.layers()).arg(batch.slots())
        .arg(index().budgets()).arg(scratch().blocks()).arg(scratch().votes())
        .arg(scratch().tiles()).arg(scratch().tileKeys()).arg(tilesOfVote())
        .arg(shape.kvHeads()).arg(shape.groupSize()).arg(index().subspaces())
        .arg(HadamardRotation.scale(shape.headDim())).arg(scratch().counts()).run(vote);
  }
}
