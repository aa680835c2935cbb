package io.pariskv.backend.cuda;

import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CodeScores;

/** {@link CodeScores} on the GPU: {@code code_scores.cu}. */
final class CudaCodeScores implements CodeScores {
  private static final int BLOCK = 512;
  private static final int KEYS_OF_BLOCK = 4 * BLOCK;
  private static final int HEADS_OF_BLOCK = 4;
  private static final int BLOCKS_OF_MULTIPROCESSOR = 1;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaCodeScores(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("code_scores");
    function.allowMostShared();
  }

  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, ProductQuantizer quantizer,
      ZoneTable codebooks, ZoneTable codes, Buffer scores) {
    KvShape shape = kv.shape();
    quantizer.requireCodebooks(shape, codebooks);
    quantizer.requireCodes(shape, codes);
    CudaZoneTable books = CudaZoneTable.of(codebooks);
    CudaZoneTable rows = CudaZoneTable.of(codes);
    books.requireRows(layer);
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    scores.requireAtLeast("scores", DType.F32, batch.rows(), shape.heads(), 0);
    int capacity = scores.shape().extent(2);
    if (capacity == 0) {
      return;
    }
    int chunks = Math.ceilDiv(shape.groupSize(), HEADS_OF_BLOCK);
    kernels.launch().overlapped()
        .grid(blocks(capacity, batch.rows() * shape.kvHeads() * chunks),
            shape.kvHeads() * chunks, batch.rows())
        .block(BLOCK)
        .shared(HEADS_OF_BLOCK * Float.BYTES
            * (quantizer.subvectors() * quantizer.centroids() + shape.headDim()))
        .arg(CudaKvStore.of(kv).zones()).arg(batch.slots()).arg(layer).arg(shape.layers())
        .arg(books.addresses()).arg(rows.addresses()).arg(quantizer.subvectors())
        .arg(quantizer.width(shape.headDim())).arg(quantizer.centroids()).arg(q)
        .arg(shape.kvHeads()).arg(shape.groupSize()).arg(scores).arg(capacity).run(function);
  }

  /** Blocks that share the keys of one of {@code others}: as many as run at a time, since each fills a table. */
  private int blocks(int capacity, int others) {
    int resident = BLOCKS_OF_MULTIPROCESSOR * kernels.device().multiprocessors();
    return Math.clamp(resident / others, 1, KernelLaunch.blocks(capacity, KEYS_OF_BLOCK));
  }
}
