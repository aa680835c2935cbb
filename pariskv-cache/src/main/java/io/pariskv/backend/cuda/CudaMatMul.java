package io.pariskv.backend.cuda;

import static io.pariskv.backend.cuda.KernelLaunch.address;
import static io.pariskv.backend.cuda.KernelLaunch.blocks;

import io.pariskv.backend.cuda.CublasLtHandle.Product;
import io.pariskv.layer.Linear;
import io.pariskv.layer.MatMul;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@link MatMul} on the GPU. Rows, type and alignment alone decide the way:
 *
 * <ul>
 * <li>up to {@link #FEW_ROWS} rows: kernels that are bound by reading the weights, in f32
 * ({@link FewRowsMatMul}, and {@code matmul_dots.cu} for other types and alignments);
 * <li>more rows of f32 or bf16 weights: cuBLASLt, if there is one and all rows are 16-byte aligned, else
 * {@code matmul_tiles.cu} and {@code matmul_tiles_f32.cu}. By bf16 weights x is rounded to bf16 first, in
 * passes of as many rows as {@link #SCRATCH_BYTES} hold, once for all layers of the same x;
 * <li>more rows of f16 weights: {@code matmul_tiles_f32.cu}.
 * </ul>
 */
final class CudaMatMul implements MatMul {
  private static final int FEW_ROWS = FewRowsMatMul.MAX_ROWS;

  /** For x in bf16, allocated when first needed and kept. */
  static final long SCRATCH_BYTES = 64L << 20;

  private static final int BLOCK = 256;
  private static final int TILE = 128;
  /** Of {@code matmul_tiles.cu}: rows of x in bf16 are filled up to multiples of it. */
  private static final int DEPTH = 32;

  private final Kernels kernels;
  private final @Nullable CublasLtHandle cublas;
  private final FewRowsMatMul fewRows;
  private final DeviceAllocator memory;
  private @Nullable Buffer scratch;
  private final CudaFunction dotsF32;
  private final CudaFunction dotsF16;
  private final CudaFunction dotsBf16;
  private final CudaFunction roundInputs;
  private final CudaFunction tilesBf16;
  private final CudaFunction tilesF32;
  private final CudaFunction tilesF16;

  CudaMatMul(Kernels kernels, @Nullable CublasLtHandle cublas) {
    this.kernels = kernels;
    this.cublas = cublas;
    memory = new DeviceAllocator(kernels.stream());
    fewRows = new FewRowsMatMul(kernels);
    dotsF32 = kernels.function("matmul_dots_f32");
    dotsF16 = kernels.function("matmul_dots_f16");
    dotsBf16 = kernels.function("matmul_dots_bf16");
    roundInputs = kernels.function("matmul_round_inputs");
    tilesBf16 = kernels.function("matmul_tiles");
    tilesF32 = kernels.function("matmul_tiles_f32");
    tilesF16 = kernels.function("matmul_tiles_f16");
  }

  @Override
  public boolean roundsInputs(int rows, DType weight) {
    return rows > FEW_ROWS && weight == DType.BF16;
  }

  /** The kernels of few rows, for stages that have them do more. */
  FewRowsMatMul fewRows() {
    return fewRows;
  }

  @Override
  public void multiply(Buffer x, Linear linear, Buffer y) {
    multiply(x, List.of(linear), List.of(y), false);
  }

  @Override
  public void multiplyAdd(Buffer x, Linear linear, Buffer y) {
    multiply(x, List.of(linear), List.of(y), true);
  }

  /** The same for several layers of one x, each with its output. */
  void multiply(Buffer x, List<Linear> linears, List<Buffer> ys, boolean add) {
    int rows = x.shape().extent(0);
    for (int i = 0; i < ys.size(); i++) {
      x.require("linear input", DType.F32, rows, linears.get(i).in());
      ys.get(i).require("linear output", DType.F32, rows, linears.get(i).out());
    }
    if (rows == 0) {
      return;
    }
    if (fewRows.takes(x, null, linears)) {
      fewRows.multiply(x, null, linears, ys, add);
    } else if (rows > FEW_ROWS && linears.stream().allMatch(CudaMatMul::isBf16)) {
      multiplyRounded(x, linears, ys, add);
    } else {
      for (int i = 0; i < ys.size(); i++) {
        multiplyOne(x, linears.get(i), ys.get(i), add);
      }
    }
  }

  private static boolean isBf16(Linear linear) {
    return linear.weight().dtype() == DType.BF16;
  }

  private void multiplyOne(Buffer x, Linear linear, Buffer y, boolean add) {
    if (y.shape().elements() == 0) {
      return;
    }
    if (y.shape().axis(0) <= FEW_ROWS) {
      multiplyFew(x, linear, y, add);
      return;
    }
    switch (linear.weight().dtype()) {
      case BF16 -> multiplyRounded(x, List.of(linear), List.of(y), add);
      case F32 -> {
        if (!multiplyByCublas(x, linear, y, linear.in(), add)) {
          tiles(x, linear, y, add).run(tilesF32);
        }
      }
      case F16 -> tiles(x, linear, y, add).run(tilesF16);
      case I64, I32, U8 -> throw notAWeight(linear.weight());
    }
  }

  private void multiplyFew(Buffer x, Linear linear, Buffer y, boolean add) {
    Buffer weight = linear.weight();
    boolean wide = linear.in() % 8 == 0 && isAligned(x) && isAligned(weight);
    CudaFunction dots = switch (weight.dtype()) {
      case F32 -> dotsF32;
      case F16 -> dotsF16;
      case BF16 -> dotsBf16;
      case I64, I32, U8 -> throw notAWeight(weight);
    };
    launch(x, linear, y, add)
        .grid(Math.multiplyExact(blocks(linear.out(), 16), blocks(y.shape().axis(0), 4)))
        .block(BLOCK).overlapped().arg(wide ? 1 : 0).run(dots);
  }

  private void multiplyRounded(Buffer x, List<Linear> linears, List<Buffer> ys, boolean add) {
    int rows = x.shape().extent(0);
    int in = x.shape().extent(1);
    int stride = Math.multiplyExact(blocks(Math.max(1, in), DEPTH), DEPTH);
    long rowBytes = 2L * stride;
    int passes = Math.toIntExact(Math.ceilDiv(rows, Math.max(1, SCRATCH_BYTES / rowBytes)));
    int each = Math.ceilDiv(rows, passes);
    for (int from = 0; from < rows; from += each) {
      int to = Math.min(rows, from + each);
      Buffer rounded = round(x.slice(from, to), in, stride);
      for (int i = 0; i < ys.size(); i++) {
        multiplyRounded(rounded, linears.get(i), ys.get(i).slice(from, to), stride, add);
      }
    }
  }

  private void multiplyRounded(Buffer rounded, Linear linear, Buffer y, int stride, boolean add) {
    if (y.shape().elements() > 0 && !multiplyByCublas(rounded, linear, y, stride, add)) {
      tiles(rounded, linear, y, add).arg(stride)
          .arg(linear.in() % 8 == 0 && isAligned(linear.weight()) ? 1 : 0).run(tilesBf16);
    }
  }

  /** x in bf16, {@code [rows][stride]}, in scratch memory: the pass before has read it by then. */
  private Buffer round(Buffer x, int in, int stride) {
    int rows = x.shape().extent(0);
    long elements = (long) rows * stride;
    if (scratch == null || scratch.shape().elements() < elements) { // the old one may be in a graph
      scratch = memory.allocate(DType.BF16, Math.max(elements, SCRATCH_BYTES / 2));
    }
    Buffer rounded = scratch.slice(0, elements).reshape(rows, stride);
    kernels.launch().grid(rows, blocks(stride, 8 * BLOCK)).block(BLOCK).arg(x).arg(rounded).arg(in)
        .arg(stride).arg(in % 4 == 0 && isAligned(x) ? 1 : 0).run(roundInputs);
    return rounded;
  }

  /** Whether cuBLASLt is there and took it. */
  private boolean multiplyByCublas(Buffer x, Linear linear, Buffer y, int stride, boolean add) {
    Buffer weight = linear.weight();
    long bias = linear.bias() == null ? 0 : address(linear.bias());
    Product product = new Product(weight.dtype(), y.shape().extent(0), linear.in(), linear.out(),
        stride, linear.bias() != null);
    if (cublas == null || linear.in() == 0
        || !product.isAligned(address(x), address(weight), bias, address(y))) {
      return false;
    }
    cublas.multiply(product, address(x), address(weight), bias, address(y), add);
    return true;
  }

  /** Begins a launch over tiles of rows and outputs. */
  private KernelLaunch tiles(Buffer x, Linear linear, Buffer y, boolean add) {
    return launch(x, linear, y, add).block(BLOCK).grid(blocks(y.shape().axis(0), TILE),
        blocks(linear.out(), TILE));
  }

  /** Begins a launch with the arguments that all these kernels begin with. */
  private KernelLaunch launch(Buffer x, Linear linear, Buffer y, boolean add) {
    Buffer bias = linear.bias();
    return kernels.launch().arg(x).arg(linear.weight()).arg(bias == null ? 0 : address(bias)).arg(y)
        .arg(y.shape().extent(0)).arg(linear.in()).arg(linear.out()).arg(add ? 1 : 0);
  }

  private static boolean isAligned(Buffer buffer) {
    return buffer.address() % 16 == 0;
  }

  private static IllegalArgumentException notAWeight(Buffer weight) {
    return new IllegalArgumentException("a linear weight is f32, f16 or bf16, not " + weight);
  }
}
