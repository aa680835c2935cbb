package io.pariskv.backend.cuda;

/**
 * What a stage needs to launch its kernels: the functions, the stream that keeps the backend's order, and
 * one {@link KernelLaunch} to fill again and again. A stage looks its functions up when it is made.
 */
final class Kernels {
  private final CudaModule module;
  private final CudaStream stream;
  private final StagingRing ring;
  private final KernelLaunch launch;

  Kernels(CudaModule module, CudaStream stream, StagingRing ring) {
    this.module = module;
    this.stream = stream;
    this.ring = ring;
    this.launch = new KernelLaunch(stream);
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
