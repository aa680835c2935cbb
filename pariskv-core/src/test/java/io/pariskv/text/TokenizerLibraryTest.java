package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.net.URL;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerLibraryTest {

  @ParameterizedTest
  @CsvSource({"Linux, amd64, linux-x86_64", "Linux, aarch64, linux-aarch64",
      "Mac OS X, aarch64, osx-aarch64", "Windows 11, amd64, win-x86_64"})
  void platforms_haveTheirLibraryInTheJar(String system, String machine, String platform) {
    assertEquals(platform, TokenizerLibrary.platform(system, machine));
    for (String name : TokenizerLibrary.names(platform)) {
      assertTrue(TokenizerLibrary.resource(platform, name).toString().endsWith(name));
    }
  }

  @Test
  void anotherPlatform_isRefusedByName() {
    String platform = TokenizerLibrary.platform("FreeBSD", "riscv64");

    InputException refusal = assertThrows(InputException.class,
        () -> TokenizerLibrary.resource(platform, "libtokenizers.so"));

    assertTrue(refusal.toString().contains("freebsd-riscv64"), refusal.toString());
  }

  @Test
  void severalAtOnce_leaveOneWholeFile(@TempDir Path folder) throws Exception {
    byte[] content = new byte[3_000_001];
    Path source = Files.write(folder.resolve("source"), content);
    Path file = folder.resolve("unpacked").resolve("library");
    URL packed = source.toUri().toURL();
    Callable<byte[]> unpack = () -> {
      TokenizerLibrary.unpack(packed, file);
      return Files.readAllBytes(file);
    };

    try (var threads = Executors.newFixedThreadPool(8)) {
      List<Callable<byte[]>> all = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        all.add(unpack);
      }
      for (Future<byte[]> read : threads.invokeAll(all)) {
        assertArrayEquals(content, read.get());
      }
    }
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 7, 1_999})
  void fileThatIsNotWhole_isReplaced(int bytes, @TempDir Path folder) throws Exception {
    Path source = Files.write(folder.resolve("source"), new byte[2_000]);
    Path file = Files.write(folder.resolve("library"), new byte[bytes]);

    TokenizerLibrary.unpack(source.toUri().toURL(), file);

    assertEquals(2_000, Files.size(file));
  }

  @Test
  void folderThatCannotBe_fails(@TempDir Path folder) throws Exception {
    Path source = Files.write(folder.resolve("source"), new byte[2_000]);

    assertThrows(FileSystemException.class, () -> TokenizerLibrary
        .unpack(source.toUri().toURL(), source.resolve("below").resolve("library")));
  }
}
