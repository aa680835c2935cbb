package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplateTest {
  /** Shows what the engine was given. */
  private static final TemplateEngine SHOW = (name, source) -> variables -> source + "|"
      + new TreeMap<>(variables);
  private static final List<ChatMessage> HELLO = List.of(new ChatMessage("user", "Hello"));

  @TempDir
  Path directory = Path.of("");

  @Test
  void templateString_isGivenMessagesAndSpecialTokens() throws IOException {
    config(
        """
            {"chat_template": "T", "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
             "unk_token": null, "model_max_length": 1e30}""");
    String text = ChatTemplate.load(directory, SHOW).render(
        List.of(new ChatMessage("system", "Be brief.")), true);
    assertEquals("T|{add_generation_prompt=true, bos_token=<s>, documents=null, eos_token=</s>, "
        + "messages=[" + Map.of("role", "system", "content", "Be brief.") + "], tools=null}", text);
  }

  @Test
  void namedTemplates_theDefaultIsTaken() throws IOException {
    config(
        """
            {"chat_template": [{"name": "tool_use", "template": "A"}, {"name": "default", "template": "B"}]}""");
    assertTrue(ChatTemplate.load(directory, SHOW).render(HELLO, false).startsWith("B|"));
  }

  @Test
  void toolTemplate_isTakenWhereToolsAreGiven() throws IOException {
    config(
        """
            {"chat_template": [{"name": "tool_use", "template": "A"}, {"name": "default", "template": "B"}]}""");
    Map<String, Object> tools = Map.of("tools", List.of(Map.of("type", "function")));
    ChatTemplate listed = ChatTemplate.load(directory, SHOW);
    assertTrue(listed.render(HELLO, false, tools).startsWith("A|"));
    assertTrue(listed.render(HELLO, false, Map.of("documents", List.of())).startsWith("B|"));

    Files.writeString(directory.resolve("chat_template.jinja"), "J");
    assertTrue(ChatTemplate.load(directory, SHOW).render(HELLO, false, tools).startsWith("J|"));
    Path more = Files.createDirectory(directory.resolve("additional_chat_templates"));
    Files.writeString(more.resolve("tool_use.jinja"), "K");
    ChatTemplate separate = ChatTemplate.load(directory, SHOW);
    assertTrue(separate.render(HELLO, false, tools).startsWith("K|"));
    assertTrue(separate.render(HELLO, false).startsWith("J|"));
  }

  @Test
  void toolTemplateThatCannotBeUsed_isRefusedOnlyForTools() throws IOException {
    config(
        """
            {"chat_template": [{"name": "tool_use", "template": "{% nope"}, {"name": "default", "template": "B"}]}""");
    TemplateEngine picky = (name, source) -> {
      if (source.startsWith("{%")) {
        throw new InputException(name + ": bad");
      }
      return SHOW.parse(name, source);
    };
    ChatTemplate template = ChatTemplate.load(directory, picky);
    assertTrue(template.render(HELLO, false).startsWith("B|"));
    assertTrue(assertThrows(InputException.class,
        () -> template.render(HELLO, false, Map.of("tools", List.of()))).toString()
        .contains("tool_use"));
  }

  @Test
  void separateFile_wins_evenWithoutConfiguration() throws IOException {
    Files.writeString(directory.resolve("chat_template.jinja"), "J");
    assertTrue(ChatTemplate.load(directory, SHOW).render(HELLO, false).startsWith("J|"));
    config("{\"chat_template\": \"T\", \"bos_token\": \"<s>\"}");
    String text = ChatTemplate.load(directory, SHOW).render(HELLO, false);
    assertTrue(text.startsWith("J|") && text.contains("bos_token=<s>"), text);
  }

  @Test
  void extraVariables_areSeen_butCannotReplaceTheMessages() throws IOException {
    config("{\"chat_template\": \"T\"}");
    String text = ChatTemplate.load(directory, SHOW)
        .render(HELLO, false, Map.of("enable_thinking", false, "messages", "none"));
    assertTrue(text.contains("enable_thinking=false") && text.contains("Hello"), text);
  }

  @Test
  void noTemplate_isRefusedWithTheWayOut() throws IOException {
    InputException e = assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
    assertTrue(e.toString().contains("--raw"), e.getMessage());
    config("{}");
    e = assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
    assertTrue(e.toString().contains("--raw"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "{", "{\"chat_template\": 3}", "{\"chat_template\": []}",
      "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"T\"}]}",
      "{\"chat_template\": [{\"name\": \"default\"}]}",
      "{\"chat_template\": \"T\", \"bos_token\": 1}",
      "{\"chat_template\": \"T\", \"chat_template\": \"U\"}",
      "{\"chat_template\": \"T\", \"eos_token\": {\"content\": []}}", "\"\\ud800", "{} {}"})
  void badConfiguration_isRefusedInOneLineThatNamesTheFile(String text) throws IOException {
    config(text);
    InputException e = assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
    assertTrue(e.toString().contains(directory.toString()), e.getMessage());
    assertEquals(1, e.toString().lines().count(), e.getMessage());
  }

  @Test
  void deepAndLongFiles_areRefused() throws IOException {
    config("{\"a\": " + "[".repeat(100_000) + "]".repeat(100_000) + "}");
    assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
    config("{\"chat_template\": \"" + "x".repeat(2 << 20) + "\"}");
    assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
    Files.writeString(directory.resolve("chat_template.jinja"), "x".repeat(2 << 20));
    assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
    Files.write(directory.resolve("chat_template.jinja"), new byte[]{'a', (byte) 0xFF});
    assertThrows(InputException.class, () -> ChatTemplate.load(directory, SHOW));
  }

  @Test
  void bundledModel_hasATemplate() {
    String text = ChatTemplate.load(Fixtures.RECALL_MODEL, SHOW).render(HELLO, true);
    assertTrue(text.contains("<|im_start|>") && text.contains("eos_token=<|im_end|>"), text);
  }

  @Test
  void messageWithoutRole_isRefused() {
    assertThrows(InputException.class, () -> new ChatMessage("", "Hello"));
  }

  private void config(String text) throws IOException {
    Files.writeString(directory.resolve("tokenizer_config.json"), text);
  }
}
