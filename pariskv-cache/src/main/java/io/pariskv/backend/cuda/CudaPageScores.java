package io.pariskv.backend.cuda;

import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.PageScores;

/** {@link PageScores} on the GPU: {@code page_scores.cu}. */
final class CudaPageScores implements PageScores {
  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaPageScores(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("page_scores_bf16");
    this.f32 = kernels.function("page_scores_f32");
  }

  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, ZoneTable bounds,
      Grouping grouping, Buffer scores) {
    PageBounds.require(kv, bounds);
    CudaKvStore store = CudaKvStore.of(kv);
    CudaZoneTable table = CudaZoneTable.of(bounds);
    table.requireRows(layer);
    KvShape shape = kv.shape();
    boolean sum = grouping == Grouping.MEAN;
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    scores.requireAtLeast("page scores", DType.F32, batch.rows(),
        sum ? shape.kvHeads() : shape.heads(), 0);
    int capacity = scores.shape().extent(2);
    if (capacity == 0) {
      return;
    }
    int chunks = sum ? 1 : Math.ceilDiv(shape.groupSize(), CudaKeyScores.CHUNK);
    int pageShift = Integer.numberOfTrailingZeros(bounds.tokensPerRow());
    kernels.launch().overlapped()
        .grid(
            CudaKeyScores.blocks(kernels, capacity, batch.rows() * shape.kvHeads() * chunks),
            shape.kvHeads() * chunks, batch.rows())
        .block(CudaKeyScores.BLOCK)
        .shared(CudaKeyScores.queryBytes(shape.groupSize(), shape.headDim())).arg(store.zones())
        .arg(batch.slots()).arg(table.addresses()).arg(TokenSlabs.SLAB_SHIFT - pageShift)
        .arg(pageShift).arg(layer).arg(shape.layers()).arg(q).arg(shape.kvHeads())
        .arg(shape.groupSize()).arg(sum ? 1 : 0).arg(shape.headDim()).arg(scores).arg(capacity)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}
