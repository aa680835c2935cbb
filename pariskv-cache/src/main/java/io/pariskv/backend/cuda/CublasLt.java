package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.function.ToIntFunction;

/**
 * The functions of {@code libcublasLt.so} that this backend uses, under their C names. Versions 12 and 13
 * have the same ABI for them.
 *
 * <p>As in {@link CudaDriver} handles and device addresses are {@code long}, only host memory is a segment,
 * and a result other than success is a {@link CudaException}. The library works in the context that is
 * current in the calling thread, and knows no lifetimes.
 */
final class CublasLt {
  // Of cudaDataType_t.
  static final int R_32F = 0;
  static final int R_16BF = 14;

  /** Of {@code cublasComputeType_t}: sums in f32, and f32 factors are not rounded to TF32. */
  static final int COMPUTE_32F = 68;

  /** Of {@code cublasOperation_t}: the matrix transposed. */
  static final int OP_T = 1;

  // Of cublasLtMatmulDescAttributes_t, and a value of cublasLtEpilogue_t.
  static final int DESC_TRANSA = 3;
  static final int DESC_EPILOGUE = 7;
  static final int DESC_BIAS_POINTER = 8;
  static final int EPILOGUE_BIAS = 4;

  // Of cublasLtMatmulPreferenceAttributes_t.
  static final int PREF_MAX_WORKSPACE_BYTES = 1;
  static final int PREF_MIN_ALIGNMENT_A_BYTES = 5;
  static final int PREF_MIN_ALIGNMENT_D_BYTES = 8;

  // Of libraryPropertyType_t.
  static final int MAJOR_VERSION = 0;
  static final int MINOR_VERSION = 1;
  static final int PATCH_LEVEL = 2;

  /** Of {@code cublasLtMatmulHeuristicResult_t}; the first 64 bytes are the algorithm. */
  static final int HEURISTIC_BYTES = 96;

  /** Of {@code cublasStatus_t}. */
  static final int NOT_SUPPORTED = 15;

  private final DriverFunction cublasLtCreate;
  private final DriverFunction cublasLtDestroy;
  private final DriverFunction cublasLtGetProperty;
  private final DriverFunction cublasLtMatmulDescCreate;
  private final DriverFunction cublasLtMatmulDescDestroy;
  private final DriverFunction cublasLtMatmulDescSetAttribute;
  private final DriverFunction cublasLtMatrixLayoutCreate;
  private final DriverFunction cublasLtMatrixLayoutDestroy;
  private final DriverFunction cublasLtMatmulPreferenceCreate;
  private final DriverFunction cublasLtMatmulPreferenceDestroy;
  private final DriverFunction cublasLtMatmulPreferenceSetAttribute;
  private final DriverFunction cublasLtMatmulAlgoGetHeuristic;
  private final DriverFunction cublasLtMatmul;

  /**
   * The functions as {@code library} has them.
   *
   * @throws InputException if one is missing; the message names it
   */
  CublasLt(SymbolLookup library) {
    cublasLtCreate = bind(library, "cublasLtCreate");
    cublasLtDestroy = bind(library, "cublasLtDestroy");
    cublasLtGetProperty = bind(library, "cublasLtGetProperty");
    cublasLtMatmulDescCreate = bind(library, "cublasLtMatmulDescCreate");
    cublasLtMatmulDescDestroy = bind(library, "cublasLtMatmulDescDestroy");
    cublasLtMatmulDescSetAttribute = bind(library, "cublasLtMatmulDescSetAttribute");
    cublasLtMatrixLayoutCreate = bind(library, "cublasLtMatrixLayoutCreate");
    cublasLtMatrixLayoutDestroy = bind(library, "cublasLtMatrixLayoutDestroy");
    cublasLtMatmulPreferenceCreate = bind(library, "cublasLtMatmulPreferenceCreate");
    cublasLtMatmulPreferenceDestroy = bind(library, "cublasLtMatmulPreferenceDestroy");
    cublasLtMatmulPreferenceSetAttribute = bind(library, "cublasLtMatmulPreferenceSetAttribute");
    cublasLtMatmulAlgoGetHeuristic = bind(library, "cublasLtMatmulAlgoGetHeuristic");
    cublasLtMatmul = bind(library, "cublasLtMatmul");
  }

  private static DriverFunction bind(SymbolLookup library, String name) {
    return new DriverFunction(name, library.find(name)
        .orElseThrow(() -> new InputException("the library has no " + name)));
  }

  /** Starts the library for the current context. */
  long cublasLtCreate() {
    return longFrom(cublasLtCreate, out -> cublasLtCreate.call(out));
  }

  /** Ends what {@link #cublasLtCreate} started. */
  void cublasLtDestroy(long handle) {
    check(cublasLtDestroy, cublasLtDestroy.call(handle));
  }

  /** A part of the library's version. */
  int cublasLtGetProperty(int property) {
    return intFrom(cublasLtGetProperty, out -> cublasLtGetProperty.call(property, out));
  }

  /** A new description of a product. */
  long cublasLtMatmulDescCreate(int computeType, int scaleType) {
    return longFrom(cublasLtMatmulDescCreate,
        out -> cublasLtMatmulDescCreate.call(out, computeType, scaleType));
  }

  /** Ends a description of a product. */
  void cublasLtMatmulDescDestroy(long product) {
    check(cublasLtMatmulDescDestroy, cublasLtMatmulDescDestroy.call(product));
  }

  /** Sets an attribute of 4 bytes. */
  void cublasLtMatmulDescSetAttribute(long product, int attribute, int value) {
    set(cublasLtMatmulDescSetAttribute, product, attribute, value, Integer.BYTES);
  }

  /** Sets an attribute of 8 bytes. */
  void cublasLtMatmulDescSetAttribute(long product, int attribute, long value) {
    set(cublasLtMatmulDescSetAttribute, product, attribute, value, Long.BYTES);
  }

  /** A new description of a matrix, column by column, {@code leading} elements from one to the next. */
  long cublasLtMatrixLayoutCreate(int type, long rows, long columns, long leading) {
    return longFrom(cublasLtMatrixLayoutCreate,
        out -> cublasLtMatrixLayoutCreate.call(out, type, rows, columns, leading));
  }

  /** Ends a description of a matrix. */
  void cublasLtMatrixLayoutDestroy(long layout) {
    check(cublasLtMatrixLayoutDestroy, cublasLtMatrixLayoutDestroy.call(layout));
  }

  /** New demands on an algorithm. */
  long cublasLtMatmulPreferenceCreate() {
    return longFrom(cublasLtMatmulPreferenceCreate,
        out -> cublasLtMatmulPreferenceCreate.call(out));
  }

  /** Ends demands on an algorithm. */
  void cublasLtMatmulPreferenceDestroy(long preference) {
    check(cublasLtMatmulPreferenceDestroy, cublasLtMatmulPreferenceDestroy.call(preference));
  }

  /** Sets an attribute of 4 bytes. */
  void cublasLtMatmulPreferenceSetAttribute(long preference, int attribute, int value) {
    set(cublasLtMatmulPreferenceSetAttribute, preference, attribute, value, Integer.BYTES);
  }

  /** Sets an attribute of 8 bytes. */
  void cublasLtMatmulPreferenceSetAttribute(long preference, int attribute, long value) {
    set(cublasLtMatmulPreferenceSetAttribute, preference, attribute, value, Long.BYTES);
  }

  /**
   * Writes what promises to be the fastest algorithms to {@code results}, the best first.
   *
   * @param results {@link #HEURISTIC_BYTES} each
   * @return how many there are
   */
  int cublasLtMatmulAlgoGetHeuristic(long handle, long product, long a, long b, long c, long d,
      long preference, int wanted, MemorySegment results) {
    return intFrom(cublasLtMatmulAlgoGetHeuristic,
        out -> cublasLtMatmulAlgoGetHeuristic.heuristic(handle, product, a, b, c, d, preference,
            wanted, results, out));
  }

  /** {@code d = alpha * a * b + beta * c}, in stream order. */
  void cublasLtMatmul(long handle, long product, MemorySegment alpha, long a, long aLayout, long b,
      long bLayout, MemorySegment beta, long c, long cLayout, long d, long dLayout,
      MemorySegment algorithm, long workspace, long workspaceBytes, long stream) {
    check(cublasLtMatmul,
        cublasLtMatmul.matmul(handle, product, alpha, a, aLayout, b, bLayout, beta,
            c, cLayout, d, dLayout, algorithm, workspace, workspaceBytes, stream));
  }

  /** Little-endian, so that the first bytes of a long are the int. */
  private void set(DriverFunction function, long target, int attribute, long value, long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      check(function,
          function.call(target, attribute, arena.allocateFrom(JAVA_LONG, value), bytes));
    }
  }

  private static int intFrom(DriverFunction function, ToIntFunction<MemorySegment> call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      check(function, call.applyAsInt(out));
      return out.get(JAVA_INT, 0);
    }
  }

  private static long longFrom(DriverFunction function, ToIntFunction<MemorySegment> call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      check(function, call.applyAsInt(out));
      return out.get(JAVA_LONG, 0);
    }
  }

  private static void check(DriverFunction function, int status) {
    if (status != 0) {
      throw failure(function.name(), status);
    }
  }

  /** A {@code cublasStatus_t} as an error. */
  static CudaException failure(String call, int status) {
    return switch (status) {
      case 1 -> new CudaException(call, status, "CUBLAS_STATUS_NOT_INITIALIZED",
          "the library could not start on this GPU");
      case 3 -> new CudaException(call, status, "CUBLAS_STATUS_ALLOC_FAILED", "no memory left");
      case 7 -> new CudaException(call, status, "CUBLAS_STATUS_INVALID_VALUE", "a wrong argument");
      case 8 -> new CudaException(call, status, "CUBLAS_STATUS_ARCH_MISMATCH", "not on this GPU");
      case 11 -> new CudaException(call, status, "CUBLAS_STATUS_MAPPING_ERROR",
          "GPU memory could not be accessed");
      case 13 -> new CudaException(call, status, "CUBLAS_STATUS_EXECUTION_FAILED",
          "the GPU failed to run it");
      case 14 -> new CudaException(call, status, "CUBLAS_STATUS_INTERNAL_ERROR",
          "an operation inside the library failed");
      case NOT_SUPPORTED -> new CudaException(call, status, "CUBLAS_STATUS_NOT_SUPPORTED",
          "the library cannot do it");
      default -> new CudaException(call, status, "CUBLAS_STATUS_" + status, "an unknown status");
    };
  }
}
