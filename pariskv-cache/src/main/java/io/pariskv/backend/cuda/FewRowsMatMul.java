package io.pariskv.backend.cuda;

import static io.pariskv.backend.cuda.KernelLaunch.address;
import static io.pariskv.backend.cuda.KernelLaunch.blocks;

import io.pariskv.error.InputException;
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
 * one launch: {@code matmul_few.cu} for one or two rows; for more {@code matmul_rows.cu}, or one of its possible
 * successors {@code matmul_ring.cu} and {@code matmul_wide.cu}. Arguments were checked.
 */
final class FewRowsMatMul {
  static final int MAX_ROWS = 16;

  /** Which kernels multiply 3 to 16 rows, until they have been measured: {@link Way} in lower case. */
  static final String WAY = "pariskv.matmul";

  /** Rows up to which {@code matmul_few.cu} multiplies, 0 to 2, until it has been measured. */
  static final String FEW = "pariskv.matmul.few";

  enum Way {
    ROWS, RING, WIDE,
    /** WIDE for layers with outputs for two blocks on each multiprocessor, RING for others. */
    MIXED
  }

  /** Layers of one launch. */
  private static final int LAYERS = 3;

  /** Of a block of {@code matmul_few.cu}. */
  private static final int WARPS = 8;

  /** Blocks of {@code matmul_few.cu} that a multiprocessor holds, and of {@code matmul_wide.cu}. */
  private static final int FEW_BLOCKS = 3;
  private static final int WIDE_BLOCKS = 2;

  /** Bytes of weights in shared memory, as in {@code matmul_ring.cuh}. */
  private static final int RING_BYTES = 96 << 10;

  /**
   * Kernels of one file.
   *
   * @param step rows of x of the first kernel; the second is for twice as many
   * @param unit rows of W that are multiplied together
   */
  private record Form(CudaFunction[] plain, CudaFunction[] gated, int step, int unit, int block,
      int shared) {
    CudaFunction choose(CudaFunction[] of, Buffer x) {
      return of[x.shape().extent(0) <= step ? 0 : 1];
    }
  }

  private final Kernels kernels;
  private final Way way;
  private final int mostFew;
  private final Form few;
  private final Form rows;
  private final Form ring;
  private final Form wide;

  FewRowsMatMul(Kernels kernels) {
    this.kernels = kernels;
    way = way(System.getProperty(WAY, "rows"));
    mostFew = Integer.getInteger(FEW, 2);
    few = new Form(functions(0, "matmul_few_1", "matmul_few_2"),
        functions(0, "matmul_few_gated_1", "matmul_few_gated_2"), 1, 4, 256, 0);
    rows = new Form(functions(0, "matmul_rows_8", "matmul_rows_16"),
        functions(0, "matmul_gated_8", "matmul_gated_16"), 8, 32, 512, 0);
    ring = new Form(functions(RING_BYTES, "matmul_ring_8", "matmul_ring_16"),
        functions(RING_BYTES, "matmul_ring_gated_8", "matmul_ring_gated_16"), 8, 32, 256,
        RING_BYTES);
    wide = new Form(functions(RING_BYTES, "matmul_wide_8", "matmul_wide_16"),
        functions(RING_BYTES, "matmul_wide_gated_8", "matmul_wide_gated_16"), 8, 64, 256,
        RING_BYTES);
  }

  private static Way way(String name) {
    return Arrays.stream(Way.values()).filter(each -> each.name().equalsIgnoreCase(name))
        .findFirst().orElseThrow(
            () -> new InputException("-D" + WAY + "=" + name + "; give rows, ring, wide or mixed"));
  }

  private CudaFunction[] functions(int shared, String... names) {
    return Arrays.stream(names).map(kernels::function)
        .map(function -> shared == 0 ? function : function.allowShared(shared))
        .toArray(CudaFunction[]::new);
  }

  /** Which kernels make this many rows of W. */
  private Form form(Buffer x, long rowsOfW) {
    if (x.shape().axis(0) <= mostFew) {
      return few;
    }
    return switch (way) {
      case ROWS -> rows;
      case RING -> ring;
      case WIDE -> wide;
      case MIXED ->
        rowsOfW >= (long) wide.unit * WIDE_BLOCKS * kernels.device().multiprocessors()
            ? wide
            : ring;
    };
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
    Form form = form(x, linears.stream().mapToLong(Linear::out).sum());
    int units = linears.stream().mapToInt(linear -> blocks(linear.out(), form.unit)).sum();
    if (units == 0) {
      return;
    }
    KernelLaunch launch = begin(form, x, norm, units).arg(linears.getFirst().in());
    parts(launch, form, units).arg(add ? 1 : 0);
    for (int i = 0; i < LAYERS; i++) {
      if (i < linears.size()) {
        launch.arg(linears.get(i).weight()).arg(bias(linears.get(i))).arg(ys.get(i))
            .arg(linears.get(i).out());
      } else {
        launch.arg(0L).arg(0L).arg(0L).arg(0);
      }
    }
    launch.run(form.choose(form.plain, x));
  }

  /** {@code y = silu(gate x) * (up x)}, where x may have to be normalised. */
  void multiplyGated(Buffer x, @Nullable Norm norm, GatedLinear linear, Buffer y) {
    Form form = form(x, 2L * linear.out());
    int units = blocks(linear.out(), form.unit / 2);
    KernelLaunch launch = begin(form, x, norm, units).arg(linear.in()).arg(linear.out());
    parts(launch, form, units).arg(linear.gate().weight()).arg(bias(linear.gate()))
        .arg(linear.up().weight()).arg(bias(linear.up())).arg(y).run(form.choose(form.gated, x));
  }

  private KernelLaunch begin(Form form, Buffer x, @Nullable Norm norm, int units) {
    return kernels.launch().grid(form == few ? blocks(units, WARPS / parts(units)) : units)
        .block(form.block).shared(form.shared).overlapped().arg(x)
        .arg(norm == null ? 0 : address(norm.weight())).arg(norm == null ? 0 : norm.epsilon())
        .arg(x.shape().extent(0));
  }

  private KernelLaunch parts(KernelLaunch launch, Form form, int units) {
    return form == few ? launch.arg(parts(units)) : launch;
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

  private static long bias(Linear linear) {
    return linear.bias() == null ? 0 : address(linear.bias());
  }
}
