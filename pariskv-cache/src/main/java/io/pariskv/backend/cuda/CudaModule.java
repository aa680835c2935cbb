package io.pariskv.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** The kernels, loaded for one GPU. */
final class CudaModule extends CudaResource {
  private final long handle;
  private final Map<String, CudaFunction> functions = new HashMap<>();

  private CudaModule(CudaContext context, long handle) {
    super(context);
    this.handle = handle;
  }

  /**
   * Loads a fatbin; the caller closes the module. Code of the GPU's own architecture takes milliseconds,
   * compiling the PTX for a newer one a second or more.
   *
   * @throws CudaException if it has no code for this GPU, or needs a newer driver
   */
  static CudaModule load(CudaContext context, KernelImage kernels) {
    CudaDriver driver = context.driver();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(kernels.bytes().length, 64);
      image.copyFrom(MemorySegment.ofArray(kernels.bytes()));
      return new CudaModule(context, driver.cuModuleLoadData(image));
    } catch (CudaException e) {
      throw e.during("loading kernels built with CUDA " + kernels.toolkitText() + " on "
          + context.device());
    }
  }

  /**
   * A kernel by the name of its {@code extern "C" __global__} entry. Look it up when a stage is made, not
   * inside a step: the driver may load its code only now.
   *
   * @throws CudaException if there is none; the message names it
   */
  CudaFunction function(String name) {
    CudaDriver driver = driver();
    CudaFunction known = functions.get(name);
    if (known == null) {
      try {
        long function = driver.cuModuleGetFunction(handle, name);
        known = new CudaFunction(this, name, function, driver.cuFuncGetParamInfo(function));
      } catch (CudaException e) {
        throw e.during("kernel " + name);
      }
      functions.put(name, known);
    }
    return known;
  }

  @Override
  void free(CudaDriver driver) {
    Recordings.apart(() -> driver.cuModuleUnload(handle));
  }

  @Override
  public String toString() {
    return "CUDA module";
  }
}
