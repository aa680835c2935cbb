package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidScores;

/** {@link CentroidScores} in plain Java. */
final class ScalarCentroidScores implements CentroidScores {
  @Override
  public void quantise(KeyIndex index, Batch batch, Buffer blocks, Buffer table) {
    index.require(Coarse.SCORES);
    HostKeyIndex keys = HostKeyIndex.of(index);
    KvShape shape = index.shape();
    int subspaces = index.subspaces();
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), shape.headDim());
    table.require("centroid scores", DType.U8, batch.rows(), shape.kvHeads(), subspaces,
        SignCentroids.COUNT);
    float[] p = Elements.floats(blocks.segment(), DType.F32);
    for (int head = 0; head < batch.rows() * shape.kvHeads(); head++) {
      if (keys.budget(Elements.getInt(batch.slots(), head / shape.kvHeads()), 0) > 0) {
        quantise(p, head, subspaces, table);
      }
    }
  }

  private static void quantise(float[] p, int head, int subspaces, Buffer table) {
    float[] scores = new float[subspaces * SignCentroids.COUNT];
    float[] halves = new float[32];
    float largest = 0;
    for (int i = 0; i < scores.length; i++) {
      int b = i / SignCentroids.COUNT;
      SignCentroids.halfScores(p, (head * subspaces + b) * SignCentroids.SUBSPACE_DIM, halves);
      scores[i] = SignCentroids.score(halves, i % SignCentroids.COUNT);
      largest = Math.max(largest, scores[i]); // NaN stays
    }
    boolean usable = largest >= SMALLEST && largest < Float.POSITIVE_INFINITY;
    float inverse = LEVELS / largest;
    for (int i = 0; i < scores.length; i++) {
      int score = usable ? (int) Math.rint(scores[i] * inverse) : 0;
      Elements.setByte(table.segment(), (long) head * scores.length + i, BIAS + score);
    }
  }
}
