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
 * one launch: {@code matmul_rows.cu} and {@code matmul_gated.cu}. Arguments were checked.
 */
final class FewRowsMatMul {
  static final int MAX_ROWS = 16;

  /** Layers of one launch. */
  private static final int LAYERS = 3;

  // As in matmul_rows.cuh.
  private static final int BLOCK = 16 * 32;
  private static final int UNIT = 16;
  private static final int MAX_UNITS = 4;
  private static final int SHARED_BYTES = 98_848;

  private final Kernels kernels;
  private final CudaFunction rows8;
  private final CudaFunction rows16;
  private final CudaFunction gated8;
  private final CudaFunction gated16;

  FewRowsMatMul(Kernels kernels) {
    this.kernels = kernels;
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
    int units = linears.stream().mapToInt(linear -> blocks(linear.out(), UNIT)).sum();
    if (units == 0) {
      return;
    }
    KernelLaunch launch = begin(x, norm, units).arg(linears.getFirst().in())
        .arg(unitsOfPass(units)).arg(add ? 1 : 0);
    for (int i = 0; i < LAYERS; i++) {
      if (i < linears.size()) {
        launch.arg(linears.get(i).weight()).arg(bias(linears.get(i))).arg(ys.get(i))
            .arg(linears.get(i).out());
      } else {
        launch.arg(0L).arg(0L).arg(0L).arg(0);
      }
    }
    launch.run(x.shape().axis(0) <= 8 ? rows8 : rows16);
  }

  /** {@code y = silu(gate x) * (up x)}, where x may have to be normalised. */
  void multiplyGated(Buffer x, @Nullable Norm norm, GatedLinear linear, Buffer y) {
    int units = blocks(linear.out(), UNIT / 2);
    begin(x, norm, units).arg(linear.in()).arg(linear.out()).arg(unitsOfPass(units))
        .arg(linear.gate().weight()).arg(bias(linear.gate())).arg(linear.up().weight())
        .arg(bias(linear.up())).arg(y).run(x.shape().axis(0) <= 8 ? gated8 : gated16);
  }

  private KernelLaunch begin(Buffer x, @Nullable Norm norm, int units) {
    return kernels.launch().grid(blocksOf(units)).block(BLOCK).shared(SHARED_BYTES).overlapped()
        .arg(x).arg(norm == null ? 0 : address(norm.weight()))
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
