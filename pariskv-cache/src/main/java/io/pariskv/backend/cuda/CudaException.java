package io.pariskv.backend.cuda;

/**
 * A function of the CUDA driver, or of cuBLASLt, failed. The message names the call, the code and what can be done.
 *
 * <p>After a {@linkplain #isFault fault} CUDA refuses every further call of the process; the CPU backends
 * go on working.
 */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  static final int INVALID_VALUE = 1;
  static final int OUT_OF_MEMORY = 2;
  static final int NO_DEVICE = 100;
  static final int OPERATING_SYSTEM = 304;
  static final int NOT_FOUND = 500;
  static final int NOT_PERMITTED = 800;
  static final int CAPTURE_INVALIDATED = 901;

  private final String call;
  private final int code;
  private final String name;

  /**
   * @param call the C function, such as {@code cuMemAlloc}
   * @param code its result
   * @param name the result's name, such as {@code CUDA_ERROR_OUT_OF_MEMORY}
   * @param text the driver's description
   */
  CudaException(String call, int code, String name, String text) {
    super(failure(call, code, name) + " (" + text + ")" + wayOut(call, code));
    this.call = call;
    this.code = code;
    this.name = name;
  }

  private CudaException(CudaException cause, String what) {
    super(what + ": " + cause.getMessage(), cause);
    this.call = cause.call;
    this.code = cause.code;
    this.name = cause.name;
  }

  private static String failure(String call, int code, String name) {
    return call + " failed with " + code + " " + name;
  }

  /** What failed without a description, such as {@code cuMemAlloc failed with 2 CUDA_ERROR_OUT_OF_MEMORY}. */
  String failure() {
    return failure(call, code, name);
  }

  /** The same failure, with what was being done in front. */
  CudaException during(String what) {
    return new CudaException(this, what);
  }

  /** The C function that failed. */
  public String call() {
    return call;
  }

  /** Its result, a {@code CUresult}, or a {@code cublasStatus_t} of a call that begins with {@code cublas}. */
  public int code() {
    return code;
  }

  /** Whether it is cuBLASLt's. */
  boolean isOfCublas() {
    return isOfCublas(call);
  }

  private static boolean isOfCublas(String call) {
    return call.startsWith("cublas");
  }

  /** The name of the result. */
  public String name() {
    return name;
  }

  /** Whether the GPU stopped in the middle of its work, after which no CUDA call succeeds any more. */
  public boolean isFault() {
    return switch (code) {
      case 214, 220, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721 -> true;
      default -> false;
    };
  }

  /** Whether it is the machine's state or what is installed on it, which whoever uses it can mend; nothing to report. */
  public boolean isOfTheMachine() {
    return !isOfCublas() && switch (code) {
      case OUT_OF_MEMORY, 34, 35, 36, 46, NO_DEVICE, 101, 222, 802, 803 -> true;
      default -> false;
    };
  }

  private static String wayOut(String call, int code) {
    String way = call.equals("cuMemHostRegister") || call.equals("cuMemHostAlloc")
        ? pinning(code)
        : isOfCublas(call) ? cublas(code) : wayOut(code);
    return way.isEmpty() ? way : "; " + way;
  }

  private static String cublas(int status) {
    return switch (status) {
      case 1 ->
        "update the NVIDIA driver, or name a libcublasLt.so of its CUDA version, or none, in "
            + "PARISKV_CUBLASLT";
      case 3 -> wayOut(OUT_OF_MEMORY);
      case 11, 13, 14 -> "a kernel before it may have failed; CUDA_LAUNCH_BLOCKING=1 or "
          + "compute-sanitizer shows which";
      default -> "PARISKV_CUBLASLT=none does without cuBLASLt";
    };
  }

  /** Whether host memory could not be locked because there is no more, or no right to more. */
  boolean isRefusalToPin() {
    return isRefusalToPin(code);
  }

  private static boolean isRefusalToPin(int code) {
    return switch (code) {
      case INVALID_VALUE, OUT_OF_MEMORY, OPERATING_SYSTEM, NOT_PERMITTED, 801 -> true;
      default -> false;
    };
  }

  private static String pinning(int code) {
    return isRefusalToPin(code)
        ? "raise the limit of locked memory (ulimit -l unlimited; docker run --ulimit memlock=-1) "
            + "or lower --context"
        : wayOut(code);
  }

  private static String wayOut(int code) {
    return switch (code) {
      case OUT_OF_MEMORY -> "lower --context, or end other programs on this GPU";
      case 34 -> "this is the toolkit's stub and no driver; take .../stubs off LD_LIBRARY_PATH";
      case 35, 36, 222, 803 -> "the NVIDIA driver is too old; update it";
      case 46, 802 -> "the GPU is not ready or another program holds it alone; see nvidia-smi";
      case NO_DEVICE, 101 -> "nvidia-smi must list a GPU and CUDA_VISIBLE_DEVICES must not hide it";
      case 200, 209, 218 ->
        "the kernels in this jar are for other GPUs; compute capability 8.0 or newer is needed";
      case NOT_FOUND -> "the kernels are not of this version; build again";
      case 701 -> "a block asks for more threads, registers or shared memory than the GPU has";
      case 712 -> "this host memory is registered already";
      case 713 -> "this host memory is not registered";
      case 900, 901, 902, 903, 904, 905, 906, 907, 908 ->
        "a step that is being recorded may only launch kernels and copy within the device";
      case 214, 220, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721 ->
        "the GPU stopped, and this process can use CUDA no more (--backend vector can go on); "
            + "CUDA_LAUNCH_BLOCKING=1 or compute-sanitizer shows which kernel it was";
      default -> "";
    };
  }
}
