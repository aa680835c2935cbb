package io.pariskv.eval.ruler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.Sample;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.Counting;
import io.pariskv.eval.data.TaskData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The wording is NVIDIA's to the letter, and contexts are built as there. */
class TemplatesTest {
  private static final List<Task> TASKS = Ruler.tasks(TaskData.NONE);
  private static final String NOISE_LINE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
  private static final Pattern NEEDLE = Pattern
      .compile("One of the special magic (numbers|uuids) for (\\S+) is: (\\S+)\\.");

  private static Sample sample(String name, int length) {
    Task task = TASKS.stream().filter(one -> one.name().equals(name))
        .findFirst().orElseThrow();
    return task.samples(Counting.words(length, 2, 7)).getLast();
  }

  private static String prompt(Sample sample) {
    return sample.messages().getFirst().content();
  }

  private static Map<String, List<String>> needles(String text) {
    Map<String, List<String>> needles = new HashMap<>();
    Matcher matcher = NEEDLE.matcher(text);
    while (matcher.find()) {
      needles.computeIfAbsent(matcher.group(2), key -> new ArrayList<>()).add(matcher.group(3));
    }
    return needles;
  }

  @Test
  void oneNeedle_isAskedForInTheSingular() {
    Sample sample = sample("niah_single_1", 4096);
    Map<String, List<String>> needles = needles(prompt(sample));
    assertEquals(1, needles.size());
    String key = needles.keySet().iterator().next();
    assertEquals(List.of(sample.references()), List.copyOf(needles.values()));
    assertTrue(key.matches("[a-z]+-[a-z]+"), key);
    assertTrue(sample.references().getFirst().matches("[1-9]\\d{6}"));
    assertTrue(
        prompt(sample).startsWith("A special magic number is hidden within the following text."
            + " Make sure to memorize it. I will quiz you about the number afterwards.\n"));
    assertTrue(prompt(sample).endsWith("\nWhat is the special magic number for " + key
        + " mentioned in the provided text?"));
    assertEquals(
        " The special magic number for " + key + " mentioned in the provided text is",
        sample.answerPrefix());
    assertTrue(prompt(sample).lines().skip(1).filter(line -> line.startsWith("The grass"))
        .allMatch(NOISE_LINE::equals));
  }

  @Test
  void severalAnswers_areAskedForInThePlural() {
    Sample sample = sample("niah_multiquery", 4096);
    Map<String, List<String>> needles = needles(prompt(sample));
    assertEquals(4, needles.size());
    assertEquals(4, sample.references().size());
    List<String> asked = sample.references().stream()
        .map(value -> needles.keySet().stream()
            .filter(key -> needles.getOrDefault(key, List.of()).contains(value)).findFirst()
            .orElseThrow())
        .toList();
    String query = "%s, %s, %s, and %s".formatted(asked.toArray());
    assertTrue(
        prompt(sample).startsWith("Some special magic numbers are hidden within the following"
            + " text. Make sure to memorize it. I will quiz you about the numbers afterwards.\n"));
    assertTrue(prompt(sample).endsWith("\nWhat are all the special magic numbers for " + query
        + " mentioned in the provided text?"));
    assertEquals(
        " The special magic numbers for " + query + " mentioned in the provided text are",
        sample.answerPrefix());
  }

  @Test
  void needlesAreAsManyAsTheParametersSay() {
    assertEquals(4, needles(prompt(sample("niah_multikey_1", 4096))).size());
    assertEquals(1, sample("niah_multikey_1", 4096).references().size());
    Map<String, List<String>> values = needles(prompt(sample("niah_multivalue", 4096)));
    assertEquals(1, values.size());
    assertEquals(4, values.values().iterator().next().size());
    Sample distracted = sample("niah_multikey_2", 4096);
    long lines = prompt(distracted).lines().count() - 2;
    assertEquals(lines, needles(prompt(distracted)).size());
    assertTrue(lines > 300);
  }

  @Test
  void uuids_areOfVersionFour() {
    String uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    needles(prompt(sample("niah_multikey_3", 4096))).forEach((key, values) -> {
      assertTrue(key.matches(uuid), key);
      assertTrue(values.getFirst().matches(uuid), values.getFirst());
    });
  }

  @Test
  void depths_areWhereTheNeedlesAre() {
    Sample one = sample("niah_single_2", 8192);
    double depth = 100 * (Double) one.labels().getOrDefault("depth", -1.0);
    int at = 100 * prompt(one).indexOf("One of the special") / prompt(one).length();
    assertTrue(Math.abs(depth - at) <= 5, depth + " but found at " + at);
    Sample four = sample("niah_multivalue", 8192);
    assertEquals(4, four.labels().getOrDefault("depths", "").toString().split(" ").length);
    assertTrue(!four.labels().containsKey("depth"));
  }

  @Test
  void variables_followAnExampleWithNamesOfItsOwn() {
    Sample sample = sample("vt", 4096);
    String task = "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n";
    String[] parts = prompt(sample).split(Pattern.quote(task), -1);
    assertEquals(3, parts.length);
    assertEquals("", parts[0]);
    Matcher example = Pattern.compile("Question: Find all variables that are assigned the value"
        + " (\\d{5}) in the text above. Answer: According to the chain\\(s\\) of variable assignment"
        + " in the text above, 5 variables are assigned the value \\1, they are:  ([A-Z]{3}"
        + " [A-Z]{3} [A-Z]{3} [A-Z]{3} [A-Z]{3})\n\n").matcher(parts[1]);
    assertTrue(example.find() && example.end() == parts[1].length(), parts[1]);
    assertTrue(parts[1].split("\\s+").length <= 500);
    List<String> statements = parts[2].lines().filter(line -> line.startsWith("VAR ")).toList();
    List<String> names = sample.references();
    assertEquals(5, names.size());
    assertTrue(statements.getFirst().matches("VAR " + names.getFirst() + " = \\d{5}"));
    String value = statements.getFirst().substring(12);
    for (int i = 1; i < 5; i++) {
      assertEquals("VAR " + names.get(i) + " = VAR " + names.get(i - 1) + " ", statements.get(i));
    }
    assertEquals("Question: Find all variables that are assigned the value " + value
        + " in the text above.", sample.question());
    assertEquals(" Answer: According to the chain(s) of variable assignment in the text above, 5"
        + " variables are assigned the value " + value + ", they are: ", sample.answerPrefix());
  }

  @Test
  void commonWords_appearTenTimesAsOften() {
    Sample sample = sample("cwe", 8192);
    String task = "Below is a numbered list of words. In these words, some appear more often than others."
        + " Memorize the ones that appear most often.\n";
    String question = "Question: What are the 10 most common words in the above list?";
    String prefix = " Answer: The top 10 words that appear most often in the list are:";
    String[] parts = prompt(sample).split(Pattern.quote(task), -1);
    assertEquals(3, parts.length);
    assertTrue(parts[1].contains("\n" + question + prefix + "1. "));
    assertTrue(parts[1].matches("(?s).* 10\\. [a-z]+\n"));
    assertEquals(question, sample.question());
    assertEquals(prefix, sample.answerPrefix());
    Map<String, Integer> counts = counts(
        parts[2].lines().findFirst().orElseThrow().replaceAll("\\d+\\. ", ""));
    assertEquals(10, sample.references().size());
    counts.forEach((word, count) -> assertEquals(sample.references().contains(word) ? 30 : 3,
        count, word));
  }

  @Test
  void commonWords_areFewerAtShortLengths() {
    Sample sample = sample("cwe", 2048);
    String list = prompt(sample).lines().skip(4).findFirst().orElseThrow();
    counts(list.replaceAll("\\d+\\. ", "")).forEach(
        (word, count) -> assertEquals(sample.references().contains(word) ? 6 : 1, count, word));
  }

  @Test
  void commonWords_comeFromTheLongerListWhereTheShorterIsNotEnough() {
    Sample sample = sample("cwe", 40_000);
    assertTrue(counts(prompt(sample)).size() > 3000);
    assertEquals(10, sample.references().size());
  }

  @Test
  void frequentWords_areTheSecondToTheFourth() {
    Sample sample = sample("fwe", 4096);
    String start = "Read the following coded text and track the frequency of each coded word. Find the"
        + " three most frequently appeared coded words. ";
    String question = "Question: Do not provide any explanation. Please ignore the dots '....'. What are"
        + " the three most frequently appeared words in the above coded text?";
    assertTrue(prompt(sample).startsWith(start) && prompt(sample).endsWith("\n" + question));
    assertEquals(" Answer: According to the coded text above, the three most frequently appeared"
        + " words are:", sample.answerPrefix());
    Map<String, Integer> counts = counts(
        prompt(sample).lines().findFirst().orElseThrow().substring(start.length()));
    List<String> ranked = counts.entrySet().stream()
        .sorted(Map.Entry.<String, Integer>comparingByValue().reversed()).map(Map.Entry::getKey)
        .toList();
    assertEquals("...", ranked.getFirst());
    assertEquals(sample.references(), ranked.subList(1, 4));
    assertTrue(sample.references().stream().allMatch(word -> word.matches("[a-z]{6}")));
    int dots = counts.getOrDefault("...", 0);
    int second = counts.getOrDefault(ranked.get(1), 0);
    assertTrue(Math.abs(dots / 4 - second) <= 1, dots + " dots, " + second);
  }

  @Test
  void questions_standUnderNumberedDocuments() {
    String instruction = "Answer the question based on the given documents. Only give me the answer and do"
        + " not output any other words.\n\n";
    for (String name : List.of("qa_1", "qa_2")) {
      Sample sample = sample(name, 4096);
      assertTrue(prompt(sample).startsWith(
          instruction + "The following are given documents.\n\nDocument 1:\n"));
      assertTrue(prompt(sample).endsWith("\n\n" + instruction + sample.question()));
      assertTrue(sample.question().startsWith("Question: "));
      assertEquals(" Answer:", sample.answerPrefix());
      List<String> documents = new ArrayList<>(
          Arrays.asList(prompt(sample).split("(?:^|\n\n)Document \\d+:\n")));
      assertTrue(documents.size() > 20);
      assertTrue(Collections.frequency(documents, documents.get(5)) == 1);
    }
  }

  private static Map<String, Integer> counts(String words) {
    Map<String, Integer> counts = new HashMap<>();
    for (String word : words.strip().split("\\s+")) {
      counts.merge(word, 1, Integer::sum);
    }
    return counts;
  }
}
