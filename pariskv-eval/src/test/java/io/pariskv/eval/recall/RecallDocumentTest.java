package io.pariskv.eval.recall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.Models;
import io.pariskv.text.ChatMessage;
import io.pariskv.text.ChatTemplate;
import io.pariskv.text.Tokenizer;
import io.pariskv.text.jinja.JinjaTemplate;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Documents of the bundled model. */
class RecallDocumentTest {
  private static final Pattern LINK = Pattern
      .compile("The path from the (\\w+ \\w+) leads to the (\\w+ \\w+) on foot \\.");
  private static final Pattern QUESTION = Pattern
      .compile("Question : Follow the path from the (\\w+ \\w+) \\.$");

  private static Map<String, String> links(String text) {
    Map<String, String> links = new HashMap<>();
    Matcher matcher = LINK.matcher(text);
    while (matcher.find()) {
      assertEquals(null, links.put(matcher.group(1), matcher.group(2)), "two ways from one place");
    }
    return links;
  }

  private static String start(RecallDocument document) {
    Matcher question = QUESTION.matcher(document.text());
    assertTrue(question.find(), document.text().substring(document.text().length() - 80));
    return question.group(1);
  }

  @Test
  void length_isAsAskedToWithinASentence() {
    ChatTemplate template = ChatTemplate.load(Models.RECALL,
        (name, source) -> JinjaTemplate.parse(name, source)::render);
    try (Tokenizer tokenizer = Tokenizer.load(Models.RECALL.resolve("tokenizer.json"))) {
      for (int tokens : IntStream.concat(IntStream.range(300, 330), IntStream.of(600, 1024, 16384,
          50_000)).toArray()) {
        RecallDocument document = RecallDocument.path(tokens, 3, tokens);
        int length = tokenizer.encode(
            template.render(List.of(new ChatMessage("user", document.text())), true)).length;
        assertTrue(Math.abs(length - tokens) < RecallDocument.SENTENCE_TOKENS,
            length + " tokens where " + tokens + " were asked for");
        assertEquals(3 * RecallDocument.SENTENCE_TOKENS,
            tokenizer.encode(document.answerText()).length);
      }
    }
  }

  @Test
  void sameSeed_givesTheSameDocument_anotherSeedAnother() {
    assertEquals(RecallDocument.path(2000, 4, 7), RecallDocument.path(2000, 4, 7));
    assertNotEquals(RecallDocument.path(2000, 4, 7), RecallDocument.path(2000, 4, 8));
  }

  @Test
  void links_formOneCycle_andTheAnswerFollowsIt() {
    for (int seed = 0; seed < 20; seed++) {
      int tokens = 300 + 977 * seed;
      RecallDocument document = RecallDocument.path(tokens, 3, seed);
      Map<String, String> links = links(document.text());
      Set<String> visited = new HashSet<>();
      String place = start(document);
      StringBuilder answer = new StringBuilder();
      while (visited.add(place)) {
        String next = String.valueOf(links.get(place));
        if (visited.size() <= 3) {
          answer.append(" The path from the ").append(place).append(" leads to the ").append(next)
              .append(" on foot .");
        }
        place = next;
      }
      assertEquals(start(document), place, "the cycle closes where it began, seed " + seed);
      assertEquals(links.size(), visited.size(), "all links are on it, seed " + seed);
      assertEquals(answer.toString(), document.answerText());
    }
  }

  @Test
  void rightSentences_countsUntilTheFirstThatIsNot() {
    RecallDocument document = RecallDocument.path(1000, 3, 1);
    String answer = document.answerText();
    int first = answer.indexOf(" .") + 2;
    int second = answer.indexOf(" .", first) + 2;
    assertEquals(3, document.rightSentences(answer));
    assertEquals(3, document.rightSentences(answer + " The path from"));
    assertEquals(2, document.rightSentences(answer.substring(0, answer.length() - 1)));
    assertEquals(2, document.rightSentences(answer.substring(0, second)));
    assertEquals(1, document.rightSentences(answer.substring(0, first) + answer.substring(0, first)
        + answer.substring(second)));
    assertEquals(0, document.rightSentences(""));
    assertEquals(0, document.rightSentences("x" + answer));
  }

  @Test
  void millionTokens_haveEnoughPlaces() {
    RecallDocument document = RecallDocument.path(1_000_000, 100, 1);
    Map<String, String> links = links(document.text());
    assertEquals(1_000_000 / (10.0 * RecallDocument.SENTENCE_TOKENS), links.size(), 10);
    assertEquals(links.size(), new HashSet<>(links.values()).size());
  }

  @Test
  void tooShort_isRefusedWithBothNumbers() {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
        () -> RecallDocument.path(100, 50, 1));
    assertTrue(String.valueOf(e.getMessage()).contains("100")
        && String.valueOf(e.getMessage()).contains("50"), e.getMessage());
  }
}
