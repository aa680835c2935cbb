package io.pariskv.eval.ruler;

import static io.pariskv.eval.ruler.Niah.Haystack.ESSAY;
import static io.pariskv.eval.ruler.Niah.Haystack.NEEDLE;
import static io.pariskv.eval.ruler.Niah.Haystack.NOISE;
import static io.pariskv.eval.ruler.Niah.Kind.NUMBERS;
import static io.pariskv.eval.ruler.Niah.Kind.UUIDS;
import static io.pariskv.eval.ruler.Niah.Kind.WORDS;

import io.pariskv.eval.Task;
import io.pariskv.eval.data.TaskData;
import java.util.List;

/** The thirteen tasks of RULER, with NVIDIA's parameters. */
public final class Ruler {
  /** The name of all thirteen. */
  public static final String GROUP = "ruler";

  private Ruler() {
  }

  /** The tasks, in the order of the paper. Data is read when samples are first made. */
  public static List<Task> tasks(TaskData files) {
    RulerData data = new RulerData(files);
    return List.of(
        all("niah_single_1", new Niah(data, NOISE, WORDS, NUMBERS, 1, 1, 1)),
        all("niah_single_2", new Niah(data, ESSAY, WORDS, NUMBERS, 1, 1, 1)),
        all("niah_single_3", new Niah(data, ESSAY, WORDS, UUIDS, 1, 1, 1)),
        all("niah_multikey_1", new Niah(data, ESSAY, WORDS, NUMBERS, 4, 1, 1)),
        all("niah_multikey_2", new Niah(data, NEEDLE, WORDS, NUMBERS, 1, 1, 1)),
        all("niah_multikey_3", new Niah(data, NEEDLE, UUIDS, UUIDS, 1, 1, 1)),
        all("niah_multivalue", new Niah(data, ESSAY, WORDS, NUMBERS, 1, 4, 1)),
        all("niah_multiquery", new Niah(data, ESSAY, WORDS, NUMBERS, 4, 1, 4)),
        all("vt", new VariableTracking()),
        all("cwe", new CommonWords(data)),
        all("fwe", new FrequentWords()),
        new RulerTask("qa_1", new Questions(data, Questions.Source.SQUAD), Scoring.PART),
        new RulerTask("qa_2", new Questions(data, Questions.Source.HOTPOT), Scoring.PART));
  }

  private static Task all(String name, Recipe recipe) {
    return new RulerTask(name, recipe, Scoring.ALL);
  }
}
