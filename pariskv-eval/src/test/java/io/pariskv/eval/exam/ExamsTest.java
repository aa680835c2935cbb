package io.pariskv.eval.exam;

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
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exams read the published formats, ask in the published words, and refuse files with something missing. */
class ExamsTest {
  private static final String BOXED = "\nPlease reason step by step, and put your final answer within \\boxed{}.";
  private static final String GPQA_HEADER = "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3,High-level domain\n";

  @TempDir
  Path directory = Path.of("");

  private Task task(String name, String file, String text) throws IOException {
    Files.writeString(directory.resolve(file), text);
    return task(name, TaskData.in(directory));
  }

  private static Task task(String name, TaskData data) {
    return Exams.tasks(data).stream().filter(task -> task.name().equals(name)).findFirst()
        .orElseThrow();
  }

  private static void assertRefused(Task task, String part) {
    InputException refused = assertThrows(InputException.class,
        () -> task.samples(Counting.words(1000, 10, 1)));
    assertTrue(refused.toString().contains(part), refused.toString());
  }

  private static String prompt(Sample sample) {
    return sample.messages().getFirst().content();
  }

  @Test
  void aime_readsBothExports_andDrawsEachProblemEightTimes() throws IOException {
    Task task = task("aime", "aime25.jsonl", """
        {"id": 61, "problem": "One?", "answer": "070"}
        {"question": "Two?", "expected_answer": 588}
        """);
    List<Sample> samples = task.samples(Counting.words(1, 1000, 1));
    assertEquals(16, samples.size());
    assertEquals(16, samples.stream().map(Sample::id).distinct().count());
    assertEquals(16, samples.stream().map(sample -> sample.sampling().seed()).distinct().count());
    Sample first = samples.getFirst();
    assertEquals("61#1", first.id());
    assertEquals("One?" + BOXED, prompt(first));
    assertEquals(List.of("588"), samples.get(1).references());
    assertEquals(1, task.grade(first, new Answer("\\boxed{70}", 5, true)).score());
    assertEquals(0.7, first.sampling().temperature());
    assertEquals(0.95, first.sampling().topP());
    assertEquals(20, first.sampling().topK());
    assertEquals("aime25.jsonl", first.labels().get("data"));
    assertEquals(2, samples.get(2).labels().get("draw"));
    assertEquals(samples.subList(0, 3), task.samples(Counting.words(1, 3, 1)));
    assertNotEquals(samples, task.samples(Counting.words(1, 1000, 2)));
  }

  /** One of the exports of 2025 has a unit in its fifth answer of the second part. */
  @Test
  void aime_takesAnAnswerWithItsUnit_andShowsTheStartOfOneThatIsNone() throws IOException {
    Task task = task("aime", "aime25.jsonl", "{\"question\":\"P\",\"answer\":\"336^\\\\circ\"}\n");
    Sample sample = task.samples(Counting.words(1, 1, 1)).getFirst();
    assertEquals(List.of("336"), sample.references());
    assertEquals(1, task.grade(sample, new Answer("\\boxed{336}", 5, true)).score());
    assertRefused(task("aime", "aime25.jsonl",
        "{\"problem\":\"P\",\"answer\":\"1\\n" + "x".repeat(100_000) + "\"}\n"),
        "line 1: \"answer\" is 1 xxx");
  }

  @Test
  void drawsAndTokens_areAsTheUserSays() throws IOException {
    Files.writeString(directory.resolve("aime.jsonl"), "{\"problem\":\"P\",\"answer\":1}\n");
    List<Sample> samples = task("aime", new TaskData(directory, 3, 500))
        .samples(Counting.words(1, 100, 1));
    assertEquals(List.of("1#1", "1#2", "1#3"), samples.stream().map(Sample::id).toList());
    assertEquals(500, samples.getFirst().maxTokens());
    assertEquals(2_548, task("aime", new TaskData(directory, 3, 500)).tokens());
    assertEquals(40_960, task("aime", TaskData.NONE).tokens());
  }

  @Test
  void fewerSamplesThanProblems_areAPartThatTheSeedChooses() throws IOException {
    Task task = task("aime", "aime.jsonl", IntStream.range(0, 30)
        .mapToObj(i -> "{\"id\":\"p" + i + "\",\"problem\":\"P\",\"answer\":" + i + "}\n")
        .collect(Collectors.joining()));
    List<String> one = task.samples(Counting.words(1, 5, 1)).stream().map(Sample::id).toList();
    List<String> two = task.samples(Counting.words(1, 5, 2)).stream().map(Sample::id).toList();
    assertEquals(5, new HashSet<>(one).size());
    assertNotEquals(one, two);
  }

  @Test
  void aime_refusesWhatIsMissing() throws IOException {
    assertRefused(task("aime", "aime.jsonl", "{\"problem\":\"P\",\"answer\":1}\n{\"answer\":1}\n"),
        "aime.jsonl, line 2: \"problem\" or \"question\" is missing");
    assertRefused(task("aime", "aime.jsonl", "{\"problem\":\"P\",\"answer\":\"x+1\"}\n"),
        "line 1: \"answer\" is x+1, expected a whole number");
    assertRefused(task("aime", "aime.jsonl", ""), "has no problems");
    assertRefused(
        task("aime", "aime.jsonl", "{\"id\":1,\"problem\":\"P\",\"answer\":1}\n".repeat(2)),
        "two problems with the id 1");
    assertRefused(task("aime", TaskData.NONE), "aime needs aime.jsonl or aime25.jsonl");
  }

  @Test
  void math500_labelsSubjectAndLevel() throws IOException {
    Task task = task("math500", "test.jsonl",
        """
            {"problem":"P","solution":"S","answer":"\\\\frac{1}{2}","subject":"Algebra","level":2,"unique_id":"test/1.json"}
            """);
    Sample sample = task.samples(Counting.words(1, 1, 1)).getFirst();
    assertEquals("P" + BOXED, prompt(sample));
    assertEquals("Algebra", sample.labels().get("subject"));
    assertEquals("2", sample.labels().get("level"));
    assertEquals(1, task.grade(sample, new Answer("\\boxed{0.5}", 5, true)).score());
    assertRefused(task("math500", "test.jsonl", "{\"problem\":\"P\",\"unique_id\":\"u\"}"),
        "test.jsonl, line 1: \"answer\" is missing");
  }

  @Test
  void gpqa_shufflesOptionsByTheRecord() throws IOException {
    Task task = task("gpqa", "gpqa_diamond.csv", GPQA_HEADER
        + IntStream.range(0, 40)
            .mapToObj(i -> "rec" + i + ",\"Why,\n so? \",right,w1,w2,w3,Physics\n")
            .collect(Collectors.joining()));
    List<Sample> samples = task.samples(Counting.words(1, 40, 1));
    assertEquals(40, samples.size());
    for (Sample sample : samples) {
      String letter = sample.references().getFirst();
      assertTrue(prompt(sample).contains("\n(" + letter + ") right"), prompt(sample));
      assertEquals(1, task
          .grade(sample, new Answer("The correct answer is (" + letter + ")", 6, true)).score());
    }
    assertEquals(4, samples.stream().map(Sample::references).distinct().count());
    Sample first = samples.getFirst();
    assertTrue(prompt(first).matches("""
        What is the correct answer to this question: Why,
         so\\?

        Choices:
        \\(A\\) \\w+
        \\(B\\) \\w+
        \\(C\\) \\w+
        \\(D\\) \\w+

        Format your response as follows: "The correct answer is \\(insert answer here\\)\""""));
    assertEquals("Physics", first.labels().get("domain"));
    assertEquals(samples.stream().map(Sample::references).toList(),
        task.samples(Counting.words(1, 40, 9)).stream().map(Sample::references).toList());
  }

  @Test
  void gpqa_refusesARecordWithoutAnAnswer() throws IOException {
    assertRefused(task("gpqa", "gpqa_diamond.csv", GPQA_HEADER + "r1,Q,a,b,c,d,P\nr2,Q,,b,c,d,P\n"),
        "gpqa_diamond.csv, line 3: \"Correct Answer\" is empty");
    assertRefused(task("gpqa", "gpqa_diamond.csv", "Record ID,Question\nr1,Q\n"),
        "line 2: \"Correct Answer\" is missing");
  }

  private static String item(String id, String context) {
    return """
        {"_id":"%s","domain":"Code","sub_domain":"Repo","difficulty":"hard","length":"short",
         "question":"Which? ","choice_A":"one","choice_B":"two","choice_C":"three","choice_D":"four",
         "answer":"C","context":"%s"}"""
        .formatted(id, context);
  }

  private static String words(int count) {
    return IntStream.range(0, count).mapToObj(i -> "w" + i).collect(Collectors.joining(" "));
  }

  @Test
  void longBench_asksInThePublishedWords() throws IOException {
    Task task = task("longbench-v2", "data.json", "[" + item("x", "Some text.") + "]");
    Sample sample = task.samples(Counting.words(1000, 5, 1)).getFirst();
    assertEquals("""
        Please read the following text and answer the question below.

        <text>
        Some text.
        </text>

        What is the correct answer to this question: Which?
        Choices:
        (A) one
        (B) two
        (C) three
        (D) four

        Format your response as follows: "The correct answer is (insert answer here)".""",
        prompt(sample));
    assertTrue(prompt(sample).endsWith(sample.question()));
    assertEquals(128, sample.maxTokens());
    assertEquals(0.1, sample.sampling().temperature());
    assertEquals("hard", sample.labels().get("difficulty"));
    assertEquals("short", sample.labels().get("length"));
    assertEquals("no", sample.labels().get("cut"));
    assertEquals(1,
        task.grade(sample, new Answer("The correct answer is **(C)**", 6, true)).score());
  }

  @Test
  void longBench_cutsTheMiddle() throws IOException {
    Task task = task("longbench-v2", "data.json",
        "[" + item("long", words(5000)) + "," + item("short", "few words") + "]");
    SampleRequest request = Counting.words(1000, 5, 1);
    List<Sample> samples = task.samples(request);
    Sample cut = samples.getFirst();
    int tokens = Counting.words(cut) + cut.maxTokens();
    assertTrue(tokens <= 1000 && tokens > 970, tokens + " tokens");
    assertTrue(
        prompt(cut).contains("<text>\nw0 w1 w2 ") && prompt(cut).contains(" w4999\n</text>"));
    List<String> words = List.of(prompt(cut).split("\\s+"));
    int head = (int) words.stream().takeWhile(word -> !word.matches("w[34]\\d{3}")).count();
    assertTrue(!words.contains("w2500") && Math.abs(words.size() - 2 * head) <= 18,
        head + " of " + words.size());
    assertEquals("yes", cut.labels().get("cut"));
    assertEquals("no", samples.getLast().labels().get("cut"));
    assertRefused(task("longbench-v2", "data.json", "[" + item("x", words(5000)) + "]"), 170,
        "question of item x needs more than half");
  }

  private static void assertRefused(Task task, int length, String part) {
    InputException refused = assertThrows(InputException.class,
        () -> task.samples(Counting.words(length, 10, 1)));
    assertTrue(refused.toString().contains(part), refused.toString());
  }

  @Test
  void longBench_refusesWhatIsMissing() throws IOException {
    assertRefused(
        task("longbench-v2", "data.json",
            "[" + item("x", "t") + "," + item("y", "t").replace("choice_B", "b") + "]"),
        "data.json, item 2 (line 3): \"choice_B\" is missing");
    assertRefused(task("longbench-v2", "data.json",
        "[" + item("x", "t").replace("\"C\"", "\"E\"") + "]"), "expected A, B, C or D");
    assertRefused(
        task("longbench-v2", "data.json", "[" + item("x", "t") + ",\n" + item("x", "u") + "]"),
        "data.json, item 2 (line 4): \"_id\" is x, expected one that no item before has");
    assertRefused(task("longbench-v2", "data.json", "[]"), "data.json has no items");
  }

  @Test
  void middleCut_keepsAsManyTokensOfBothEnds_andNoHalfCharacters() {
    String text = "\ud83d\ude00".repeat(5_000);
    String cut = MiddleCut.of(text, 3_000, String::length);
    assertTrue(cut.length() <= 3_000 && cut.length() > 2_980, cut.length() + " units");
    assertEquals(cut.length() / 2, cut.codePointCount(0, cut.length()));
  }
}
