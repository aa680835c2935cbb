package io.pariskv.saved;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that end in the middle of a save. */
class DyingProcessTest {
  private static final int TOKENS = 6000;

  @TempDir
  private Path directory;

  /** Writes a file; with {@code wait} it stops in the middle, until somebody ends it. */
  static final class Child {
    public static void main(String[] args) throws Exception {
      Path file = Path.of(args[0]);
      if (args.length == 1) {
        CacheFileTest.write(file, TOKENS, 9);
        return;
      }
      WriteBehind behind = new WriteBehind(file,
          CacheHeader.of(new ModelIdentity("m", Map.of(), null, ""),
              new KvShape(3, 4, 2, 6, DType.BF16), TOKENS, false,
              0),
          new int[TOKENS]);
      CacheChunk chunk = Objects.requireNonNull(behind.next(Duration.ofMinutes(1)));
      behind.write(chunk);
      System.out.println("half");
      System.in.read();
    }
  }

  private static Process start(List<String> wrapper, String... args) throws IOException {
    List<String> command = new ArrayList<>(wrapper);
    command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--add-modules=jdk.incubator.vector", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
        Child.class.getName()));
    command.addAll(List.of(args));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** The JVM prints warnings, too. */
  private static void awaitLine(BufferedReader lines, String expected) throws IOException {
    for (String line = lines.readLine(); !expected.equals(line); line = lines.readLine()) {
      assertTrue(line != null, "the process ended early");
    }
  }

  @Test
  void killedInTheMiddle_losesNothingOlder_andTheNextSaveCleansUp() throws Exception {
    Path file = directory.resolve("document.pkv");
    CacheFileTest.write(file, TOKENS, 1);
    byte before = CacheFileTest.read(file);
    Process child = start(List.of(), file.toString(), "wait");
    try (BufferedReader lines = child.inputReader(StandardCharsets.UTF_8)) {
      awaitLine(lines, "half");
      child.destroyForcibly().waitFor();
    } finally {
      child.destroyForcibly();
    }
    assertTrue(Files.exists(directory.resolve("document.pkv.part")));
    assertEquals(before, CacheFileTest.read(file));

    CacheFileTest.write(file, TOKENS, 2);
    assertEquals((byte) (before + 1), CacheFileTest.read(file));
    assertFalse(Files.exists(directory.resolve("document.pkv.part")));
  }

  /** A limit of the process stands in for a disk that is full: the same call fails in the same way. */
  @Test
  void fullDisk_isSaid_andTheOlderFileStays() throws Exception {
    Path file = directory.resolve("document.pkv");
    CacheFileTest.write(file, 40, 1);
    byte before = CacheFileTest.read(file);
    Process child = start(List.of("bash", "-c", "ulimit -f 100; exec \"$@\"", "limited"),
        file.toString());
    String said;
    try (BufferedReader lines = child.inputReader(StandardCharsets.UTF_8)) {
      said = String.join("\n", lines.lines().toList());
    }
    assertEquals(1, child.waitFor(), said);
    assertTrue(said.contains("cannot be written") && said.contains("free some space"), said);
    assertEquals(before, CacheFileTest.read(file));
    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(List.of(file), left.toList());
    }
  }
}
