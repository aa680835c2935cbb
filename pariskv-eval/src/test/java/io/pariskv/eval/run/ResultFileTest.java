package io.pariskv.eval.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.probe.RetrievalPoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The directory of an evaluation survives kills, full disks and mistakes. */
class ResultFileTest {
  private static final Map<String, String> SETTINGS = Map.of("seed", "1", "lengths", "4096");

  @TempDir
  private Path directory;

  static SampleLine line(Cell cell, String id, double score) {
    return new SampleLine(cell, id,
        new SampleLine.Prompt(1, 4000, 20, Map.of("depth", 0.5, "difficulty", "hard"),
            List.of("1234")),
        new SampleLine.Outcome(score, true, true, Map.of("hops", 3.0),
            "a \"b\"\n\u00e9\ud83d\ude00",
            List.of(1, 2, 3), null),
        new SampleLine.Cost(100.5, 4010, 1e6, 2e5, 77L, 1.5, 0.1, 0.2, 3.5),
        new Agreement(3, 1, 3), List.of(new RetrievalPoint(7, 1, 0, 0.9, 0.8, 0.99, 0.01, 100, 96)),
        new SampleLine.Origin("m", "00ff", "vector", "0.1.0"));
  }

  private static final List<Line> LINES = List.of(
      line(new Cell("recall-path", 4096, "full"), "0", 1),
      line(new Cell("recall-path", 4096, "pariskv"), "0", 0.25),
      new RefusedLine(new Cell("recall-path", 65_536, "full"), "too \"long\""),
      new SampleLine(new Cell("qa", 0, "full"), "x",
          new SampleLine.Prompt(1, 3, 0, Map.of(), List.of()),
          SampleLine.Outcome.failed(false, "java.lang.IllegalStateException"), null, null,
          List.of(), new SampleLine.Origin("m", "00ff", "vector", "0.1.0")));

  private Path file() {
    return directory.resolve("samples.jsonl");
  }

  private void writeAll() {
    try (ResultFile results = ResultFile.open(directory, SETTINGS, false)) {
      LINES.forEach(results::append);
    }
  }

  private List<Line> reopened() {
    try (ResultFile results = ResultFile.open(directory, SETTINGS, true)) {
      return results.lines();
    }
  }

  private static void assertRefused(Executable action, String... parts) {
    InputException e = assertThrows(InputException.class, action);
    Arrays.stream(parts).forEach(
        part -> assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage()));
  }

  @Test
  void lines_areReadAsTheyWereWritten() throws IOException {
    writeAll();
    assertEquals(LINES, reopened());
    assertEquals(LINES, ResultFile.read(directory));
    assertEquals(SETTINGS, ResultFile.settings(directory));
    assertEquals(LINES.size(), Files.readAllLines(file()).size());
  }

  @Test
  void fileCutAnywhere_keepsEveryWholeLine_andTheRestIsWrittenOnce() throws IOException {
    writeAll();
    byte[] whole = Files.readAllBytes(file());
    for (int length = 0; length <= whole.length; length += 83) {
      Files.write(file(), Arrays.copyOf(whole, length));
      int expected = (int) new String(whole, 0, length, StandardCharsets.ISO_8859_1).chars()
          .filter(c -> c == '\n').count();
      try (ResultFile results = ResultFile.open(directory, SETTINGS, true)) {
        assertEquals(LINES.subList(0, expected), results.lines(), "cut at " + length);
        LINES.subList(expected, LINES.size()).forEach(results::append);
      }
      assertEquals(-1, Arrays.mismatch(whole, Files.readAllBytes(file())), "cut at " + length);
    }
  }

  @Test
  void lastLineOfZeros_isDropped_aDamagedLineInBetweenIsNamed() throws IOException {
    writeAll();
    byte[] whole = Files.readAllBytes(file());
    byte[] zeros = whole.clone();
    int lastStart = new String(whole, 0, whole.length - 1, StandardCharsets.ISO_8859_1)
        .lastIndexOf('\n') + 1;
    Arrays.fill(zeros, lastStart, whole.length - 1, (byte) 0);
    Files.write(file(), zeros);
    assertEquals(LINES.subList(0, LINES.size() - 1), reopened());

    byte[] damaged = whole.clone();
    damaged[0] = 'x';
    Files.write(file(), damaged);
    assertRefused(this::reopened, "samples.jsonl", "line 1", "damaged");
  }

  @Test
  void lineWithoutItsParts_isDamaged() throws IOException {
    writeAll();
    String whole = Files.readString(file());
    String first = whole.substring(0, whole.indexOf('\n'));
    for (String line : List.of("null", "{\"kind\":\"sample\"}", "{\"kind\":\"refused\"}",
        "{\"kind\":\"refused\",\"cell\":{},\"reason\":\"\"}",
        first.replace("\"score\":1.0", "\"score\":\"NaN\""),
        first.replace("\"labels\":", "\"lost\":"),
        first.replace("\"prediction\":", "\"lost\":"))) {
      Files.writeString(file(), line + "\n" + whole);
      assertRefused(this::reopened, "samples.jsonl", "line 1 is damaged", "remove it");
    }
  }

  @Test
  void sampleThatIsThereTwice_isRefused_withBothLines() throws IOException {
    writeAll();
    Files.writeString(file(), Files.readAllLines(file()).get(1) + "\n",
        StandardOpenOption.APPEND);
    assertRefused(this::reopened, "samples.jsonl",
        "line 5 has sample 0 of recall-path 4096 pariskv",
        "line 2 has already");
    assertRefused(() -> ResultFile.read(directory), "line 5", "line 2");
  }

  @Test
  void otherSettings_areRefused_withFieldAndBothValues() {
    writeAll();
    assertRefused(
        () -> ResultFile.open(directory, Map.of("seed", "2", "lengths", "4096"), true).close(),
        "seed", "\"1\"", "\"2\"", "--out");
    assertRefused(() -> ResultFile.open(directory, SETTINGS, false).close(), "--resume");
    assertEquals(LINES, reopened());
  }

  @Test
  void fullDisk_isOneError_andFinishedSamplesStay() throws IOException {
    try (ResultFile results = ResultFile.open(directory, SETTINGS, false)) {
      results.append(LINES.getFirst());
      ResultFile full = results.on(line -> {
        Files.write(file(), new byte[]{'{'}, StandardOpenOption.APPEND);
        throw new IOException("No space left on device");
      });
      assertRefused(() -> full.append(LINES.get(1)), "No space left on device", "1 lines are kept",
          "--resume");
    }
    assertEquals(LINES.subList(0, 1), reopened());
  }

  @Test
  void directoryInUse_isRefused() {
    try (ResultFile results = ResultFile.open(directory, SETTINGS, true)) {
      results.append(LINES.getFirst());
      assertRefused(() -> ResultFile.open(directory, SETTINGS, true).close(), "another run");
    }
  }

  @Test
  void directoryThatCannotBe_isRefused() throws IOException {
    Path inTheWay = Files.createFile(directory.resolve("file"));
    assertRefused(() -> ResultFile.open(inTheWay, SETTINGS, false).close(), "cannot be written");
    assertRefused(() -> ResultFile.read(directory.resolve("none")), "none", "pariskv eval --out");
    assertRefused(() -> ResultFile.settings(directory), "settings.json");
  }
}
