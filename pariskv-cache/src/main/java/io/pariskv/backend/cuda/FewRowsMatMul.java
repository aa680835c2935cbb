package io.pariskv.backend.cuda;

import static io.pariskv.backend.cuda.KernelLaunch.address;
import static io.pariskv.backend.cuda.KernelLaunch.blocks;

import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers of up to {@link #MAX_ROWS} rows by bf16 weights, the norm before them and what follows them in
 * one launch: {@code matmul_few.cu} for one or two rows, {@code matmul_rows.cu} for more. Arguments were
 * checked.
 */
final class FewRowsMatMul {
  static final int MAX_ROWS = 16;

  /** Layers of one launch. */
  private static final int LAYERS = 3;

  private static final int FEW_BLOCK = 256;
  private static final int BLOCK = 512;

  /** Of a block of {@code matmul_few.cu}. */
  private static final int WARPS = 8;

  /** Rows that {@code matmul_few.cu} takes. */
  private static final int FEW = 2;

  /** Rows of W of a unit, as in {@code matmul_few.cuh} and {@code matmul_rows.cuh}. */
  private static final int FEW_UNIT = 4;
  private static final int UNIT = 32;

  /** Blocks of {@code matmul_few.cu} that a multiprocessor holds. */
  private static final int FEW_BLOCKS = 3;

  private final Kernels kernels;
  private final CudaFunction[] plain;
  private final CudaFunction[] gated;

  FewRowsMatMul(Kernels kernels) {
    this.kernels = kernels;
    plain = functions("matmul_few_1", "matmul_few_2", "matmul_rows_8", "matmul_rows_16");
    gated = functions("matmul_few_gated_1", "matmul_few_gated_2", "matmul_gated_8",
        "matmul_gated_16");
  }

  private CudaFunction[] functions(String... names) {
    return Arrays.stream(names).map(kernels::function).toArray(CudaFunction[]::new);
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
    int units = linears.stream().mapToInt(linear -> blocks(linear.out(), unit(x))).sum();
    if (units == 0) {
      return;
    }
    KernelLaunch launch = begin(x, norm, units).arg(linears.getFirst().in());
    parts(launch, x, units).arg(add ? 1 : 0);
    for (int i = 0; i < LAYERS; i++) {
      if (i < linears.size()) {
        launch.arg(linears.get(i).weight()).arg(bias(linears.get(i))).arg(ys.get(i))
            .arg(linears.get(i).out());
      } else {
        launch.arg(0L).arg(0L).arg(0L).arg(0);
      }
    }
    launch.run(choose(x, plain));
  }

  /** {@code y = silu(gate x) * (up x)}, where x may have to be normalised. */
  void multiplyGated(Buffer x, @Nullable Norm norm, GatedLinear linear, Buffer y) {
    int units = blocks(linear.out(), unit(x) / 2);
    KernelLaunch launch = begin(x, norm, units).arg(linear.in()).arg(linear.out());
    parts(launch, x, units).arg(linear.gate().weight()).arg(bias(linear.gate()))
        .arg(linear.up().weight()).arg(bias(linear.up())).arg(y).run(choose(x, gated));
  }

  private KernelLaunch begin(Buffer x, @Nullable Norm norm, int units) {
    return kernels.launch().grid(isFew(x) ? blocks(units, WARPS / parts(units)) : units)
        .block(isFew(x) ? FEW_BLOCK : BLOCK).overlapped().arg(x)
        .arg(norm == null ? 0 : address(norm.weight()))
        .arg(norm == null ? 0 : norm.epsilon()).arg(x.shape().extent(0));
  }

  private KernelLaunch parts(KernelLaunch launch, Buffer x, int units) {
    return isFew(x) ? launch.arg(parts(units)) : launch;
  }

  /** Warps that share the inputs of a unit: as many as leave all blocks running at a time. */
  private int parts(int units) {
    int parts = WARPS;
    int most = FEW_BLOCKS * kernels.device().multiprocessors();
    while (parts > 1 && blocks(units, WARPS / parts) > most) {
      parts /= 2;
    }
    return parts;
  }

  private static boolean isFew(Buffer x) {
    return x.shape().axis(0) <= FEW;
  }

  private static int unit(Buffer x) {
    return isFew(x) ? FEW_UNIT : UNIT;
  }

  private static CudaFunction choose(Buffer x, CudaFunction[] of) {
    int rows = x.shape().extent(0);
    return of[rows <= FEW ? rows - 1 : rows <= MAX_ROWS / 2 ? 2 : 3];
  }

  private static long bias(Linear linear) {
    return linear.bias() == null ? 0 : address(linear.bias());
  }
}
