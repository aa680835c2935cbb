package io.pariskv.text.jinja;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Objects;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The golden files that {@code src/test/python/make_jinja_goldens.py} writes. */
final class Goldens {
  /** The time the generator takes for now. */
  static final Clock CLOCK = Clock.fixed(Instant.parse("2025-03-07T09:05:02.000041Z"),
      ZoneOffset.UTC);
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private Goldens() {
  }

  static JsonNode read(String file) {
    return MAPPER.readTree(text(file));
  }

  static Map<String, Object> variables(JsonNode node) {
    return MAPPER.convertValue(node, new TypeReference<Map<String, Object>>() {
    });
  }

  /** A template of the conversations, by the name the golden file calls it. */
  static String template(String file) {
    if (!file.equals("tokenizer_config.json")) {
      return text("templates/" + file);
    }
    Path config = Path.of(System.getProperty("project.root", ".."), "models", "recall-12m", file);
    try {
      return MAPPER.readTree(Files.readString(config)).get("chat_template").stringValue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static JinjaTemplate parse(String name, String source) {
    return JinjaTemplate.parse(name, source, JinjaLimits.DEFAULT, CLOCK);
  }

  private static String text(String file) {
    try (InputStream in = Objects
        .requireNonNull(Goldens.class.getResourceAsStream("/jinja/" + file), file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
