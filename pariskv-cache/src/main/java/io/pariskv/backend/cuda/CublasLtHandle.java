package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.pariskv.memory.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * cuBLASLt, started for a context: products of matrices on one stream. The algorithm for a product is
 * chosen when it first comes and kept, so that equal shapes give equal bits. Its first product allocates
 * {@link #WORKSPACE_BYTES} of device memory.
 */
final class CublasLtHandle extends CudaResource {
  /** What NVIDIA recommends for compute capability 9.0. */
  static final long WORKSPACE_BYTES = 32L << 20;

  /** Addresses, and bytes from row to row, are multiples of it: any algorithm can be taken then. */
  private static final int ALIGNMENT = 16;

  /** Of the field {@code state} in {@code cublasLtMatmulHeuristicResult_t}. */
  private static final long STATUS_OFFSET = 72;

  /** Products remembered; ends of prompts have any number of rows. */
  static final int MAX_PLANS = 256;

  /**
   * {@code y = x W^T + b}, row by row, or {@code y += x W^T + b}.
   *
   * @param type of x and W, f32 or bf16; b and y are f32
   * @param rows of x and y
   * @param in numbers of a row of W, and of x that count
   * @param out rows of W
   * @param stride elements from one row of x to the next
   * @param bias whether there is a b
   */
  record Product(DType type, int rows, int in, int out, int stride, boolean bias) {

    /** Whether cuBLASLt is fast at it, and certain to do it: all rows are aligned. */
    boolean isAligned(long x, long weight, long b, long y) {
      long steps = (long) in * type.bytes() | (long) stride * type.bytes()
          | (long) out * Float.BYTES;
      return ((steps | x | weight | b | y) & ALIGNMENT - 1) == 0;
    }

    @Override
    public String toString() {
      return "[" + rows + "][" + in + "] by [" + out + "][" + in + "] " + type
          + (bias ? " plus bias" : "");
    }
  }

  /** The library's descriptions of a product, 0 until there are some, and its choice. */
  private static final class Plan {
    private final CublasLt calls;
    private long product;
    private long weight;
    private long x;
    private long y;
    private final MemorySegment algorithm = Arena.ofAuto().allocate(CublasLt.HEURISTIC_BYTES,
        ALIGNMENT);

    Plan(CublasLt calls) {
      this.calls = calls;
    }

    void free() {
      Failures failures = new Failures();
      for (long layout : new long[]{weight, x, y}) {
        if (layout != 0) {
          failures.attempt(() -> calls.cublasLtMatrixLayoutDestroy(layout));
        }
      }
      if (product != 0) {
        failures.attempt(() -> calls.cublasLtMatmulDescDestroy(product));
      }
      failures.throwFirst();
    }
  }

  private final CudaStream stream;
  private final CublasLt calls;
  private final long handle;
  private final long preference;
  private final DeviceAllocator memory;
  private long workspace;
  private final MemorySegment one = Arena.ofAuto().allocateFrom(JAVA_FLOAT, 1);
  private final MemorySegment zero = Arena.ofAuto().allocateFrom(JAVA_FLOAT, 0);
  private final Map<Product, Plan> plans = new LinkedHashMap<>(16, 0.75f, true) {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Product, Plan> eldest) {
      if (size() > MAX_PLANS) {
        eldest.getValue().free(); // a product under way has read what it needs of it
        return true;
      }
      return false;
    }
  };

  private CublasLtHandle(CudaStream stream, CublasLt calls, long handle, long preference) {
    super(stream.context());
    this.stream = stream;
    this.calls = calls;
    this.handle = handle;
    this.preference = preference;
    this.memory = new DeviceAllocator(stream);
  }

  /**
   * Starts the library; the caller closes it.
   *
   * @throws CudaException if it does not run with this driver or GPU
   */
  static CublasLtHandle open(CudaStream stream, CublasLt calls) {
    stream.driver(); // refuses the wrong thread
    long handle = calls.cublasLtCreate();
    try {
      return new CublasLtHandle(stream, calls, handle, preference(calls));
    } catch (RuntimeException e) {
      Failures.suppressing(e, () -> end(calls, handle));
      throw e;
    }
  }

  private static long preference(CublasLt calls) {
    long preference = calls.cublasLtMatmulPreferenceCreate();
    try {
      calls.cublasLtMatmulPreferenceSetAttribute(preference, CublasLt.PREF_MAX_WORKSPACE_BYTES,
          WORKSPACE_BYTES);
      for (int matrix = CublasLt.PREF_MIN_ALIGNMENT_A_BYTES; //
          matrix <= CublasLt.PREF_MIN_ALIGNMENT_D_BYTES; matrix++) {
        calls.cublasLtMatmulPreferenceSetAttribute(preference, matrix, ALIGNMENT);
      }
      return preference;
    } catch (RuntimeException e) {
      Failures.suppressing(e, () -> calls.cublasLtMatmulPreferenceDestroy(preference));
      throw e;
    }
  }

  /**
   * Multiplies, in stream order, and adds to what is in {@code y} if {@code add}. A product {@linkplain Product#isAligned that is aligned} only; device
   * addresses, {@code bias} 0 for none.
   *
   * @throws CudaException if the library has no algorithm for it, or cannot launch it
   */
  void multiply(Product product, long x, long weight, long bias, long y, boolean add) {
    driver();
    try {
      Plan plan = plans.computeIfAbsent(product, this::plan);
      if (product.bias) {
        calls.cublasLtMatmulDescSetAttribute(plan.product, CublasLt.DESC_BIAS_POINTER, bias);
      }
      calls.cublasLtMatmul(handle, plan.product, one, weight, plan.weight, x, plan.x,
          add ? one : zero, y,
          plan.y, y, plan.y, plan.algorithm, workspace(), WORKSPACE_BYTES, stream.handle());
      stream.gaveOther(); // may be several kernels, or a memset
    } catch (CudaException e) {
      throw e.during(product.toString());
    }
  }

  /**
   * The library's matrices go column by column: a row-major {@code [r][c]} is one of {@code c} rows and
   * {@code r} columns. So {@code W}, transposed back, times {@code x} gives {@code y}.
   */
  private Plan plan(Product product) {
    Plan plan = new Plan(calls);
    try {
      int type = product.type == DType.BF16 ? CublasLt.R_16BF : CublasLt.R_32F;
      plan.product = calls.cublasLtMatmulDescCreate(CublasLt.COMPUTE_32F, CublasLt.R_32F);
      calls.cublasLtMatmulDescSetAttribute(plan.product, CublasLt.DESC_TRANSA, CublasLt.OP_T);
      if (product.bias) {
        calls.cublasLtMatmulDescSetAttribute(plan.product, CublasLt.DESC_EPILOGUE,
            CublasLt.EPILOGUE_BIAS);
        // The choice reads of the address only how it is aligned; any later one is aligned as well.
        calls.cublasLtMatmulDescSetAttribute(plan.product, CublasLt.DESC_BIAS_POINTER,
            (long) ALIGNMENT);
      }
      plan.weight = calls.cublasLtMatrixLayoutCreate(type, product.in, product.out, product.in);
      plan.x = calls.cublasLtMatrixLayoutCreate(type, product.in, product.rows, product.stride);
      plan.y = calls.cublasLtMatrixLayoutCreate(CublasLt.R_32F, product.out, product.rows,
          product.out);
      choose(plan);
      return plan;
    } catch (RuntimeException e) {
      Failures.suppressing(e, plan::free);
      throw e;
    }
  }

  private void choose(Plan plan) {
    int found = calls.cublasLtMatmulAlgoGetHeuristic(handle, plan.product, plan.weight, plan.x,
        plan.y, plan.y, preference, 1, plan.algorithm);
    int status = found == 0 ? CublasLt.NOT_SUPPORTED : plan.algorithm.get(JAVA_INT, STATUS_OFFSET);
    if (status != 0) {
      throw CublasLt.failure("cublasLtMatmulAlgoGetHeuristic", status);
    }
  }

  private long workspace() {
    if (workspace == 0) {
      workspace = memory.allocate(DType.U8, WORKSPACE_BYTES).address();
    }
    return workspace;
  }

  @Override
  void free(CudaDriver driver) {
    Failures failures = new Failures();
    failures.attempt(context()::await); // a product may be under way
    plans.values().forEach(plan -> failures.attempt(plan::free));
    plans.clear();
    failures.attempt(() -> calls.cublasLtMatmulPreferenceDestroy(preference));
    failures.attempt(() -> end(calls, handle));
    failures.attempt(memory::close);
    failures.throwFirst();
  }

  /** The library waits for the whole GPU here, as its documentation says. */
  private static void end(CublasLt calls, long handle) {
    Recordings.apart(() -> calls.cublasLtDestroy(handle));
  }

  @Override
  public String toString() {
    return "cuBLASLt handle";
  }
}
