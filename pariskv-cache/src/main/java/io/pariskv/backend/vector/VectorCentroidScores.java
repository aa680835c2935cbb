package io.pariskv.backend.vector;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidScores;
import java.lang.foreign.ValueLayout;

/** {@link CentroidScores}, a KV head a task: some thousand scores, which two tables of 16 a subspace make. */
final class VectorCentroidScores implements CentroidScores {
  private static final int HALVES = 32;

  private final Workers workers;

  VectorCentroidScores(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void quantise(KeyIndex index, Batch batch, Buffer blocks, Buffer table) {
    index.require(Coarse.SCORES);
    ZoneRows rows = ZoneRows.of(index, batch);
    KvShape shape = index.shape();
    int subspaces = index.subspaces();
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), shape.headDim());
    table.require("centroid scores", DType.U8, batch.rows(), shape.kvHeads(), subspaces,
        SignCentroids.COUNT);
    long blocksAt = blocks.segment().address();
    long tableAt = table.segment().address();
    workers.run(rows.heads(), head -> {
      if (rows.keys(head / shape.kvHeads()) > 0) {
        quantise(blocksAt + (long) head * shape.headDim() * Float.BYTES, subspaces,
            tableAt + (long) head * subspaces * SignCentroids.COUNT);
      }
    });
  }

  private static void quantise(long blocks, int subspaces, long table) {
    float[] p = new float[subspaces * SignCentroids.SUBSPACE_DIM];
    for (int i = 0; i < p.length; i++) {
      p[i] = Raw.getFloat(blocks + (long) i * Float.BYTES);
    }
    float[][] halves = new float[subspaces][HALVES];
    float largest = 0;
    for (int b = 0; b < subspaces; b++) {
      SignCentroids.halfScores(p, b * SignCentroids.SUBSPACE_DIM, halves[b]);
      largest = Math.max(largest, largest(halves[b]));
    }
    boolean usable = largest >= SMALLEST && largest < Float.POSITIVE_INFINITY;
    float inverse = LEVELS / largest;
    for (int b = 0; b < subspaces; b++) {
      for (int c = 0; c < SignCentroids.COUNT; c++) {
        int score = usable ? (int) Math.rint(SignCentroids.score(halves[b], c) * inverse) : 0;
        Raw.ALL.set(ValueLayout.JAVA_BYTE, table + (long) b * SignCentroids.COUNT + c,
            (byte) (BIAS + score));
      }
    }
  }

  /** The largest score: rounding keeps the order, so it is that of the largest halves. NaN stays. */
  private static float largest(float[] halves) {
    float low = Float.NEGATIVE_INFINITY;
    float high = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < HALVES / 2; i++) {
      low = Math.max(low, halves[i]);
      high = Math.max(high, halves[HALVES / 2 + i]);
    }
    return low + high;
  }
}
