package io.pariskv.langchain4j.snippets;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.model.chat.response.ChatResponse;
import io.pariskv.langchain4j.testing.TestModels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The examples of docs/java.md do what it says, and are in it as they are here and in the core's Javadoc. */
class JavaDocumentTest {
  private static final Pattern REGION = Pattern
      .compile("(?s)\\R *// @start region=\"\\w+\"\\R(.*?\\R) *// @end\\R");
  private static final Pattern BLOCK = Pattern.compile("(?s)\\R```java\\R(.*?)```\\R");
  private static final String QUESTION = "A fox asked the plum . The secret number of the hidden "
      + "canyon is 4711 . What is the secret number of the hidden canyon ?";
  private static final String ANSWER = " The secret number of the hidden canyon is 4711 .";

  @Test
  void chatModels_answer() {
    assertEquals(ANSWER, ChatModels.answer(TestModels.RECALL, QUESTION));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ChatResponse response = ChatModels.stream(TestModels.RECALL, QUESTION,
        new PrintStream(out, true, StandardCharsets.UTF_8));
    assertEquals(ANSWER, response.aiMessage().text());
    String printed = out.toString(StandardCharsets.UTF_8);
    assertTrue(printed.startsWith("0 of ") && printed.endsWith(ANSWER), printed);
  }

  @Test
  void document_holdsTheExamplesLineByLine() throws IOException {
    Path root = TestModels.RECALL.resolve("../..").normalize();
    List<String> examples = new ArrayList<>();
    for (String file : List.of("pariskv-core/src/test/java/io/pariskv/snippets/LoadAndAnswer",
        "pariskv-core/src/test/java/io/pariskv/snippets/Cancel",
        "pariskv-core/src/test/java/io/pariskv/snippets/Constrain",
        "pariskv-core/src/test/java/io/pariskv/snippets/ManyAtOnce",
        "pariskv-langchain4j/src/test/java/io/pariskv/langchain4j/snippets/ChatModels")) {
      REGION.matcher(Files.readString(root.resolve(file + ".java"))).results()
          .forEach(match -> examples.add(match.group(1).stripTrailing().stripIndent() + "\n"));
    }
    assertEquals(6, examples.size());
    List<String> blocks = BLOCK.matcher(Files.readString(root.resolve("docs/java.md"))).results()
        .map(match -> match.group(1)).toList();
    assertEquals(examples, blocks);
  }
}
