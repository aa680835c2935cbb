package io.pariskv.eval.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Models;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.eval.stats.Interval;
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
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
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
        run("perplexity", new Workloads.Settings(text, 100, null, null), 1000, directory));
    double full = nll(cells, "full");
    double narrow = nll(cells, "narrow");
    assertTrue(full > 0 && full < narrow, full + " and " + narrow);
  }

  /** The mean of a run's windows together, and what a method adds in each of them. */
  @Test
  void perplexity_isTheExponentialOfTheMean_andIsComparedWithFullWindowByWindow(
      @TempDir Path directory) throws IOException {
    RecallDocument document = RecallDocument.path(950, 8, 3);
    Path text = Files.writeString(directory.resolve("text"), (document.text() + " ").repeat(2));
    Map<Cell, List<SampleLine>> cells = Scores.byCell(
        run("perplexity", new Workloads.Settings(text, 100, null, null), 900, directory));
    List<SampleLine> full = samples(cells, "full");
    List<SampleLine> narrow = samples(cells, "narrow");
    double nll = 0;
    for (int i = 0; i < 2; i++) {
      assertNull(full.get(i).outcome().measures().get("nll_over_full"));
      assertEquals(measure(narrow.get(i), "nll") - measure(full.get(i), "nll"),
          measure(narrow.get(i), "nll_over_full"));
      assertEquals(Math.exp(measure(full.get(i), "nll")), measure(full.get(i), "perplexity"));
      nll += measure(full.get(i), "nll") / 2;
    }
    Interval mean = Scores.measure(full, "perplexity").orElseThrow();
    assertEquals(Math.exp(nll), mean.mean(), 1e-9);
    assertTrue(mean.low() > 0 && mean.low() < mean.mean() && mean.mean() < mean.high());
  }

  private static List<SampleLine> samples(Map<Cell, List<SampleLine>> cells, String method) {
    return cells.entrySet().stream().filter(each -> each.getKey().method().equals(method))
        .findFirst().orElseThrow().getValue();
  }

  private static double measure(SampleLine line, String name) {
    Double value = line.outcome().measures().get(name);
    assertNotNull(value, name);
    return value;
  }

  /** The bundled model with another tokenizer.json. */
  private static LanguageModel model(Path directory, UnaryOperator<String> tokenizer)
      throws IOException {
    Path copy = Files.createDirectory(directory.resolve("model"));
    try (Stream<Path> files = Files.list(Models.RECALL)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, copy.resolve(String.valueOf(file.getFileName())));
      }
    }
    Path file = copy.resolve("tokenizer.json");
    String text = Files.readString(file);
    String changed = tokenizer.apply(text);
    assertNotEquals(text, changed);
    Files.writeString(file, changed);
    return LanguageModel.load(copy, LoadOptions.defaults().withContext(600));
  }

  private static List<Trial> trials(String name, Workloads.Settings settings, int length,
      LanguageModel model) {
    return Workloads.named(List.of(name), settings).getFirst()
        .trials(new PromptEncoder(model, false), length, 3, 1);
  }

  /** Without it a model that attends it in every head would be judged without its sink. */
  @Test
  void everyWindow_beginsAsTheTokenizerBeginsAText(@TempDir Path directory) throws IOException {
    Path text = Files.writeString(directory.resolve("text"), " The acorn rested .".repeat(200));
    Workloads.Settings settings = new Workloads.Settings(text, 20, null, null);
    String template = """
        "post_processor": {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "<|bos|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {"<|bos|>": {"id": "<|bos|>", "ids": [2340], "tokens": ["<|bos|>"]}}}""";
    try (LanguageModel bundled = LanguageModel.load(Models.RECALL, LoadOptions.defaults());
        LanguageModel model = model(directory,
            json -> json.replaceFirst("\"post_processor\": ?null", template))) {
      for (String name : List.of("perplexity", "retrieval")) {
        List<Trial> without = trials(name, settings, 100, bundled);
        List<Trial> with = trials(name, settings, 100, model);
        assertEquals(3, with.size());
        for (int i = 0; i < 3; i++) {
          int[] prompt = with.get(i).shared();
          assertEquals(2340, prompt[0]);
          assertEquals(without.get(i).prompt().tokens(), with.get(i).prompt().tokens());
          assertEquals(i == 0,
              Arrays.equals(Arrays.copyOfRange(prompt, 1, prompt.length),
                  Arrays.copyOf(without.get(i).shared(), prompt.length - 1)),
              "a window has a token less of the text");
        }
      }
    }
  }

  @Test
  void retrievalOfAnotherModel_continuesOurProse(@TempDir Path directory) throws IOException {
    try (LanguageModel model = model(directory,
        json -> json.replace(", [\"Ġzest\", \"y\"]", ""))) { // a word of two tokens
      Workloads.Settings settings = new Workloads.Settings(null, 56, 20, null);
      List<Trial> trials = trials("retrieval", settings, 600, model);
      assertEquals(3, trials.size());
      assertEquals("own", trials.getFirst().prompt().labels().get("data"));
      assertEquals(600 - 56, trials.getFirst().prompt().tokens());
      assertRefused(() -> trials("retrieval", settings, 57, model), "at least 58, not 57");
    }
  }

  @Test
  void retrievalOfAText_writesAsManyTokensAsItIsToldTo(@TempDir Path directory)
      throws IOException {
    Path text = Files.writeString(directory.resolve("text"), " The acorn rested .".repeat(400));
    List<Line> lines = run("retrieval", new Workloads.Settings(text, 70, 20, null), 400, directory);
    assertEquals(4, lines.size());
    for (Line line : lines) {
      SampleLine sample = (SampleLine) line;
      assertEquals(70, sample.outcome().tokens().size());
      assertNull(sample.outcome().score());
      assertEquals("text", sample.prompt().labels().get("data"));
      assertEquals(sample.cell().method().equals("full"), sample.retrieval().isEmpty());
    }
  }

  @Test
  void questions_areFedOrPrefilled_asTheTaskOrTheUserSays() {
    try (LanguageModel model = LanguageModel.load(Models.RECALL, LoadOptions.defaults())) {
      for (String name : List.of("recall-number", "niah_single_1")) {
        for (Protocol asked : new @Nullable Protocol[]{null, Protocol.FED, Protocol.PREFILLED}) {
          Protocol expected = asked != null
              ? asked
              : name.equals("recall-number") ? Protocol.FED : Protocol.PREFILLED;
          Trial trial = trials(name, new Workloads.Settings(null, null, null, asked), 4096, model)
              .getFirst();
          assertEquals(expected == Protocol.FED, trial.prompt().fedTokens() > 0);
          assertEquals(expected.toString(), trial.prompt().labels().get("question"));
          assertEquals(
              trial.prompt().tokens()
                  - (expected == Protocol.FED ? trial.prompt().fedTokens() : 1),
              trial.shared().length);
        }
      }
    }
    for (String name : List.of("aime", "retrieval")) {
      assertRefused(() -> Workloads.named(List.of(name),
          new Workloads.Settings(null, null, null, Protocol.FED)), "question fed", name,
          "leave it out");
    }
    assertRefused(() -> Protocol.of("both"), "'both'", "fed or prefilled");
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
      List<Line> lines = run("perplexity", new Workloads.Settings(file, 100, null, null), 500,
          Files.createTempDirectory(directory, "x"));
      assertEquals(2, Scores.refused(lines).size());
      assertTrue(Scores.refused(lines).getFirst().reason().contains(file.toString()));
    }
    assertRefused(() -> Workloads.named(List.of("perplexity"),
        new Workloads.Settings(null, 100, null, null)), "--data");
  }

  @Test
  void retrieval_writesALongPathAndSeesSelections(@TempDir Path directory) {
    List<Line> lines = run("retrieval", new Workloads.Settings(null, 56, 20, null), 600, directory);
    for (Line line : lines) {
      SampleLine sample = (SampleLine) line;
      assertEquals(56, sample.outcome().tokens().size());
      assertEquals(sample.cell().method().equals("full"), sample.retrieval().isEmpty());
    }
    assertEquals(4, lines.size());
  }

  @Test
  void names_areThoseOfTheCommandLine() {
    Workloads.Settings settings = new Workloads.Settings(null, 100, null, null);
    assertEquals(List.of("recall-number", "recall-list", "recall-path"),
        Workloads.named(List.of("recall-tasks"), settings).stream().map(Workload::name).toList());
    assertEquals("recall-list",
        Workloads.named(List.of("recall-list"), new Workloads.Settings(null, 100, 5, null))
            .getFirst()
            .name());
    assertEquals(List.of(40_960, 2_148),
        Stream.of(new Workloads.Settings(null, null, null, null), settings)
            .map(each -> Workloads.named(List.of("gpqa"), each).getFirst().tokens()).toList());
    assertEquals(List.of("retrieval"), Workloads.named(List.of("retrieval"),
        new Workloads.Settings(null, null, null, null)).stream().map(Workload::name).toList());
    assertRefused(() -> Workloads.named(List.of("nope"), settings), "'nope'", "recall-tasks",
        "perplexity");
    assertRefused(() -> new Workloads.Settings(null, 1, null, null), "new-tokens 1", "14");
    assertRefused(() -> new Workloads.Settings(null, 100, 0, null), "every 0");
  }
}
