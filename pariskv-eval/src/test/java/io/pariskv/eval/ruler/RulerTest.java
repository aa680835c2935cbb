package io.pariskv.eval.ruler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Answer;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.Counting;
import io.pariskv.eval.data.TaskData;
import io.pariskv.text.Tokenizer;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every task fills its length, hides what it asks for, and is made again from its seed. */
class RulerTest {
  private static final List<Task> TASKS = Ruler.tasks(TaskData.NONE);

  /** Words of one increment at 4,096 tokens and more. */
  private static final Map<String, Integer> INCREMENT = Map.of("niah_single_1", 25 * 19,
      "niah_multikey_2", 25 * 10, "niah_multikey_3", 25 * 10, "vt", 10 * 19, "cwe", 10 * 3 * 2,
      "qa_1", 10 * 60, "qa_2", 10 * 100);

  static Stream<Arguments> tasksAndLengths() {
    return TASKS.stream().flatMap(
        task -> Stream.of(2000, 4096, 20_011).map(length -> Arguments.of(task.name(), length)));
  }

  static Stream<String> names() {
    return TASKS.stream().map(Task::name);
  }

  private static Task task(String name) {
    return TASKS.stream().filter(task -> task.name().equals(name)).findFirst().orElseThrow();
  }

  private static String prompt(Sample sample) {
    return sample.messages().getFirst().content();
  }

  @Test
  void group_hasTheThirteenTasksOfThePaper() {
    assertEquals(List.of("niah_single_1", "niah_single_2", "niah_single_3", "niah_multikey_1",
        "niah_multikey_2", "niah_multikey_3", "niah_multivalue", "niah_multiquery", "vt", "cwe",
        "fwe", "qa_1", "qa_2"), names().toList());
    assertTrue(TASKS.stream().allMatch(Task::sized));
  }

  @ParameterizedTest
  @MethodSource("tasksAndLengths")
  void samples_fillTheLengthWithTheirAnswer_withinOneIncrement(String name, int length) {
    SampleRequest request = Counting.words(length, 5, 42);
    List<Sample> samples = task(name).samples(request);
    assertEquals(5, samples.size());
    int increment = name.equals("fwe") ? length / 32 : INCREMENT.getOrDefault(name, 500);
    for (Sample sample : samples) {
      int tokens = Counting.words(sample) + sample.maxTokens();
      assertTrue(tokens <= length, tokens + " tokens");
      // Documents are of any size: a sample may have shorter ones than that which was searched with.
      int least = length - (name.startsWith("qa") ? 2 : 1) * increment;
      assertTrue(tokens > least, tokens + " tokens, expected more than " + least);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void samples_fitTheBundledModelsTokens(String name) {
    Path model = Path.of(System.getProperty("project.root", "..")).resolve("models/recall-12m");
    try (Tokenizer tokenizer = Tokenizer.load(model.resolve("tokenizer.json"))) {
      int length = 16_384;
      SampleRequest request = new SampleRequest(length, 2, 1,
          sample -> tokenizer.encode(prompt(sample) + sample.answerPrefix()).length);
      for (Sample sample : task(name).samples(request)) {
        int tokens = request.tokens().applyAsInt(sample) + sample.maxTokens();
        assertTrue(tokens <= length && tokens > length * 3 / 4, tokens + " tokens");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void samples_sayWhatIsAskedAndWhere(String name) {
    for (Sample sample : task(name).samples(Counting.words(4096, 5, 42))) {
      String prompt = prompt(sample);
      String text = prompt.substring(0, prompt.length() - sample.question().length());
      assertEquals(text + sample.question(), prompt);
      assertTrue(!sample.question().isEmpty() && sample.answerPrefix().startsWith(" "));
      assertEquals(Sample.Drawing.GREEDY, sample.sampling());
      assertTrue(Set.of("own", "none").contains(sample.labels().get("data")));
      assertTrue(sample.references().stream().allMatch(text::contains), sample.references() + "");
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void samples_areThoseOfTheirSeed(String name) {
    Task task = task(name);
    List<Sample> samples = task.samples(Counting.words(4096, 3, 42));
    assertEquals(samples, task.samples(Counting.words(4096, 3, 42)));
    assertNotEquals(samples, task.samples(Counting.words(4096, 3, 43)));
    assertEquals(3, new HashSet<>(samples.stream().map(RulerTest::prompt).toList()).size());
    assertEquals(3, new HashSet<>(samples.stream().map(Sample::id).toList()).size());
    assertEquals(samples.subList(0, 2), task.samples(Counting.words(4096, 2, 42)));
  }

  @ParameterizedTest
  @MethodSource("names")
  void lengthsThatNoSampleFits_areRefusedWithBothNumbers(String name) {
    InputException refused = assertThrows(InputException.class,
        () -> task(name).samples(Counting.words(60, 1, 42)));
    assertTrue(refused.toString().contains(": " + name + " cannot be put in 60 tokens: "),
        refused.getMessage());
  }

  @Test
  void answers_haveTheRoomOfTheRepository() {
    Map<String, Integer> tokens = Map.of("vt", 30, "cwe", 120, "fwe", 50, "qa_1", 32, "qa_2", 32);
    for (Task task : TASKS) {
      assertEquals(tokens.getOrDefault(task.name(), 128),
          task.samples(Counting.words(4096, 1, 1)).getFirst().maxTokens(), task.name());
    }
  }

  @Test
  void gradesAreTheShareOfReferences_butOfAQuestionWhetherThereIsAny() {
    Sample many = task("niah_multivalue").samples(Counting.words(4096, 1, 1)).getFirst();
    assertEquals(4, many.references().size());
    String two = many.references().get(1) + ", " + many.references().get(3);
    assertEquals(0.5, task("niah_multivalue").grade(many, new Answer(two, 9, true)).score());
    Sample any = task("qa_1").samples(Counting.words(4096, 1, 1)).getFirst();
    assertEquals(1, task("qa_1")
        .grade(any, new Answer("It is " + any.references().getFirst(), 9, false)).score());
    assertEquals(0, task("qa_1").grade(any, new Answer("", 0, false)).score());
  }
}
