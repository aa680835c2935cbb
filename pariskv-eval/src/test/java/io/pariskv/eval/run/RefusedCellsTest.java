package io.pariskv.eval.run;

import static io.pariskv.eval.run.ShortRuns.FULL;
import static io.pariskv.eval.run.ShortRuns.WIDE;
import static io.pariskv.eval.run.ShortRuns.plan;
import static io.pariskv.eval.run.ShortRuns.samples;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.ForwardingTask;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.recall.RecallTask;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a run of the evaluation refuses, cell by cell, while the rest goes on. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RefusedCellsTest {
  private final ShortRuns runs = new ShortRuns();

  @AfterAll
  void close() {
    runs.close();
  }

  @Test
  void methodThatCannotBe_isRefusedInEveryCell(@TempDir Path directory) {
    Evaluation.Plan plan = new Evaluation.Plan(List.of(new TaskWorkload(RecallTask.number())),
        List.of(400, 500), length -> new Compared(List.of(WIDE),
            Map.of("quest k=8", "k 8 is too small")),
        1, 7);
    List<Line> lines = runs.run(plan, directory, false);
    assertEquals(List.of(new RefusedLine(new Cell("recall-number", 400, "quest k=8"),
        "k 8 is too small"),
        new RefusedLine(new Cell("recall-number", 500, "quest k=8"),
            "k 8 is too small")),
        Scores.refused(lines));
    assertEquals(2, samples(lines).size());
    assertEquals(lines, runs.run(plan, directory, true));
  }

  /** A larger machine, a mended backend: what was refused then need not be now. */
  @Test
  void cellsThatCanBeAfterAll_areRunWhenTheRunIsResumed(@TempDir Path directory) {
    RefusedLine refused = new RefusedLine(new Cell("recall-number", 400, "wide"), "no file");
    try (ResultFile file = ShortRuns.open(directory, false)) {
      file.append(refused);
    }
    Evaluation.Plan plan = plan(List.of(RecallTask.number()), List.of(400), WIDE);
    List<Line> lines = runs.run(plan, directory, true);
    assertEquals(refused, lines.getFirst());
    assertEquals(2, samples(lines).size());
    assertEquals(List.of(), Scores.refused(lines));
    assertEquals(lines, runs.run(plan, directory, true));
  }

  @Test
  void cellThatIsRefusedAgain_saysWhyNow(@TempDir Path directory) {
    Cell cell = new Cell("recall-number", 20, "wide");
    try (ResultFile file = ShortRuns.open(directory, false)) {
      file.append(new RefusedLine(cell, "no file"));
    }
    Evaluation.Plan plan = plan(List.of(RecallTask.number()), List.of(20), WIDE);
    List<Line> lines = runs.run(plan, directory, true);
    assertEquals(2, lines.size());
    assertEquals(1, Scores.refused(lines).size());
    assertTrue(Scores.refused(lines).getFirst().reason().contains("at least"), lines.toString());
    assertEquals(lines, runs.run(plan, directory, true));
  }

  /** Questions that come as they are and may take so many tokens with their answers. */
  private record Exam(Task task, int tokens) implements ForwardingTask {
    @Override
    public String name() {
      return "exam";
    }

    @Override
    public boolean sized() {
      return false;
    }

    @Override
    public List<Sample> samples(SampleRequest request) {
      return task.samples(new SampleRequest(400, request.count(), 1, request.tokens()));
    }
  }

  /** Answers that were cut to a context nobody asked for would be other answers. */
  @Test
  void answersWithoutRoom_areRefused_notCut(@TempDir Path directory) {
    for (int tokens : new int[]{1000, 1001, 2_000_000}) {
      List<Line> lines = runs.run(
          plan(List.of(new Exam(RecallTask.number(), tokens)), List.of(500), FULL),
          directory.resolve("of-" + tokens), false);
      assertEquals(tokens == 1000 ? 2 : 0, samples(lines).size());
      assertEquals(tokens == 1000
          ? List.of()
          : List.of("a prompt and an answer of " + tokens + " tokens " + (tokens == 1001
              ? "does not fit in memory, 1000 tokens do"
              : "is more than the model's 1048576 positions (max_position_embeddings and rope_scaling)")
              + "; give a smaller number of --new-tokens"),
          Scores.refused(lines).stream().map(RefusedLine::reason).toList());
    }
  }

  @Test
  void cellsThatCannotBe_areRefusedWithTheReason_andTheRestRuns(@TempDir Path directory) {
    List<Line> lines = runs.run(plan(List.of(RecallTask.number(), RecallTask.path()),
        List.of(300, 5000, 2_000_000), FULL), directory, false);
    assertEquals(2, samples(lines).size());
    Map<String, String> reasons = new HashMap<>();
    Scores.refused(lines).forEach(line -> reasons.put(line.cell().toString(), line.reason()));
    assertEquals(5, reasons.size());
    assertTrue(reasons.getOrDefault("recall-path 300 full", "").contains("at least"));
    assertTrue(reasons.getOrDefault("recall-number 5000 full", "").contains("1000 tokens"),
        reasons.toString());
    assertTrue(reasons.getOrDefault("recall-path 2000000 full", "").contains("1048576"),
        reasons.toString());
  }
}
