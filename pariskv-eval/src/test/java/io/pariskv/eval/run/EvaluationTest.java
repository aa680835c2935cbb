package io.pariskv.eval.run;

import static io.pariskv.eval.run.ShortRuns.FULL;
import static io.pariskv.eval.run.ShortRuns.NARROW;
import static io.pariskv.eval.run.ShortRuns.ORIGIN;
import static io.pariskv.eval.run.ShortRuns.WIDE;
import static io.pariskv.eval.run.ShortRuns.pariskv;
import static io.pariskv.eval.run.ShortRuns.plan;
import static io.pariskv.eval.run.ShortRuns.samples;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.Answer;
import io.pariskv.eval.ForwardingTask;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.recall.RecallTask;
import io.pariskv.generate.LanguageModel;
import io.pariskv.index.SimHash;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.RetrievalBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a run of the evaluation answers; what it refuses is in {@link RefusedCellsTest}. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvaluationTest {
  private final ShortRuns runs = new ShortRuns();

  @AfterAll
  void close() {
    runs.close();
  }

  /** What must not depend on when a sample was computed. */
  private static List<Object> essence(SampleLine line) {
    List<Object> essence = new ArrayList<>(Arrays.asList(line.cell(), line.id(), line.prompt(),
        line.outcome(), line.agreement() == null ? "" : line.agreement()));
    SampleLine.Cost cost = line.cost();
    essence.add(cost == null ? "" : cost.attendedTokens());
    return essence;
  }

  @Test
  void methods_areComparedOnTheSameSamples(@TempDir Path directory) {
    List<SampleLine> lines = samples(runs.run(
        plan(List.of(RecallTask.number(), RecallTask.path()), List.of(800), NARROW, WIDE, FULL),
        directory, false));
    assertEquals(12, lines.size());
    assertEquals(12, new HashSet<>(lines.stream().map(line -> line.cell() + line.id()).toList())
        .size());
    Map<Cell, List<SampleLine>> cells = Scores.byCell(List.copyOf(lines));
    assertEquals(6, cells.size());
    for (SampleLine line : lines) {
      SampleLine.Cost cost = line.cost();
      assertNotNull(cost);
      assertTrue(line.prompt().tokens() + line.outcome().tokens().size() <= 800);
      assertTrue(line.prompt().fedTokens() > 10, "the question is fed");
      assertEquals(line.cell().method().equals("full"), line.agreement() == null);
      assertTrue(cost.millisPerToken() > 0 && cost.prefillSeconds() > 0);
      assertTrue(line.cell().method().equals("full")
          ? cost.attendedTokens() > 600
          : cost.attendedTokens() < 200, cost.toString());
    }
    for (String task : List.of("recall-number", "recall-path")) {
      for (String method : List.of("full", "wide")) {
        List<SampleLine> cell = cells.getOrDefault(new Cell(task, 800, method), List.of());
        assertEquals(List.of(1.0, 1.0),
            cell.stream().map(line -> line.outcome().score()).toList(), cell.toString());
      }
    }
    List<SampleLine> narrow = cells.getOrDefault(new Cell("recall-path", 800, "narrow"), List.of());
    assertTrue(narrow.stream().allMatch(line -> Double.valueOf(0).equals(line.outcome().score())),
        "one key a head does not follow a path");
  }

  @Test
  void killedAnywhere_theRunGoesOnAsIfNothingHadHappened(@TempDir Path directory)
      throws IOException {
    Evaluation.Plan plan = plan(List.of(RecallTask.number()), List.of(400, 3000), WIDE, FULL);
    Path whole = directory.resolve("whole");
    List<Line> expected = runs.run(plan, whole, false);
    assertEquals(6, expected.size(), "two cells of 3000 tokens are refused");
    byte[] bytes = Files.readAllBytes(whole.resolve("samples.jsonl"));
    int[] ends = IntStream.range(0, bytes.length).filter(i -> bytes[i] == '\n')
        .toArray();
    for (int cut : new int[]{0, 10, ends[1] + 1, ends[2] + 50, ends[3], ends[5] + 1}) {
      Path resumed = directory.resolve("cut-" + cut);
      Files.createDirectories(resumed);
      Files.copy(whole.resolve("settings.json"), resumed.resolve("settings.json"));
      Files.write(resumed.resolve("samples.jsonl"), Arrays.copyOf(bytes, cut));
      List<Line> found = runs.run(plan, resumed, true);
      assertEquals(samples(expected).stream().map(EvaluationTest::essence).toList(),
          samples(found).stream().map(EvaluationTest::essence).toList(), "cut at " + cut);
      assertEquals(Scores.refused(expected), Scores.refused(found));
      assertEquals(found, ResultFile.read(resumed));
    }
  }

  /** Every thread has the model for itself; what they write together is what one alone writes. */
  @Test
  void severalThreads_answerEverySampleOnce(@TempDir Path directory) throws Exception {
    Evaluation.Plan plan = plan(List.of(RecallTask.number(), RecallTask.list()), List.of(400, 500),
        WIDE, FULL);
    Map<String, List<Object>> alone = new HashMap<>();
    samples(runs.run(plan, directory.resolve("alone"), false))
        .forEach(line -> alone.put(line.cell() + line.id(), essence(line)));
    try (ResultFile file = ResultFile.open(directory.resolve("together"), Map.of(), false)) {
      Evaluation evaluation = new Evaluation(plan, file, ORIGIN, Evaluation.Pace.toTheEnd(),
          line -> {
          });
      Thread thread = Thread.ofPlatform().start(() -> { // a GPU's context belongs to its thread
        try (LanguageModel other = ShortRuns.load()) {
          evaluation.run(new PromptEncoder(other, false));
        }
      });
      evaluation.run(runs.encoder());
      thread.join();
      assertEquals(0, evaluation.left());
      assertEquals(16, file.lines().size());
      for (SampleLine line : samples(file.lines())) {
        assertEquals(alone.remove(line.cell() + line.id()), essence(line));
      }
    }
  }

  private static MethodChoice magicPig(String label, int denseEvery) {
    return new MethodChoice(label, // one bit and many tables: hardly a key is not sampled
        new MagicPig(new ZoneSettings(16, 32, 64, 0), new SimHash(1, 200), true, denseEvery));
  }

  /** Methods whose settings do not say how many keys they select. */
  @Test
  void keysReallySelected_areAMeasureWhereTheyAreLeftToChance(@TempDir Path directory) {
    MethodChoice adaptive = new MethodChoice("adaptive", new ParisKv(new ParisKvConfig(16, 32, 64,
        0, new RetrievalBudget(48, null, null).withShare(0.5))));
    List<SampleLine> lines = samples(
        runs.run(plan(List.of(RecallTask.list()), List.of(800), FULL, WIDE,
            magicPig("all", 0), magicPig("half", 2), adaptive), directory, false));
    assertEquals(10, lines.size());
    for (SampleLine line : lines) {
      Map<String, Double> measures = line.outcome().measures();
      Double selected = measures.get("selected");
      SampleLine.Cost cost = line.cost();
      assertNotNull(cost);
      switch (line.cell().method()) {
        case "full", "wide" -> assertNull(selected);
        case "adaptive" -> {
          assertNotNull(selected);
          assertTrue(selected >= 1 && selected < 48, measures.toString());
          assertTrue(cost.attendedTokens() < 16 + 32 + 64 + 48, cost.toString());
        }
        default -> {
          assertNotNull(selected);
          int held = cost.heldTokens();
          assertTrue(selected > 0.9 * (held - 16 - 32 - 64 - 80) && selected < held - 16 - 32,
              measures + " of " + held);
        }
      }
      Double deviation = measures.get("selected_sd");
      assertEquals(selected == null, deviation == null);
      assertTrue(deviation == null || deviation >= 0 && deviation < 48, measures.toString());
    }
  }

  /** With as many keys as there are sentences either finds the number, with one neither. */
  @Test
  void settingsOfAMethod_mayDependOnTheLength(@TempDir Path directory) {
    List<SampleLine> lines = samples(runs.run(new Evaluation.Plan(
        List.of(new TaskWorkload(RecallTask.number())), List.of(400, 500),
        length -> new Compared(List.of(pariskv("pariskv", length == 400 ? 1 : 48)), Map.of()), 2,
        7), directory, false));
    for (SampleLine line : lines) {
      SampleLine.Cost cost = line.cost();
      assertNotNull(cost);
      assertEquals(line.cell().length() == 500, cost.attendedTokens() > 16 + 32 + 48,
          cost.toString());
    }
  }

  @Test
  void endedEarly_hasSomeOfEachRow_andResumes(@TempDir Path directory) {
    Evaluation.Plan plan = plan(List.of(RecallTask.number(), RecallTask.list()), List.of(400),
        WIDE);
    int[] asked = {0};
    Evaluation.Pace pace = new Evaluation.Pace(1, () -> ++asked[0] > 4);
    try (ResultFile file = ShortRuns.open(directory, false)) {
      Evaluation evaluation = new Evaluation(plan, file, ORIGIN, pace, line -> {
      });
      evaluation.run(runs.encoder()); // asks twice a sample
      assertEquals(2, evaluation.left());
      assertEquals(List.of("recall-number 400 wide", "recall-list 400 wide"),
          file.lines().stream().map(line -> line.cell().toString()).toList());
    }
    assertEquals(4, samples(runs.run(plan, directory, true)).size());
  }

  /** A task that counts how often its samples were asked for. */
  private record Counted(Task task, AtomicInteger asked) implements ForwardingTask {
    @Override
    public List<Sample> samples(SampleRequest request) {
      asked.incrementAndGet();
      return task.samples(request);
    }
  }

  @Test
  void rowsThatTakeTurns_areMadeOnce(@TempDir Path directory) {
    AtomicInteger asked = new AtomicInteger();
    Evaluation.Plan plan = plan(
        List.of(new Counted(RecallTask.number(), asked), new Counted(RecallTask.list(), asked)),
        List.of(400), WIDE);
    try (ResultFile file = ShortRuns.open(directory, false)) {
      new Evaluation(plan, file, ORIGIN, new Evaluation.Pace(1, () -> false), line -> {
      }).run(runs.encoder());
      assertEquals(4, samples(file.lines()).size());
    }
    assertEquals(2, asked.get());
  }

  /** Fails on its second sample, in the middle of grading. */
  private record Fragile(Task task) implements ForwardingTask {
    @Override
    public String name() {
      return "fragile";
    }

    @Override
    public Grade grade(Sample sample, Answer answer) {
      if (sample.id().equals("1")) {
        throw new IllegalStateException("cannot grade");
      }
      return task.grade(sample, answer);
    }
  }

  @Test
  void sampleThatFails_countsAsWrong_andTheOthersGoOn(@TempDir Path directory) {
    List<SampleLine> lines = samples(runs.run(
        plan(List.of(new Fragile(RecallTask.number()), RecallTask.number()), List.of(500), FULL,
            WIDE),
        directory, false));
    assertEquals(8, lines.size());
    for (SampleLine line : lines) {
      boolean fails = line.cell().task().equals("fragile") && line.id().equals("1");
      assertEquals(fails, line.failed());
      assertEquals(fails ? 0 : 1, line.outcome().score());
      if (fails) {
        assertEquals("java.lang.IllegalStateException: cannot grade", line.outcome().error());
        assertNull(line.cost());
        assertNull(line.agreement());
      }
    }
  }

  @Test
  void progress_tellsTheTimeLeft() {
    List<String> said = new ArrayList<>();
    long[] now = {0};
    Progress progress = new Progress(said::add, () -> now[0]);
    progress.expect(8192, 3);
    progress.begin("first");
    now[0] = 10_000_000_000L;
    progress.finished(8192);
    progress.begin("second");
    progress.skip(8192, 1);
    progress.begin("third");
    assertEquals(List.of("first", "second, about 20 s left", "third, about 10 s left"), said);
  }
}
