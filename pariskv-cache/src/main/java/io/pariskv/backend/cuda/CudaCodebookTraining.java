package io.pariskv.backend.cuda;

import io.pariskv.index.CodebookTraining;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link CodebookTraining} on the GPU: {@code codebook_training.cu}. */
final class CudaCodebookTraining implements CodebookTraining {
  private static final int BEGIN_BLOCK = 1024;
  private static final int BLOCK = 256;
  private static final int ROWS_OF_BLOCK = 64;
  private static final int CENTROIDS_OF_BLOCK = 32;

  private final Kernels kernels;
  private final CudaFunction beginBf16;
  private final CudaFunction beginF32;
  private final CudaFunction assignBf16;
  private final CudaFunction assignF32;
  private final CudaFunction average;
  private final StageScratch largest;
  private final StageScratch sums;
  private final StageScratch counts;

  CudaCodebookTraining(Kernels kernels) {
    this.kernels = kernels;
    this.beginBf16 = kernels.function("codebook_begin_bf16");
    this.beginF32 = kernels.function("codebook_begin_f32");
    this.assignBf16 = kernels.function("codebook_assign_bf16");
    this.assignF32 = kernels.function("codebook_assign_f32");
    this.average = kernels.function("codebook_average");
    this.largest = new StageScratch(kernels, DType.I32);
    this.sums = new StageScratch(kernels, DType.I64);
    this.counts = new StageScratch(kernels, DType.I32);
  }

  @Override
  public void train(Buffer rows, ProductQuantizer quantizer, int layer, int slot, int kvHead,
      ZoneTable codebooks) {
    int n = CodebookTraining.require(rows, quantizer, codebooks);
    kernels.context().requireNotRecording("train codebooks");
    int headDim = codebooks.shape().headDim();
    int subvectors = quantizer.subvectors();
    int width = quantizer.width(headDim);
    int centroids = quantizer.centroids();
    long books = CudaZoneTable.of(codebooks).rowAddress(layer, slot, kvHead, 0);
    Buffer magnitudes = largest.atLeast(subvectors);
    Buffer added = sums.atLeast(quantizer.bookSize(headDim));
    Buffer had = counts.atLeast((long) subvectors * centroids);
    boolean bf16 = rows.dtype() == DType.BF16;

    kernels.launch().grid(subvectors).block(BEGIN_BLOCK).shared(Float.BYTES * width).arg(rows)
        .arg(n).arg(CodebookTraining.step(n)).arg(headDim).arg(width).arg(centroids).arg(books)
        .arg(magnitudes).arg(added).arg(had).run(bf16 ? beginBf16 : beginF32);
    for (int round = 0; round < ITERATIONS; round++) {
      kernels.launch().grid(KernelLaunch.blocks(n, ROWS_OF_BLOCK), subvectors).block(BLOCK)
          .arg(rows).arg(n).arg(headDim).arg(width).arg(centroids).arg(books).arg(magnitudes)
          .arg(added).arg(had).run(bf16 ? assignBf16 : assignF32);
      kernels.launch().grid(KernelLaunch.blocks(centroids, CENTROIDS_OF_BLOCK), subvectors)
          .block(BLOCK).arg(width).arg(centroids).arg(books).arg(magnitudes).arg(added).arg(had)
          .run(average);
    }
  }
}
