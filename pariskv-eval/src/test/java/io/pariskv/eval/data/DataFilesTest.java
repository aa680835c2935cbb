package io.pariskv.eval.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data files are read as their formats say; a bad one gives an error with its place. */
class DataFilesTest {
  @TempDir
  Path directory = Path.of("");

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes);
  }

  private Path file(String name, String text) throws IOException {
    return file(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private static String refusal(Runnable reading) {
    return String.valueOf(assertThrows(InputException.class, reading::run).getMessage());
  }

  private static void assertRefused(Runnable reading, String... parts) {
    String message = refusal(reading);
    assertTrue(Arrays.stream(parts).allMatch(message::contains), message);
    assertTrue(message.lines().count() == 1, message);
  }

  @Test
  void csv_readsQuotesCommasAndLineEnds() throws IOException {
    List<Csv.Row> rows = Csv.read(file("a.csv",
        "\ufeffa,\"b c\",d\r\n1,\"two, \"\"2\"\"\n lines\",\n\"\",x y,\"é\"\r\n\r\nlast,,\"\""));
    assertEquals(3, rows.size());
    assertEquals(List.of("a", "b c", "d"), rows.getFirst().names());
    assertEquals(List.of("1", "two, \"2\"\n lines", ""), rows.getFirst().fields());
    assertEquals(List.of("", "x y", "é"), rows.get(1).fields());
    assertEquals(List.of("last", "", ""), rows.get(2).fields());
    assertEquals(List.of(2, 4, 6), rows.stream().map(Csv.Row::line).toList());
    assertEquals("1", rows.getFirst().text("a"));
    assertNull(rows.getFirst().textOrNull("z"));
  }

  @Test
  void csv_namesTheLineOfWhatIsWrong() throws IOException {
    Path open = file("open.csv", "a,b\n1,2\n3,\"4\n5,6\n");
    assertRefused(() -> Csv.read(open), "open.csv, line 3: opens a quote");
    Path few = file("few.csv", "a,b\n1,2\n3\n");
    assertRefused(() -> Csv.read(few), "few.csv, line 3: has 1 fields, expected 2");
    Path after = file("after.csv", "a,b\n\"1\"x,2\n");
    assertRefused(() -> Csv.read(after), "after.csv, line 2: has text after a closing quote");
    Csv.Row row = Csv.read(file("row.csv", "a,b\n\" \",2\n")).getFirst();
    assertRefused(() -> row.text("a"), "row.csv, line 2: \"a\" is empty");
    assertRefused(() -> row.text("Question"), "row.csv, line 2: \"Question\" is missing");
  }

  @Test
  void jsonLines_nameLineAndField() throws IOException {
    Path file = file("x.jsonl", "{\"a\":\"1\",\"n\":7}\n\n{\"b\":2, \"a\":null}\r\n");
    List<JsonItem> items = JsonData.lines(file);
    assertEquals("1", items.getFirst().text("b", "a"));
    assertEquals("7", items.getFirst().textOrNumber("n"));
    assertRefused(() -> items.get(1).text("a"), "x.jsonl, line 3: \"a\" is missing");
    assertRefused(() -> items.get(1).text("b"), "line 3: \"b\" is 2, expected text");
    Path broken = file("y.jsonl", "{}\n{\"a\":}\n");
    assertRefused(() -> JsonData.lines(broken), "y.jsonl, line 2, column");
  }

  @Test
  void arrays_areReadItemByItem() throws IOException {
    Path file = file("x.json", "[{\"a\":\"x\"},\n {\"a\":[]}]");
    List<JsonItem> items = new ArrayList<>();
    assertEquals(2, JsonData.forEach(file, items::add));
    assertEquals("x", items.getFirst().text("a"));
    assertRefused(() -> items.get(1).text("a"),
        "x.json, item 2 (line 2): \"a\" is a list, expected text");
    Path object = file("o.json", "{}");
    assertRefused(() -> JsonData.forEach(object, items::add), "o.json is not a JSON array");
    Path cut = file("cut.json", "[{\"a\":1},\n{\"a\"");
    assertRefused(() -> JsonData.forEach(cut, items::add), "cut.json, item", "line 2");
    Path twice = file("twice.json", "[{\"a\":1,\"a\":2}]");
    assertRefused(() -> JsonData.forEach(twice, items::add), "twice.json, item 1");
  }

  @Test
  void textThatIsNotUtf8_isRefusedWithItsLine() throws IOException {
    byte[] bytes = "one\ntwo\nthr?e\n".getBytes(StandardCharsets.UTF_8);
    bytes[11] = (byte) 0xe9;
    Path file = file("latin.txt", bytes);
    assertRefused(() -> DataFile.text(file), "latin.txt, line 3: is not UTF-8 text at byte 11");
    Path array = file("latin.json",
        new byte[]{'[', '{', '"', 'a', '"', ':', '"', (byte) 0xe9, '"', '}', ']'});
    assertRefused(() -> JsonData.forEach(array, item -> {
    }), "latin.json, item 1", "UTF-8");
    Path cut = file("cut.txt", new byte[]{'a', '\n', (byte) 0xc3});
    assertRefused(() -> DataFile.text(cut), "cut.txt, line 2: is not UTF-8");
  }

  @Test
  void filesThatAreNotThere_areRefused() throws IOException {
    assertRefused(() -> DataFile.text(directory.resolve("none.txt")), "none.txt does not exist");
    assertRefused(() -> DataFile.text(directory), "is not a regular file");
    Path pointer = file("lfs.json", "version https://git-lfs.github.com/spec/v1\n");
    assertRefused(() -> JsonData.value(pointer), "Git LFS pointer");
    assertRefused(() -> TaskData.in(directory.resolve("none")), "none is not a directory");
    assertRefused(() -> TaskData.NONE.require("gpqa", "gpqa_diamond.csv"),
        "gpqa needs gpqa_diamond.csv; give --data");
    file("aime24.jsonl", "");
    file("aime25.jsonl", "");
    TaskData both = TaskData.in(directory);
    assertRefused(() -> both.find("aime24.jsonl", "aime25.jsonl"),
        "[aime24.jsonl, aime25.jsonl]", "keep one");
    assertThrows(IllegalArgumentException.class, () -> both.find("unheard-of.txt"),
        "a run that is resumed would not see that it changed");
  }

  /** Whatever the bytes: rows, or one clear error. */
  @Test
  void randomBytes_giveRowsOrAnInputException() throws IOException {
    Random random = new Random(20_260_401);
    String alphabet = "a,\"\n\r{}[]:1 \\é";
    for (int round = 0; round < 500; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(40); i > 0; i--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      if (bytes.length > 0 && round % 3 == 0) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      Path file = file("fuzz", bytes);
      for (Runnable reading : List.<Runnable>of(() -> Csv.read(file), () -> JsonData.lines(file),
          () -> JsonData.forEach(file, item -> {
          }))) {
        try {
          reading.run();
        } catch (InputException e) {
          assertTrue(e.toString().contains("fuzz") && e.toString().lines().count() == 1,
              e.toString());
        }
      }
    }
  }
}
