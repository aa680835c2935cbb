package io.pariskv.backend.cuda;

import io.pariskv.error.InputException;

/**
 * What a stage needs to launch its kernels: the functions, the stream that keeps the backend's order, and
 * one {@link KernelLaunch} to fill again and again. A stage looks its functions up when it is made.
 */
final class Kernels {
  /** Whether kernels may overlap, as they do unless somebody measures without. */
  static final String OVERLAP = "pariskv.overlap";

  private final CudaModule module;
  private final CudaStream stream;
  private final StagingRing ring;
  private final KernelLaunch launch;

  Kernels(CudaModule module, CudaStream stream, StagingRing ring) {
    this.module = module;
    this.stream = stream;
    this.ring = ring;
    this.launch = new KernelLaunch(stream, overlap());
  }

  private static boolean overlap() {
    String value = System.getProperty(OVERLAP, "true");
    return switch (value) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new InputException("-D" + OVERLAP + "=" + value + "; give true or false");
    };
  }

  /** A kernel by the name of its entry; see {@link CudaModule#function}. */
  CudaFunction function(String name) {
    return module.function(name);
  }

  /** Begins a launch in stream order. Finish it with {@link KernelLaunch#run} before the next begins. */
  KernelLaunch launch() {
    return launch.on(stream);
  }

  /** The stream of the backend. */
  CudaStream stream() {
    return stream;
  }

  /** Copies between pageable host memory and the device, in stream order; not inside a recorded step. */
  StagingRing ring() {
    return ring;
  }

  /** The context, to open streams and events of a stage's own in. */
  CudaContext context() {
    return stream.context();
  }

  /** The GPU, to choose grids by. */
  CudaDevice device() {
    return stream.context().device();
  }
}
