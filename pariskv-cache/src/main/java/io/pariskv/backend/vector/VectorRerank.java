package io.pariskv.backend.vector;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.Rerank;
import java.lang.foreign.ValueLayout;

/**
 * {@link Rerank} with one lane a subspace: the packed codes of a key are one vector, and eight look-ups
 * and multiply-adds estimate all its blocks.
 */
final class VectorRerank implements Rerank {
  /** Candidates of one task. What it reads of them fits into a core's own cache. */
  private static final int RANGE = 512;

  private final Workers workers;
  private final Scratch scratch = new Scratch();
  /** {@code [rows][slabs]}, addresses of the slabs of records. */
  private long[] records = new long[0];

  VectorRerank(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void score(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer candidates,
      Buffer scores) {
    ZoneRows rows = ZoneRows.of(index, batch);
    KvShape shape = index.shape();
    int kvHeads = shape.kvHeads();
    int subspaces = index.subspaces();
    int most = rows.mostCandidates();
    blocks.require("query blocks", DType.F32, batch.rows(), kvHeads, shape.headDim());
    candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads, most);
    scores.requireAtLeast("candidate scores", DType.F32, batch.rows(), kvHeads, most);
    int slabs = locate(rows, layer);
    long p = transpose(blocks.segment().address(), rows.heads(), subspaces);
    RerankKernel kernel = RerankKernel.of(subspaces);
    long candidatesAt = candidates.segment().address();
    long candidatesStride = candidates.shape().axis(2);
    long scoresAt = scores.segment().address();
    long scoresStride = scores.shape().axis(2);
    int ranges = Math.ceilDiv(most, RANGE);
    workers.run(rows.heads() * ranges, task -> {
      int head = task / ranges;
      int row = head / kvHeads;
      int from = task % ranges * RANGE;
      int count = Math.min(RANGE, rows.candidates(row) - from);
      if (count <= 0) {
        return;
      }
      KeyRecords keys = new KeyRecords(records, row * slabs, head % kvHeads, subspaces);
      float[] x = new float[subspaces];
      long query = p + (long) head * shape.headDim() * Float.BYTES;
      long in = candidatesAt + (head * candidatesStride + from) * Integer.BYTES;
      long out = scoresAt + (head * scoresStride + from) * Float.BYTES;
      // Rubbish for a moment: the first score is written after it.
      Raw.setFloat(out, keys.touch(in, count));
      kernel.score(keys, query, in, out, count, x);
    });
  }

  /** Looks up the addresses of all slabs once; returns how many a row has. */
  private int locate(ZoneRows rows, int layer) {
    int slabs = Math.ceilDiv(rows.mostKeys(), TokenSlabs.SLAB_TOKENS);
    int all = rows.batch().rows() * slabs;
    if (records.length < all) {
      records = new long[all + all / 4];
    }
    for (int row = 0; row < rows.batch().rows(); row++) {
      for (int key = 0; key < rows.keys(row); key += TokenSlabs.SLAB_TOKENS) {
        records[row * slabs + (key >> TokenSlabs.SLAB_SHIFT)] = rows.index()
            .records(layer, rows.slot(row)).address(0, key);
      }
    }
    return slabs;
  }

  /** The blocks as {@code [heads][8][subspaces]}: a vector holds one coordinate of every subspace. */
  private long transpose(long blocks, int heads, int subspaces) {
    int headDim = subspaces * SignCentroids.SUBSPACE_DIM;
    long bytes = (long) heads * headDim * Float.BYTES;
    long out = scratch.reserve(bytes);
    for (long head = 0; head < bytes; head += (long) headDim * Float.BYTES) {
      for (int i = 0; i < headDim; i++) {
        int b = i / SignCentroids.SUBSPACE_DIM;
        int j = i % SignCentroids.SUBSPACE_DIM;
        float value = Raw.ALL.get(ValueLayout.JAVA_FLOAT, blocks + head + (long) i * Float.BYTES);
        int to = j * subspaces + b;
        Raw.ALL.set(ValueLayout.JAVA_FLOAT, out + head + (long) to * Float.BYTES, value);
      }
    }
    return out;
  }
}
