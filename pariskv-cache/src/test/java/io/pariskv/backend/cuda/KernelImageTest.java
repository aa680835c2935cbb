package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** What the build made of {@code src/main/cuda}. Runs where it found nvcc. */
class KernelImageTest {
  private final @Nullable KernelImage image = KernelImage.load();

  @BeforeEach
  void kernelsWereBuilt() {
    assumeTrue(image != null, "built without nvcc: there are no kernels to look at");
  }

  private String text() {
    return new String(image == null ? new byte[0] : image.bytes(), StandardCharsets.ISO_8859_1);
  }

  @Test
  void everyEntryInTheSources_isInTheImage_asMachineCodeAndAsPtx() {
    TreeSet<String> entries = new TreeSet<>();
    for (Path file : KernelSources.files()) {
      Set<String> names = KernelSources.entries(file).keySet();
      assertFalse(names.isEmpty(), () -> file + " has no extern \"C\" __global__ entry");
      entries.addAll(names);
    }
    assertTrue(entries.contains("smoke_add"), entries::toString);
    String text = text();
    for (String entry : entries) {
      assertTrue(text.contains(".text." + entry + "\0"), () -> "no machine code of " + entry);
      assertTrue(text.contains(".entry " + entry + "("), () -> "no PTX of " + entry);
    }
  }

  @Test
  void theImage_isAFatbin_ofAKnownToolkit_thatNamesNoFolder() {
    byte[] bytes = image == null ? new byte[4] : image.bytes();
    assertEquals(0xba55ed50, (bytes[3] & 255) << 24 | (bytes[2] & 255) << 16
        | (bytes[1] & 255) << 8 | bytes[0] & 255); // the magic number of a fatbin
    assertTrue(image != null && image.toolkit() >= 11_080, "CUDA 11.8 is the first with sm_90");
    assertFalse(text().contains(KernelSources.FOLDER.toAbsolutePath().toString()));
  }
}
