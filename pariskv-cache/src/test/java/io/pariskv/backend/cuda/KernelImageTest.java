package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** What the build made of {@code src/main/cuda}. Runs where it found nvcc. */
class KernelImageTest {
  private static final String ELF = "\177ELF";
  private static final String SHARED = ".nv.shared.";

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

  /** So the fake GPU refuses what a real one would. */
  @Test
  void sharedMemoryThatKernelsDeclare_isWhatTheFakeGpuKnows_onEveryArchitecture() {
    ByteBuffer bytes = ByteBuffer.wrap(image == null ? new byte[0] : image.bytes())
        .order(ByteOrder.LITTLE_ENDIAN);
    String text = text();
    int architectures = 0;
    for (int at = text.indexOf(ELF); at >= 0; at = text.indexOf(ELF, at + 1)) {
      Map<String, Integer> declared = shared(bytes, text, at);
      int driver = declared.getOrDefault("smoke_add", 0); // what the driver has of every block: it declares none
      declared.replaceAll((_, size) -> size - driver);
      declared.values().removeIf(size -> size <= 0);
      assertEquals(StaticShared.all(), declared);
      architectures++;
    }
    assertEquals(2, architectures);
  }

  /** Sizes of the sections {@code .nv.shared.<kernel>} of the 64-bit ELF file at {@code at}. */
  private static Map<String, Integer> shared(ByteBuffer bytes, String text, int at) {
    int sections = at + Math.toIntExact(bytes.getLong(at + 40));
    int size = bytes.getShort(at + 58);
    int names = at + (int) bytes.getLong(sections + bytes.getShort(at + 62) * size + 24);
    Map<String, Integer> sizes = new TreeMap<>();
    for (int i = 0; i < bytes.getShort(at + 60); i++) {
      int section = sections + i * size;
      int name = names + bytes.getInt(section);
      if (text.startsWith(SHARED, name)) {
        sizes.put(text.substring(name + SHARED.length(), text.indexOf('\0', name)),
            (int) bytes.getLong(section + 32));
      }
    }
    return sizes;
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
