package io.pariskv.eval.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Models;
import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What the command line can run beside tasks. */
class WorkloadsTest {
  private static final List<MethodChoice> METHODS = List.of(
      new MethodChoice("full", new FullAttention()), new MethodChoice("narrow", new ParisKv(
          new ParisKvConfig(8, 16, 64, 0, new RetrievalBudget(1, null, null)))));

  private static List<Line> run(String name, Workloads.Settings settings, int length,
      Path directory) {
    List<Workload> workloads = Workloads.named(List.of(name, name), settings);
    assertEquals(List.of(name), workloads.stream().map(Workload::name).toList());
    Evaluation.Plan plan = new Evaluation.Plan(workloads, List.of(length),
        any -> new Compared(METHODS, Map.of()), 2, 1);
    try (
        LanguageModel model = LanguageModel.load(Models.RECALL,
            LoadOptions.defaults().withContext(length));
        ResultFile file = ResultFile.open(directory.resolve("out"), Map.of(), false)) {
      new Evaluation(plan, file, new SampleLine.Origin("m", "0", "b", "v"),
          Evaluation.Pace.toTheEnd(), line -> {
          }).run(new PromptEncoder(model, false));
      return file.lines();
    }
  }

  private static void assertRefused(Executable action, String... parts) {
    InputException e = assertThrows(InputException.class, action);
    Arrays.stream(parts).forEach(
        part -> assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage()));
  }

  @Test
  void perplexity_isWorseWithFewerKeys_andHasAWindowASample(@TempDir Path directory)
      throws IOException {
    RecallDocument document = RecallDocument.path(950, 8, 3);
    Path text = Files.writeString(directory.resolve("text"),
        document.text() + document.answerText() + document.text() + document.answerText());
    Map<Cell, List<SampleLine>> cells = Scores.byCell(
        run("perplexity", new Workloads.Settings(text, 100, null), 1000, directory));
    double full = nll(cells, "full");
    double narrow = nll(cells, "narrow");
    assertTrue(full > 0 && full < narrow, full + " and " + narrow);
  }

  private static double nll(Map<Cell, List<SampleLine>> cells, String method) {
    List<SampleLine> samples = cells.getOrDefault(new Cell("perplexity", 1000, method), List.of());
    assertEquals(2, samples.size());
    assertEquals(100, samples.getFirst().prompt().fedTokens());
    assertTrue(Scores.score(samples).isEmpty());
    return Scores.measure(samples, "nll").orElseThrow().mean();
  }

  @Test
  void perplexityOfAFileThatWillNotDo_isRefused(@TempDir Path directory) throws IOException {
    Path small = Files.writeString(directory.resolve("small"), "The acorn .");
    Path binary = Files.write(directory.resolve("binary"), new byte[]{(byte) 0xFF});
    for (Path file : List.of(small, binary, directory.resolve("none"))) {
      List<Line> lines = run("perplexity", new Workloads.Settings(file, 100, null), 500,
          Files.createTempDirectory(directory, "x"));
      assertEquals(2, Scores.refused(lines).size());
      assertTrue(Scores.refused(lines).getFirst().reason().contains(file.toString()));
    }
    assertRefused(() -> Workloads.named(List.of("perplexity"),
        new Workloads.Settings(null, 100, null)), "--data");
  }

  @Test
  void retrieval_writesALongPathAndSeesSelections(@TempDir Path directory) {
    List<Line> lines = run("retrieval", new Workloads.Settings(null, 56, 20), 600, directory);
    for (Line line : lines) {
      SampleLine sample = (SampleLine) line;
      assertEquals(56, sample.outcome().tokens().size());
      assertEquals(sample.cell().method().equals("full"), sample.retrieval().isEmpty());
    }
    assertEquals(4, lines.size());
  }

  @Test
  void names_areThoseOfTheCommandLine() {
    Workloads.Settings settings = new Workloads.Settings(null, 100, null);
    assertEquals(List.of("recall-number", "recall-list", "recall-path"),
        Workloads.named(List.of("recall-tasks"), settings).stream().map(Workload::name).toList());
    assertEquals("recall-list",
        Workloads.named(List.of("recall-list"), new Workloads.Settings(null, 100, 5)).getFirst()
            .name());
    assertEquals(List.of(40_960, 2_148),
        Stream.of(new Workloads.Settings(null, null, null), settings)
            .map(each -> Workloads.named(List.of("gpqa"), each).getFirst().tokens()).toList());
    assertEquals(List.of("retrieval"), Workloads.named(List.of("retrieval"),
        new Workloads.Settings(null, null, null)).stream().map(Workload::name).toList());
    assertRefused(() -> Workloads.named(List.of("nope"), settings), "'nope'", "recall-tasks",
        "perplexity");
    assertRefused(() -> new Workloads.Settings(null, 1, null), "new-tokens 1", "14");
    assertRefused(() -> new Workloads.Settings(null, 100, 0), "every 0");
  }
}
