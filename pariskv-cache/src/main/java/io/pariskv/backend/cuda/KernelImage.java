package io.pariskv.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The compiled kernels as the build put them beside this class.
 *
 * @param bytes a fatbin with code for several architectures and PTX for newer ones
 * @param toolkit CUDA version of the nvcc that made it, such as 13000
 */
record KernelImage(byte[] bytes, int toolkit) {

  /** The kernels of this build, or null if it was made without nvcc. */
  static @Nullable KernelImage load() {
    try (InputStream image = KernelImage.class.getResourceAsStream("kernels.fatbin");
        InputStream facts = KernelImage.class.getResourceAsStream("kernels.properties")) {
      if (image == null || facts == null) {
        return null;
      }
      Properties properties = new Properties();
      properties.load(facts);
      return new KernelImage(image.readAllBytes(),
          version(properties.getProperty("toolkit", "")));
    } catch (IOException e) {
      throw new UncheckedIOException("the CUDA kernels in this jar cannot be read", e);
    }
  }

  private static int version(String text) {
    int point = text.indexOf('.');
    return Integer.parseInt(text.substring(0, point)) * 1000
        + Integer.parseInt(text.substring(point + 1)) * 10;
  }

  /** Such as {@code 13.0}. */
  String toolkitText() {
    return CudaDriver.version(toolkit);
  }
}
