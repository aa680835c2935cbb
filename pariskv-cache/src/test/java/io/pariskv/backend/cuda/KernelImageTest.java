package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** What the build made of {@code src/main/cuda}. Runs where it found nvcc. */
class KernelImageTest {
  private static final Path SOURCES = Path.of("src", "main", "cuda");
  private static final Pattern ENTRY = Pattern
      .compile(
          "extern\\s+\"C\"\\s+__global__\\s+void\\s+(?:__launch_bounds__\\([^)]*\\)\\s+)?(\\w+)");

  private final @Nullable KernelImage image = KernelImage.load();

  @BeforeEach
  void kernelsWereBuilt() {
    assumeTrue(image != null, "built without nvcc: there are no kernels to look at");
  }

  private String text() {
    return new String(image == null ? new byte[0] : image.bytes(), StandardCharsets.ISO_8859_1);
  }

  @Test
  void everyEntryInTheSources_isInTheImage_asMachineCodeAndAsPtx() throws IOException {
    TreeSet<String> entries = new TreeSet<>();
    for (Path file : sources()) {
      List<String> names = ENTRY.matcher(Files.readString(file)).results()
          .map((MatchResult entry) -> entry.group(1)).toList();
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

  private static List<Path> sources() throws IOException {
    try (Stream<Path> files = Files.list(SOURCES)) {
      return files.filter(file -> file.toString().endsWith(".cu")).sorted().toList();
    }
  }

  @Test
  void theImage_isAFatbin_ofAKnownToolkit_thatNamesNoFolder() {
    byte[] bytes = image == null ? new byte[4] : image.bytes();
    assertEquals(0xba55ed50, (bytes[3] & 255) << 24 | (bytes[2] & 255) << 16
        | (bytes[1] & 255) << 8 | bytes[0] & 255); // the magic number of a fatbin
    assertTrue(image != null && image.toolkit() >= 11_080, "CUDA 11.8 is the first with sm_90");
    assertFalse(text().contains(SOURCES.toAbsolutePath().toString()));
  }
}
