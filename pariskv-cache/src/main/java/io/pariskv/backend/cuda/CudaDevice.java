package io.pariskv.backend.cuda;

import io.pariskv.memory.MemoryPlan;
import java.util.Locale;

/**
 * What is known of one GPU. Needs no context.
 *
 * @param ordinal its number among the visible ones
 * @param handle the driver's handle
 * @param name such as {@code NVIDIA H100 80GB HBM3}
 * @param major compute capability before the point
 * @param minor compute capability after it
 * @param memoryBytes device memory
 * @param multiprocessors how many blocks can run side by side at least
 * @param sharedBytes most shared memory of a block that asks for it
 * @param l2Bytes second-level cache
 * @param driverVersion newest CUDA version the driver serves, such as 13000
 * @param pci such as {@code 0000:1B:00.0}
 */
public record CudaDevice(int ordinal, int handle, String name, int major, int minor,
    long memoryBytes, int multiprocessors, int sharedBytes, int l2Bytes, int driverVersion,
    String pci) {
  // Of CUdevice_attribute.
  private static final int MULTIPROCESSOR_COUNT = 16;
  private static final int L2_CACHE_SIZE = 38;
  private static final int COMPUTE_CAPABILITY_MAJOR = 75;
  private static final int COMPUTE_CAPABILITY_MINOR = 76;
  private static final int MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97;

  /** Asks the driver, after {@code cuInit}. */
  static CudaDevice of(CudaDriver driver, int ordinal) {
    int handle = driver.cuDeviceGet(ordinal);
    return new CudaDevice(ordinal, handle, driver.cuDeviceGetName(handle),
        driver.cuDeviceGetAttribute(COMPUTE_CAPABILITY_MAJOR, handle),
        driver.cuDeviceGetAttribute(COMPUTE_CAPABILITY_MINOR, handle),
        driver.cuDeviceTotalMem(handle),
        driver.cuDeviceGetAttribute(MULTIPROCESSOR_COUNT, handle),
        driver.cuDeviceGetAttribute(MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, handle),
        driver.cuDeviceGetAttribute(L2_CACHE_SIZE, handle),
        driver.cuDriverGetVersion(), driver.cuDeviceGetPCIBusId(handle));
  }

  /** Such as {@code 9.0}. */
  public String computeCapability() {
    return major + "." + minor;
  }

  /** One line for a person. */
  @Override
  public String toString() {
    return String.format(Locale.ROOT,
        "%s (compute capability %s, %d SMs, %s, driver for CUDA %s, PCI %s)", name,
        computeCapability(), multiprocessors, MemoryPlan.humanBytes(memoryBytes),
        CudaDriver.version(driverVersion), pci);
  }
}
