package io.pariskv.backend.cuda;

import io.pariskv.error.InputException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Why the backend cannot be used with a driver, a GPU and kernels, in words, or null if nothing speaks against it. Opens no context. */
final class CudaRefusal {
  /** Of the oldest compute capability that there is code for. */
  private static final int OLDEST_MAJOR = 8;

  /** Shared memory of a block that kernels are made for, in bytes: every such GPU has it. */
  private static final int LEAST_SHARED = 99 << 10;

  private static final String NO_KERNELS = "built without CUDA kernels; build where nvcc is on the PATH";

  private CudaRefusal() {
  }

  /** As {@link CudaBackend#unusable}, with a driver of its own. */
  static @Nullable String unusable(Supplier<CudaDriver> load, @Nullable KernelImage image) {
    String reason = firstReason(load, image);
    return reason == null || image != null || reason.equals(NO_KERNELS)
        ? reason
        : reason + "; also " + NO_KERNELS; // who mends the one would meet the other
  }

  private static @Nullable String firstReason(Supplier<CudaDriver> load,
      @Nullable KernelImage image) {
    try {
      return of(load.get(), image);
    } catch (InputException | CudaException e) {
      return e.getMessage();
    } catch (IllegalCallerException e) {
      return "start Java with --enable-native-access=ALL-UNNAMED (" + e.getMessage() + ")";
    }
  }

  /** The same for a driver that is there. */
  static @Nullable String of(CudaDriver driver, @Nullable KernelImage image) {
    driver.cuInit(0);
    if (driver.cuDeviceGetCount() == 0) {
      return "no GPU; nvidia-smi must list one and CUDA_VISIBLE_DEVICES must not hide it";
    }
    CudaDevice device = CudaDevice.of(driver, 0);
    if (device.major() < OLDEST_MAJOR) {
      return device.name() + " has compute capability " + device.computeCapability()
          + "; " + OLDEST_MAJOR + ".0 or newer is needed";
    }
    if (device.sharedBytes() < LEAST_SHARED) {
      return device.name() + " has " + device.sharedBytes() + " bytes of shared memory a block; "
          + LEAST_SHARED + " are needed; use --backend vector";
    }
    if (image == null) {
      return NO_KERNELS;
    }
    if (device.driverVersion() < image.toolkit() / 1000 * 1000) {
      return "the driver serves CUDA " + CudaDriver.version(device.driverVersion())
          + ", the kernels were built with " + image.toolkitText()
          + "; update the driver, or build with an older nvcc";
    }
    return null;
  }
}
