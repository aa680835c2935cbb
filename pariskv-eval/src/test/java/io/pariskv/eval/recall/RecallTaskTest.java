package io.pariskv.eval.recall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Answer;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Models;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.text.ChatTemplate;
import io.pariskv.text.Tokenizer;
import io.pariskv.text.jinja.JinjaTemplate;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Questions for the bundled model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RecallTaskTest {
  /** Any sentence of the model's language. */
  private static final Pattern SENTENCE = Pattern.compile(
      "(The \\w+ \\w+ \\w+ the \\w+ \\w+ near the \\w+ \\w+ and rested"
          + "|A \\w+ \\w+ \\w+ one \\w+ while the \\w+ \\w+ \\w+ the \\w+"
          + "|Every \\w+ in the \\w+ \\w+ \\w+ a \\w+ \\w+ with the \\w+"
          + "|Some \\w+ near the \\w+ \\w+ \\w+ the \\w+ but never the \\w+"
          + "|The secret number of the \\w+ \\w+ is \\d{4}"
          + "|The path from the \\w+ \\w+ leads to the \\w+ \\w+ on foot) \\.");

  private Tokenizer tokenizer;
  private ChatTemplate template;

  @BeforeAll
  void open() {
    tokenizer = Tokenizer.load(Models.RECALL.resolve("tokenizer.json"));
    template = ChatTemplate.load(Models.RECALL,
        (name, source) -> JinjaTemplate.parse(name, source)::render);
  }

  @AfterAll
  void close() {
    tokenizer.close();
  }

  static List<Task> tasks() {
    return RecallTasks.tasks();
  }

  private int tokens(Sample sample) {
    return tokenizer.encode(template.render(sample.messages(), true)).length;
  }

  private List<Sample> samples(Task task, int length, int count, long seed) {
    return task.samples(new SampleRequest(length, count, seed, this::tokens));
  }

  private static String content(Sample sample) {
    return sample.messages().getFirst().content();
  }

  /** The sentences of a document, each checked against the language; what is left is the question. */
  private static String question(String text, int sentences) {
    Matcher matcher = SENTENCE.matcher(text);
    int at = 0;
    for (int i = 0; i < sentences; i++) {
      assertTrue(matcher.find(at), "sentence " + i + " in " + text.substring(at));
      assertEquals(at + 1, matcher.start(), "one space before sentence " + i);
      at = matcher.end();
    }
    return text.substring(at);
  }

  @ParameterizedTest
  @CsvSource({"num, 64, 256", "list, 256, 1000", "path, 64, 1000"})
  void fixtures_areOfTheShapeThatIsMade(String kind, int small, int large) {
    int index = List.of("num", "list", "path").indexOf(kind);
    String pattern = List.of(" Question : What is the secret number of the \\w+ \\w+ \\?",
        " Question : What are the secret numbers of the \\w+ \\w+( and the \\w+ \\w+)+ \\?",
        " Question : Follow the path from the \\w+ \\w+ \\.").get(index);
    for (int size : new int[]{small, large}) {
      String text = Models.recall(kind + "-" + size).get("user").asString();
      assertTrue(question(text, size).matches(pattern), question(text, size));
    }
    Sample made = samples(tasks().get(index), 1500, 1, 1).getFirst();
    int sentences = (int) made.labels().getOrDefault("sentences", 0);
    assertTrue(made.question().matches(pattern), made.question());
    assertEquals(made.question(), question(content(made), sentences));
  }

  @ParameterizedTest
  @MethodSource("tasks")
  void samples_fillTheLengthToASentence_andTheAnswerFits(Task task) {
    for (int length : new int[]{600, 1000, 1003, 4096, 20_001}) {
      for (Sample sample : samples(task, length, 2, length)) {
        int room = length - tokens(sample) - sample.maxTokens();
        assertTrue(room >= 0 && room < 2 * RecallDocument.SENTENCE_TOKENS,
            task.name() + " " + length + " leaves " + room);
        String answer = " " + String.join(" ", sample.references());
        assertTrue(tokenizer.encode(answer).length <= sample.maxTokens());
        sample.references().forEach(each -> assertTrue(content(sample).contains(each), each));
        assertTrue(content(sample).endsWith(sample.question()));
      }
    }
  }

  @Test
  void depth_isSpreadOverTheSamples_andWhereTheSentenceStands() {
    List<Sample> samples = samples(RecallTask.number(), 3000, 5, 9);
    for (int i = 0; i < 5; i++) {
      Sample sample = samples.get(i);
      double depth = (double) sample.labels().getOrDefault("depth", -1.0);
      assertEquals((i + 0.5) / 5, depth);
      double found = (double) content(sample).indexOf(sample.references().getFirst())
          / content(sample).length();
      assertEquals(depth, found, 0.03);
    }
  }

  @ParameterizedTest
  @MethodSource("tasks")
  void sameSeed_givesTheSameSamples_anotherSeedOthers(Task task) {
    assertEquals(samples(task, 1500, 3, 5), samples(task, 1500, 3, 5));
    assertNotEquals(samples(task, 1500, 3, 5), samples(task, 1500, 3, 6));
    assertEquals(3, samples(task, 1500, 3, 5).stream().map(RecallTaskTest::content).distinct()
        .count());
    assertTrue(task.sized());
  }

  @Test
  void numbers_areRightLetterByLetter() {
    Task task = RecallTask.number();
    Sample sample = samples(task, 800, 1, 2).getFirst();
    String right = " " + sample.references().getFirst();
    assertEquals(new Grade(1, true, Map.of()), task.grade(sample, answer(right)));
    assertEquals(0, task.grade(sample, new Answer(right, 14, false)).score(), "goes on and on");
    assertEquals(0, task.grade(sample, answer(right.replaceAll("\\d \\.", "x ."))).score());
    assertFalse(task.grade(sample, answer("")).parsed());
    assertFalse(task.grade(sample, answer(" The path")).parsed());
  }

  @Test
  void lists_countTheSentencesThatAreRight() {
    Task task = RecallTask.list();
    Sample sample = samples(task, 1200, 1, 2).getFirst();
    List<String> all = sample.references();
    assertEquals(4, all.size());
    assertEquals(1, task.grade(sample, answer(" " + String.join(" ", all))).score());
    Grade swapped = task.grade(sample, answer(" " + String.join(" ", all.reversed())));
    assertEquals(0, swapped.score());
    assertEquals(4, swapped.measures().get("right"));
    assertEquals(2, task.grade(sample, answer(String.join(" ", all.subList(1, 3)))).measures()
        .get("right"));
  }

  @Test
  void paths_countTheHopsBeforeTheFirstError() {
    Task task = RecallTask.path();
    Sample sample = samples(task, 1200, 1, 2).getFirst();
    List<String> all = sample.references();
    assertEquals(16, all.size());
    Grade right = task.grade(sample, new Answer(" " + String.join(" ", all), 224, false));
    assertEquals(1, right.score());
    assertEquals(16, right.measures().get("hops"));
    Grade broken = task.grade(sample,
        answer(" " + String.join(" ", all.subList(0, 5)) + " " + all.get(7)));
    assertEquals(0, broken.score());
    assertEquals(5, broken.measures().get("hops"));
    assertTrue(broken.parsed());
  }

  private static Answer answer(String text) {
    return new Answer(text, 14, true);
  }

  @Test
  void tooFewTokens_areRefusedWithTheNumberNeeded() {
    InputException e = assertThrows(InputException.class,
        () -> samples(RecallTask.path(), 300, 1, 1));
    Matcher numbers = Pattern.compile("recall-path needs at least (\\d+) tokens, not 300")
        .matcher(String.valueOf(e.getMessage()));
    assertTrue(numbers.find(), e.getMessage());
    assertEquals(1, samples(RecallTask.path(), Integer.parseInt(numbers.group(1)), 1, 1).size());
  }
}
