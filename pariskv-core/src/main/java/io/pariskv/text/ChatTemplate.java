package io.pariskv.text;

import io.pariskv.error.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Turns chat messages into the one text that a model was trained to continue.
 *
 * <p>The template comes from {@code chat_template.jinja} of the model directory or, without that file,
 * from {@code chat_template} of {@code tokenizer_config.json} (of several named ones, the one named
 * {@code default}). Some models have another one, {@code tool_use}, for conversations with functions: in that list, or in {@code
 * additional_chat_templates} beside the file; it is taken where {@code tools} are given. The template sees {@code messages}, {@code add_generation_prompt}, the special tokens of
 * {@code tokenizer_config.json} as {@code bos_token}, {@code eos_token} and so on, and {@code tools}
 * and {@code documents} as none.
 *
 * <p>The text has its special tokens in it: encode it by {@link Tokenizer#encode}, which adds none.
 * Thread-safe.
 */
public final class ChatTemplate {
  private static final String CONFIG = "tokenizer_config.json";
  private static final String FILE = "chat_template.jinja";
  private static final String DEFAULT = "default";
  private static final String TOOL_USE = "tool_use";
  private static final String TOOL_USE_FILE = "additional_chat_templates/tool_use.jinja";
  private static final int MAX_CONFIG_BYTES = 16 << 20;
  private static final int MAX_TEMPLATE_BYTES = 1 << 20;
  private static final List<String> TOKENS = List.of("bos_token", "eos_token", "unk_token",
      "sep_token", "pad_token", "cls_token", "mask_token");

  private final TemplateEngine.Template template;
  private final TemplateEngine.Template withTools;
  private final Map<String, String> specialTokens;

  private ChatTemplate(TemplateEngine.Template template,
      TemplateEngine.@Nullable Template withTools,
      Map<String, String> specialTokens) {
    this.template = template;
    this.withTools = withTools == null ? template : withTools;
    this.specialTokens = specialTokens;
  }

  /**
   * Reads the chat template of a model.
   *
   * @throws InputException if the model has none, or its files cannot be used
   */
  public static ChatTemplate load(Path modelDirectory, TemplateEngine engine) {
    Path configFile = modelDirectory.resolve(CONFIG);
    Path templateFile = modelDirectory.resolve(FILE);
    boolean separate = Files.exists(templateFile);
    if (!Files.exists(configFile) && !separate) {
      throw none(modelDirectory, "neither " + FILE + " nor " + CONFIG);
    }
    JsonNode config = Files.exists(configFile)
        ? BoundedJson.readObject(configFile, MAX_CONFIG_BYTES)
        : BoundedJson.MAPPER.createObjectNode();
    Map<String, String> specialTokens = specialTokens(configFile, config);
    if (separate) {
      Path tools = modelDirectory.resolve(TOOL_USE_FILE);
      return new ChatTemplate(
          engine.parse(templateFile.toString(),
              BoundedJson.readText(templateFile, MAX_TEMPLATE_BYTES)),
          Files.exists(tools)
              ? forTools(engine, tools.toString(), BoundedJson.readText(tools, MAX_TEMPLATE_BYTES))
              : null,
          specialTokens);
    }
    Map<String, String> sources = sources(modelDirectory, configFile, config.path("chat_template"));
    String tools = sources.get(TOOL_USE);
    return new ChatTemplate(
        engine.parse(configFile + " chat_template", sources.getOrDefault(DEFAULT, "")),
        tools == null ? null : forTools(engine, configFile + " chat_template " + TOOL_USE, tools),
        specialTokens);
  }

  /** Refused only where it is used: without it the model can still chat. */
  private static TemplateEngine.Template forTools(TemplateEngine engine, String name,
      String source) {
    try {
      return engine.parse(name, source);
    } catch (InputException e) {
      return variables -> {
        throw e;
      };
    }
  }

  /**
   * The prompt for a conversation.
   *
   * @param addGenerationPrompt whether the text ends where the model's answer begins
   * @throws InputException if the template refuses the messages
   */
  public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
    return render(messages, addGenerationPrompt, Map.of());
  }

  /**
   * As above, with variables of a model's own, such as {@code enable_thinking}.
   *
   * @param extra may replace special tokens, but not the messages or the generation prompt
   */
  public String render(List<ChatMessage> messages, boolean addGenerationPrompt,
      Map<String, ? extends @Nullable Object> extra) {
    return renderMessages(
        messages.stream().map(m -> Map.of("role", m.role(), "content", m.content())).toList(),
        addGenerationPrompt, extra);
  }

  /**
   * As above, for messages with more than a role and a content, such as {@code tool_calls}: what the template knows of them
   * is up to it.
   *
   * @param messages strings, booleans, numbers, null, and lists and maps of these, by name
   */
  public String renderMessages(List<? extends Map<String, ? extends @Nullable Object>> messages,
      boolean addGenerationPrompt, Map<String, ? extends @Nullable Object> extra) {
    Map<String, @Nullable Object> variables = new LinkedHashMap<>(specialTokens);
    variables.put("tools", null);
    variables.put("documents", null);
    variables.putAll(extra);
    variables.put("messages", messages);
    variables.put("add_generation_prompt", addGenerationPrompt);
    return (variables.get("tools") == null ? template : withTools).render(variables);
  }

  /** The templates by name: {@value #DEFAULT}, and what else there is. */
  private static Map<String, String> sources(Path modelDirectory, Path file, JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      throw none(modelDirectory, "no chat_template in " + CONFIG + " and no " + FILE);
    }
    if (node.isString()) {
      return Map.of(DEFAULT, bounded(file, node.stringValue()));
    }
    if (!node.isArray()) {
      throw new InputException(file + ": chat_template is " + BoundedJson.kind(node)
          + ", expected a string or a list of {name, template}; use --raw to go without it");
    }
    Map<String, String> sources = new LinkedHashMap<>();
    List<String> names = new ArrayList<>();
    for (JsonNode entry : node) {
      String name = entry.path("name").asString("");
      if (entry.path("template").isString()) {
        sources.put(name, bounded(file, entry.path("template").stringValue()));
      }
      names.add(BoundedJson.abbreviate(name));
    }
    if (!sources.containsKey(DEFAULT)) {
      throw new InputException(file + ": chat_template has no template named \"default\", only "
          + names.subList(0, Math.min(8, names.size())) + "; rename one, or use --raw");
    }
    return sources;
  }

  private static String bounded(Path file, String source) {
    if (source.length() > MAX_TEMPLATE_BYTES) {
      throw new InputException(file + ": chat_template has " + source.length()
          + " characters, expected at most " + MAX_TEMPLATE_BYTES + "; use --raw to go without it");
    }
    return source;
  }

  /** A special token is its text, or an object with its text as {@code content}. */
  private static Map<String, String> specialTokens(Path file, JsonNode config) {
    Map<String, String> tokens = new LinkedHashMap<>();
    for (String name : TOKENS) {
      JsonNode value = config.path(name);
      JsonNode text = value.isObject() ? value.path("content") : value;
      if (text.isString()) {
        tokens.put(name, text.stringValue());
      } else if (!value.isMissingNode() && !value.isNull()) {
        throw new InputException(file + ": " + name + " is " + BoundedJson.kind(value)
            + ", expected a string or an object with content; correct it");
      }
    }
    return Map.copyOf(tokens);
  }

  private static InputException none(Path modelDirectory, String what) {
    return new InputException(modelDirectory + " has no chat template (" + what
        + "); use --raw to give the prompt as it is");
  }
}
