package io.pariskv.backend.cuda;

import static io.pariskv.backend.cuda.KernelLaunch.address;
import static io.pariskv.backend.cuda.KernelLaunch.blocks;

import io.pariskv.backend.cuda.CublasLtHandle.Product;
import io.pariskv.layer.Linear;
import io.pariskv.layer.MatMul;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * {@link MatMul} on the GPU. Rows, type and alignment alone decide the way:
 *
 * <ul>
 * <li>up to {@link #FEW_ROWS} rows: kernels that are bound by reading the weights, in f32
 * ({@code matmul_rows.cu}, {@code matmul_dots.cu});
 * <li>more rows of f32 or bf16 weights: cuBLASLt, if there is one and all rows are 16-byte aligned, else
 * {@code matmul_tiles.cu} and {@code matmul_tiles_f32.cu}. By bf16 weights x is rounded to bf16 first, in
 * passes of as many rows as {@link #SCRATCH_BYTES} hold;
 * <li>more rows of f16 weights: {@code matmul_tiles_f32.cu}.
 * </ul>
 */
final class CudaMatMul implements MatMul {
  static final int FEW_ROWS = 16;

  /** For x in bf16, allocated when first needed and kept. */
  static final long SCRATCH_BYTES = 64L << 20;

  private static final int BLOCK = 256;
  private static final int TILE = 128;
  /** Of {@code matmul_tiles.cu}: rows of x in bf16 are filled up to multiples of it. */
  private static final int DEPTH = 32;

  private final Kernels kernels;
  private final @Nullable CublasLtHandle cublas;
  private final DeviceAllocator memory;
  private @Nullable Buffer scratch;
  private final CudaFunction rows8;
  private final CudaFunction rows16;
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
    rows8 = kernels.function("matmul_rows_8");
    rows16 = kernels.function("matmul_rows_16");
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

  @Override
  public void multiply(Buffer x, Linear linear, Buffer y) {
    int rows = x.shape().extent(0);
    x.require("linear input", DType.F32, rows, linear.in());
    y.require("linear output", DType.F32, rows, linear.out());
    if (y.shape().elements() == 0) {
      return;
    }
    if (rows <= FEW_ROWS) {
      multiplyFew(x, linear, y, rows);
      return;
    }
    switch (linear.weight().dtype()) {
      case BF16 -> multiplyRounded(x, linear, y, rows);
      case F32 -> {
        if (!multiplyByCublas(x, linear, y, linear.in())) {
          tiles(x, linear, y).run(tilesF32);
        }
      }
      case F16 -> tiles(x, linear, y).run(tilesF16);
      case I64, I32, U8 -> throw notAWeight(linear.weight());
    }
  }

  private void multiplyFew(Buffer x, Linear linear, Buffer y, int rows) {
    Buffer weight = linear.weight();
    boolean wide = linear.in() % 8 == 0 && isAligned(x) && isAligned(weight);
    if (wide && weight.dtype() == DType.BF16) {
      int tiles = tiles(linear.out());
      launch(x, linear, y).grid(blocks(linear.out(), 8 * tiles)).block(tiles == 1 ? 512 : BLOCK)
          .arg(tiles).run(rows <= 8 ? rows8 : rows16);
      return;
    }
    CudaFunction dots = switch (weight.dtype()) {
      case F32 -> dotsF32;
      case F16 -> dotsF16;
      case BF16 -> dotsBf16;
      case I64, I32, U8 -> throw notAWeight(weight);
    };
    launch(x, linear, y).grid(Math.multiplyExact(blocks(linear.out(), 16), blocks(rows, 4)))
        .block(BLOCK).arg(wide ? 1 : 0).run(dots);
  }

  /** Tiles of 8 outputs of a block: the most that leave 3 blocks for 2 multiprocessors. */
  private int tiles(int out) {
    long enough = 3L * kernels.device().multiprocessors() / 2;
    return blocks(out, 32) >= enough ? 4 : blocks(out, 16) >= enough ? 2 : 1;
  }

  private void multiplyRounded(Buffer x, Linear linear, Buffer y, int rows) {
    int stride = Math.multiplyExact(blocks(Math.max(1, linear.in()), DEPTH), DEPTH);
    long rowBytes = 2L * stride;
    int passes = Math.toIntExact(Math.ceilDiv(rows, Math.max(1, SCRATCH_BYTES / rowBytes)));
    int each = Math.ceilDiv(rows, passes);
    for (int from = 0; from < rows; from += each) {
      int to = Math.min(rows, from + each);
      Buffer rounded = round(x.slice(from, to), linear.in(), stride);
      Buffer part = y.slice(from, to);
      if (!multiplyByCublas(rounded, linear, part, stride)) {
        tiles(rounded, linear, part).arg(stride)
            .arg(linear.in() % 8 == 0 && isAligned(linear.weight()) ? 1 : 0).run(tilesBf16);
      }
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
  private boolean multiplyByCublas(Buffer x, Linear linear, Buffer y, int stride) {
    Buffer weight = linear.weight();
    long bias = linear.bias() == null ? 0 : address(linear.bias());
    Product product = new Product(weight.dtype(), y.shape().extent(0), linear.in(), linear.out(),
        stride, linear.bias() != null);
    if (cublas == null || linear.in() == 0
        || !product.isAligned(address(x), address(weight), bias, address(y))) {
      return false;
    }
    cublas.multiply(product, address(x), address(weight), bias, address(y));
    return true;
  }

  /** Begins a launch over tiles of rows and outputs. */
  private KernelLaunch tiles(Buffer x, Linear linear, Buffer y) {
    return launch(x, linear, y).block(BLOCK).grid(blocks(y.shape().axis(0), TILE),
        blocks(linear.out(), TILE));
  }

  /** Begins a launch with the arguments that all kernels but one begin with. */
  private KernelLaunch launch(Buffer x, Linear linear, Buffer y) {
    Buffer bias = linear.bias();
    return kernels.launch().arg(x).arg(linear.weight()).arg(bias == null ? 0 : address(bias)).arg(y)
        .arg(y.shape().extent(0)).arg(linear.in()).arg(linear.out());
  }

  private static boolean isAligned(Buffer buffer) {
    return buffer.address() % 16 == 0;
  }

  private static IllegalArgumentException notAWeight(Buffer weight) {
    return new IllegalArgumentException("a linear weight is f32, f16 or bf16, not " + weight);
  }
}
