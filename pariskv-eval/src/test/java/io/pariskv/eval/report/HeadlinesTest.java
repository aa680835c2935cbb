package io.pariskv.eval.report;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.Task;
import io.pariskv.eval.data.TaskData;
import io.pariskv.eval.ruler.Ruler;
import io.pariskv.eval.run.Cell;
import io.pariskv.eval.run.Line;
import io.pariskv.eval.run.SampleLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a report says first: which data, the mean of RULER, kinds of problems, methods beside each other. */
class HeadlinesTest {
  private static SampleLine line(String task, int length, String method, String id, double score,
      Map<String, Object> labels) {
    return new SampleLine(new Cell(task, length, method), id,
        new SampleLine.Prompt(1, length, 20, labels, List.of("a")),
        new SampleLine.Outcome(score, true, true, Map.of(), "", List.of(1), null), null, null,
        List.of(), new SampleLine.Origin("m", "00", "vector", "v1"));
  }

  private static SampleLine line(String task, String data) {
    return line(task, 4096, "full", "0", 1, data.isEmpty() ? Map.of() : Map.of("data", data));
  }

  private static String text(Map<String, String> settings, List<Line> lines) {
    return Report.of(settings, lines).replaceAll("(?s)<style>.*</style>", "")
        .replaceAll("<[^>]*>", " ").replaceAll("\\s+", " ");
  }

  private static void assertSays(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), part + " is not in " + text);
    }
  }

  @Test
  void data_isNamedByTask_andWhereFilesWereThereForAPart() {
    String text = text(Map.of("data", "my-data"),
        List.of(line("niah_single_1", "own"), line("niah_single_2", "PaulGrahamEssays.json, own"),
            line("niah_multikey_3", "none"), line("qa_1", "squad.json"),
            line("cwe", "wonderwords"),
            line("cwe", 8192, "full", "0", 1, Map.of("data", "own, wonderwords")),
            line("recall-path", ""), line("retrieval", ""), line("other", "")));
    assertSays(text, "Our own texts and words, not the official ones: niah_single_1.",
        "Partly the user's files, partly our own: niah_single_2, cwe.",
        "The user's files: qa_1, cwe.",
        "Made from the seed, of no files: niah_multikey_3, recall-path, retrieval.",
        "Not said by the samples: other.", "those of --data my-data",
        "niah_single_2 4K 1 PaulGrahamEssays.json, the rest our own", "cwe 4K 1 wonderwords",
        "cwe 8K 1 wonderwords, the rest our own",
        "qa_1 Data: squad.json.");
  }

  @Test
  void dataOfPerplexity_isItsText_andASampleCountsOnce() {
    assertSays(text(Map.of("data", "book.txt"), List.of(line("perplexity", ""))),
        "The user's files: perplexity.", "perplexity 4K 1 book.txt");
    String text = text(Map.of("data", "null"), List.of(line("vt", "none"),
        line("vt", 4096, "window", "0", 1, Map.of("data", "none"))));
    assertSays(text, "vt 4K 1 made from the seed");
    assertFalse(text.contains("--data"), text);
  }

  @Test
  void ruler_hasTheMeanOfItsTasks_withTheirNumber() {
    List<Line> lines = new ArrayList<>();
    List<String> tasks = Ruler.tasks(TaskData.NONE).stream().map(Task::name).toList();
    for (String task : tasks) {
      for (int id = 0; id < (task.equals("vt") ? 2 : 1); id++) {
        lines.add(line(task, 4096, "full", "" + id, 1, Map.of("data", "own")));
      }
    }
    for (String task : tasks.subList(0, 2)) {
      lines.add(line(task, 8192, "full", "0", task.equals(tasks.getFirst()) ? 1 : 0, Map.of()));
    }
    assertSays(text(Map.of(), lines), "method 4K 8K full 1.00 (",
        " to 1.00), 13 of 13 tasks, n = 14 0.500 (0.095 to 0.905), 2 of 13 tasks, n = 2");
    assertSays(text(Map.of(), lines.subList(0, 13)), "12 of 13 tasks", "Not run: qa_2.");
    assertFalse(text(Map.of(), lines.subList(0, 1)).contains("RULER"), "one task has its score");
  }

  @Test
  void longBench_isGroupedByDifficultyAndLength() {
    List<Line> lines = new ArrayList<>();
    for (int id = 0; id < 6; id++) {
      lines.add(line("longbench-v2", 4096, "full", "" + id, id < 2 ? 1 : 0,
          Map.of("data", "data.json", "difficulty", id % 2 == 0 ? "hard" : "easy", "length",
              List.of("short", "medium", "long").get(id % 3), "domain", "Law", "cut", "no")));
    }
    assertSays(text(Map.of(), lines), "longbench-v2 by difficulty method, difficulty 4K "
        + "full, easy 0.333 (0.061 to 0.792), n = 3 full, hard 0.333 (0.061 to 0.792), n = 3",
        "by length method, length 4K full, short 0.500 (0.095 to 0.905), n = 2 full, medium "
            + "0.500 (0.095 to 0.905), n = 2 full, long 0.000 (0.000 to 0.658), n = 2",
        "full, Law 0.333 (0.097 to 0.700), n = 6", "full, no 0.333 (0.097 to 0.700), n = 6");
  }

  /** Ten samples were answered through both: of these sharp has eight that full has not, and full one. */
  @Test
  void methods_areComparedSampleBySample() {
    List<Line> lines = new ArrayList<>();
    for (int id = 0; id < 12; id++) {
      if (id < 11) {
        lines.add(line("t", 4096, "full", "" + id, id == 9 || id == 10 ? 1 : 0, Map.of()));
      }
      if (id != 10) {
        lines.add(line("t", 4096, "sharp", "" + (11 - id), 11 - id == 9 ? 0 : 1, Map.of()));
      }
    }
    assertSays(text(Map.of(), lines), "Sample by sample against full",
        "sharp 8 : 1, p = 0.04, n = 10");
    assertFalse(text(Map.of(), lines.subList(0, 1)).contains("Sample by sample"));
  }
}
