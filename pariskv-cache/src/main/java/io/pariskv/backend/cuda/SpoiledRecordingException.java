package io.pariskv.backend.cuda;

/**
 * A step could not be recorded, which says nothing about the step: another thread of the process waited for the whole GPU
 * meanwhile, or cuBLASLt did what a recording cannot hold. Nothing of it ran, and the stream is as it was before.
 */
final class SpoiledRecordingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  SpoiledRecordingException(CudaException cause) {
    super("a step could not be recorded: " + reason(cause) + " (" + cause.failure() + ")", cause);
  }

  private static String reason(CudaException cause) {
    return cause.isOfCublas()
        ? "cuBLASLt failed meanwhile"
        : "another thread of this process waited for the whole GPU meanwhile (cudaDeviceSynchronize or the like, perhaps "
            + "in another library), and CUDA then spoils every recording; let it wait for its own stream, or run it in a "
            + "process of its own";
  }
}
