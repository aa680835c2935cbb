package io.pariskv.eval.ruler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Sample;
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

/** The user's files take the place of our own texts, and samples say so. */
class RulerDataTest {
  private static final String SQUAD = """
      {"version":"v2.0","data":[{"title":"T","paragraphs":[
        {"context":"First paragraph.","qas":[
          {"question":"Never?","id":"1","answers":[],"is_impossible":true},
          {"question":"Which?","id":"2","answers":[{"text":"First","answer_start":0},{"text":"First","answer_start":0}],
           "is_impossible":false}]},
        {"context":"Second paragraph.","qas":[]}]},
       {"title":"U","paragraphs":[{"context":"Third paragraph.","qas":[
          {"question":"What?","id":"3","answers":[{"text":"Third","answer_start":0}],"is_impossible":false}]}]}]}
      """;

  @TempDir
  Path directory = Path.of("");

  private void file(String name, String text) throws IOException {
    Files.writeString(directory.resolve(name), text);
  }

  private List<Sample> samples(String name, int length, int count) {
    Task task = Ruler.tasks(TaskData.in(directory)).stream()
        .filter(one -> one.name().equals(name)).findFirst().orElseThrow();
    return task.samples(Counting.words(length, count, 1));
  }

  private Sample sample(String name) {
    return samples(name, 4096, 1).getFirst();
  }

  private static String prompt(Sample sample) {
    return sample.messages().getFirst().content();
  }

  private void assertRefused(String task, String part) {
    InputException refused = assertThrows(InputException.class, () -> sample(task));
    assertTrue(refused.toString().contains(part), refused.toString());
  }

  @Test
  void essays_areTheFirstWords_repeatedWhereTheyEnd() throws IOException {
    file("PaulGrahamEssays.json", "{\"text\": \"Start  here.\\nGo on. End there.\"}");
    Sample sample = sample("niah_single_2");
    assertEquals("PaulGrahamEssays.json, own", sample.labels().get("data"));
    String text = prompt(sample).replaceFirst("One of the special [^.]*\\. ", "");
    assertTrue(text.contains("Start here. Go on. End there. Start here. Go on."), text);
    assertEquals("own", sample("niah_single_1").labels().get("data"));
  }

  @Test
  void plainTextEssays_areRead_andEmptyOnesRefused() throws IOException {
    file("PaulGrahamEssays.txt", "Only this.");
    assertTrue(prompt(sample("niah_single_3")).contains("Only this. Only this."));
    file("PaulGrahamEssays.txt", " \n");
    assertRefused("niah_single_2", "PaulGrahamEssays.txt has no words");
    file("PaulGrahamEssays.json", "{}");
    assertRefused("niah_single_2", "keep one of them");
  }

  @Test
  void wordLists_giveKeys() throws IOException {
    file("nounlist.txt", "dog\ncat\n");
    assertRefused("niah_single_1", "adjectivelist.txt, which is not in");
    file("adjectivelist.txt", "big\n\nold\n");
    file("verblist.txt", "run\n");
    Sample sample = sample("niah_single_1");
    assertEquals("wonderwords", sample.labels().get("data"));
    assertTrue(sample.question().matches(".* for (big|old)-(dog|cat) mentioned .*"));
    assertRefused("niah_multikey_2", "give only 4 pairs of adjective and noun");
  }

  @Test
  void englishWords_areTheLongerList() throws IOException {
    file("english_words.json",
        IntStream.range(0, 9000).mapToObj(i -> "\"" + i + "\":\"word" + i + "\"")
            .collect(Collectors.joining(",", "{", "}")));
    Sample sample = samples("cwe", 40_000, 1).getFirst();
    assertEquals("english_words.json, own", sample.labels().get("data"));
    assertTrue(sample.references().stream().allMatch(word -> word.startsWith("word")));
    assertEquals("own", samples("cwe", 4096, 1).getFirst().labels().get("data"));
  }

  @Test
  void squad_givesItsAnswerableQuestionsInOrder() throws IOException {
    file("squad.json", SQUAD);
    List<Sample> samples = samples("qa_1", 4096, 9);
    assertEquals(List.of("Question: Which?", "Question: What?"),
        samples.stream().map(Sample::question).toList());
    assertEquals(List.of("First"), samples.getFirst().references());
    assertEquals("squad.json", samples.getFirst().labels().get("data"));
    for (String document : List.of("First", "Second", "Third")) {
      assertTrue(prompt(samples.getFirst()).contains(document + " paragraph.\n\n"));
    }
  }

  @Test
  void squad_takesParagraphsOfTheArticleFirst() throws IOException {
    file("squad.json", SQUAD);
    int fixed = Counting.words(sample("qa_1")) - 3;
    String prompt = prompt(samples("qa_1", fixed + 32, 1).getFirst());
    assertTrue(prompt.contains("Second paragraph.") && !prompt.contains("Third paragraph."),
        prompt);
  }

  @Test
  void squad_namesWhatIsMissing() throws IOException {
    file("squad.json", SQUAD.replace("\"question\":\"What?\"", "\"q\":1"));
    assertRefused("qa_1",
        "squad.json, top level, data[1], paragraphs[0], qas[0]: \"question\" is missing");
    file("squad.json", SQUAD.replace("\"is_impossible\":false", "\"is_impossible\":true"));
    assertRefused("qa_1", "squad.json has no questions");
  }

  @Test
  void hotpot_givesTheDocumentsOfTheQuestion() throws IOException {
    file("hotpotqa.json",
        """
            [{"_id":"a","question":"Who?","answer":"Ann","context":[["Ann",["Ann is."," She was."]],["Bob",["Bob is."]]]},
             {"_id":"b","question":"Why?","answer":"rain","context":[["Sky",["It rains."]],["Bob",["Bob is."]]]}]
            """);
    Sample sample = sample("qa_2");
    assertEquals("Question: Who?", sample.question());
    assertEquals("hotpotqa.json", sample.labels().get("data"));
    assertTrue(prompt(sample).contains(":\nAnn\nAnn is. She was.\n\n"));
    file("hotpotqa.json", "[{\"question\":\"Who?\",\"answer\":\"Ann\",\"context\":[[\"Ann\"]]}]");
    assertRefused("qa_2", "hotpotqa.json, item 1 (line 1), context[0]: this has 1 parts");
  }

  @Test
  void ownTexts_areLargeEnoughAndClean() {
    String prose = OwnProse.text();
    assertTrue(prose.split(" ").length > 300_000);
    assertFalse(prose.contains("  ") || prose.contains("{") || prose.contains(" a old"));
    assertEquals(prose, OwnProse.text());
    for (QuestionSet set : List.of(OwnArticles.oneHop(), OwnArticles.twoHops())) {
      assertEquals(set.documents().size(), new HashSet<>(set.documents()).size());
      assertEquals(2_500, set.questions().size());
      for (QuestionSet.Question question : set.questions()) {
        String answer = question.answers().getFirst();
        assertTrue(question.gold().stream().anyMatch(i -> set.documents().get(i).contains(answer)));
        assertTrue(question.related().stream().noneMatch(question.gold()::contains));
      }
    }
  }
}
