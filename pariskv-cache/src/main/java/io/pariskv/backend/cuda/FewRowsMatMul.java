package io.pariskv.backend.cuda;

import static io.pariskv.backend.cuda.KernelLaunch.address;
import static io.pariskv.backend.cuda.KernelLaunch.blocks;

import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers of up to {@link #MAX_ROWS} rows by bf16 weights, the norm before them and what follows them in
 * one launch: up to {@link #FEWEST} rows {@code matmul_few.cu}, then {@code matmul_rows.cu} and
 * {@code matmul_gated.cu}. Arguments were checked.
 */
final class FewRowsMatMul {
  static final int MAX_ROWS = 16;

  /** Layers of one launch. */
  private static final int LAYERS = 3;

  /** Rows that are multiplied in plain f32. */
  private static final int FEWEST = 4;

  // As in matmul_few.cuh.
  private static final int FEW_BLOCK = 8 * 32;
  private static final int FEW_UNIT = 4;
  private static final int FEW_UNITS = 8;

  // As in matmul_rows.cuh.
  private static final int BLOCK = 16 * 32;
  private static final int UNIT = 16;
  private static final int MAX_UNITS = 4;
  private static final int SHARED_BYTES = 98_848;

  private final Kernels kernels;
  private final CudaFunction few1;
  private final CudaFunction few4;
  private final CudaFunction fewGated1;
  private final CudaFunction fewGated4;
  private final CudaFunction rows8;
  private final CudaFunction rows16;
  private final CudaFunction gated8;
  private final CudaFunction gated16;

  FewRowsMatMul(Kernels kernels) {
    this.kernels = kernels;
    few1 = kernels.function("matmul_few_1");
    few4 = kernels.function("matmul_few_4");
    fewGated1 = kernels.function("matmul_few_gated_1");
    fewGated4 = kernels.function("matmul_few_gated_4");
    rows8 = kernels.function("matmul_rows_8").allowShared(SHARED_BYTES);
    rows16 = kernels.function("matmul_rows_16").allowShared(SHARED_BYTES);
    gated8 = kernels.function("matmul_gated_8").allowShared(SHARED_BYTES);
    gated16 = kernels.function("matmul_gated_16").allowShared(SHARED_BYTES);
  }

  /** Whether rows, types and alignment are those of the kernels. */
  boolean takes(Buffer x, @Nullable Norm norm, List<Linear> linears) {
    return x.shape().axis(0) <= MAX_ROWS && isAligned(x)
        && (norm == null || isAligned(norm.weight()))
        && linears.stream().allMatch(linear -> linear.weight().dtype() == DType.BF16
            && linear.in() > 0 && linear.in() % 8 == 0 && isAligned(linear.weight()));
  }

  private static boolean isAligned(Buffer buffer) {
    return buffer.address() % 16 == 0;
  }

  /** {@code y = W x + b} for each layer, or {@code y += W x + b}, where x may have to be normalised. */
  void multiply(Buffer x, @Nullable Norm norm, List<Linear> linears, List<Buffer> ys, boolean add) {
    for (int from = 0; from < linears.size(); from += LAYERS) {
      int to = Math.min(from + LAYERS, linears.size());
      launch(x, norm, linears.subList(from, to), ys.subList(from, to), add);
    }
  }

  private void launch(Buffer x, @Nullable Norm norm, List<Linear> linears, List<Buffer> ys,
      boolean add) {
    boolean few = isFew(x);
    int units = linears.stream().mapToInt(linear -> blocks(linear.out(), few ? FEW_UNIT : UNIT))
        .sum();
    if (units == 0) {
      return;
    }
    KernelLaunch launch = begin(x, norm, units).arg(linears.getFirst().in())
        .arg(few ? parts(units) : unitsOfPass(units)).arg(add ? 1 : 0);
    for (int i = 0; i < LAYERS; i++) {
      if (i < linears.size()) {
        launch.arg(linears.get(i).weight()).arg(bias(linears.get(i))).arg(ys.get(i))
            .arg(linears.get(i).out());
      } else {
        launch.arg(0L).arg(0L).arg(0L).arg(0);
      }
    }
    launch.run(choose(x, few1, few4, rows8, rows16));
  }

  /** {@code y = silu(gate x) * (up x)}, where x may have to be normalised. */
  void multiplyGated(Buffer x, @Nullable Norm norm, GatedLinear linear, Buffer y) {
    int units = blocks(linear.out(), (isFew(x) ? FEW_UNIT : UNIT) / 2);
    begin(x, norm, units).arg(linear.in()).arg(linear.out())
        .arg(isFew(x) ? parts(units) : unitsOfPass(units))
        .arg(linear.gate().weight()).arg(bias(linear.gate())).arg(linear.up().weight())
        .arg(bias(linear.up())).arg(y).run(choose(x, fewGated1, fewGated4, gated8, gated16));
  }

  private static boolean isFew(Buffer x) {
    return x.shape().axis(0) <= FEWEST;
  }

  private static CudaFunction choose(Buffer x, CudaFunction one, CudaFunction four,
      CudaFunction eight, CudaFunction sixteen) {
    long rows = x.shape().axis(0);
    return rows == 1 ? one : rows <= FEWEST ? four : rows <= 8 ? eight : sixteen;
  }

  /** Warps that share the inputs of a unit: as many as leave one turn of blocks at most. */
  private int parts(int units) {
    int parts = FEW_UNITS;
    while (parts > 1 && blocks(units, FEW_UNITS / parts) > 3 * kernels.device().multiprocessors()) {
      parts /= 2;
    }
    return parts;
  }

  private KernelLaunch begin(Buffer x, @Nullable Norm norm, int units) {
    KernelLaunch launch = isFew(x)
        ? kernels.launch().grid(blocks(units, FEW_UNITS / parts(units))).block(FEW_BLOCK)
        : kernels.launch().grid(blocksOf(units)).block(BLOCK).shared(SHARED_BYTES);
    return launch.overlapped().arg(x).arg(norm == null ? 0 : address(norm.weight()))
        .arg(norm == null ? 0 : norm.epsilon()).arg(x.shape().extent(0));
  }

  private static long bias(Linear linear) {
    return linear.bias() == null ? 0 : address(linear.bias());
  }

  /** One for each multiprocessor, as far as there are units for them, with even shares. */
  private int blocksOf(int units) {
    return Math.min(units, kernels.device().multiprocessors());
  }

  /** Even passes of a block's share, as few as registers allow. */
  private int unitsOfPass(int units) {
    int share = Math.ceilDiv(units, blocksOf(units));
    return Math.ceilDiv(share, Math.ceilDiv(share, MAX_UNITS));
  }
}
