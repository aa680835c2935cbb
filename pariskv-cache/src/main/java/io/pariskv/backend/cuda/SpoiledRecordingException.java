package io.pariskv.backend.cuda;

/**
 * A recording was ended from outside, by another thread of the process that waited for the whole GPU meanwhile. Nothing of
 * it ran, and the stream is as it was before.
 */
final class SpoiledRecordingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  SpoiledRecordingException(CudaException cause) {
    super(
        "a step could not be recorded: another thread of this process waited for the whole GPU meanwhile "
            + "(cudaDeviceSynchronize, a copy through the default stream or the like, perhaps in another library), and CUDA then spoils every recording; "
            + "let it wait for its own stream, or run it in a process of its own ("
            + cause.failure() + ")",
        cause);
  }
}
