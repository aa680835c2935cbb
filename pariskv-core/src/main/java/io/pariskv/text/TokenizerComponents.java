package io.pariskv.text;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.NullNode;

/**
 * Checks the four processing steps of a {@code tokenizer.json}: normalizer, pre-tokenizer,
 * post-processor and decoder. Accepts the kinds that Llama, Mistral and Qwen models use, with
 * parameters that cannot make text grow without bound or the native tokenizer fail.
 */
final class TokenizerComponents {
  private static final int MAX_STEPS = 8;
  private static final int MAX_SPECIALS = 16;

  private final Path file;
  private final int vocabularySize;
  private final List<DecoderStep> decoderSteps = new ArrayList<>();
  private int byteLevels;

  TokenizerComponents(Path file, int vocabularySize) {
    this.file = file;
    this.vocabularySize = vocabularySize;
  }

  JsonNode normalizer(JsonNode node) {
    return steps(node, "normalizer", "normalizers", (step, where) -> {
      switch (type(step)) {
        case "NFC", "NFD", "NFKC", "NFKD", "Lowercase" -> {
        }
        case "Prepend" -> text(step, where, "prepend", MAX_STEPS);
        case "Strip" -> {
          flag(step, where, "strip_left");
          flag(step, where, "strip_right");
        }
        case "Replace" -> replacement(step, where);
        default -> unsupported(step, where,
            "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Strip, Replace, Sequence");
      }
    });
  }

  JsonNode preTokenizer(JsonNode node) {
    byteLevels = 0;
    return steps(node, "pre_tokenizer", "pretokenizers", (step, where) -> {
      switch (type(step)) {
        case "ByteLevel" -> byteLevel(step, where);
        case "Split" -> split(step, where);
        case "Digits" -> flag(step, where, "individual_digits");
        case "Metaspace" -> character(step, where, "replacement");
        case "Whitespace", "WhitespaceSplit" -> {
        }
        default -> unsupported(step, where,
            "ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit, Sequence");
      }
    });
  }

  JsonNode postProcessor(JsonNode node) {
    byteLevels = 0;
    return steps(node, "post_processor", "processors", (step, where) -> {
      switch (type(step)) {
        case "ByteLevel" -> byteLevel(step, where);
        case "TemplateProcessing" -> template(step, where);
        default -> unsupported(step, where, "ByteLevel, TemplateProcessing, Sequence");
      }
    });
  }

  JsonNode decoder(JsonNode node) {
    if (absent(node)) {
      decoderSteps.add(new DecoderStep.JoinWithSpaces());
    }
    return steps(node, "decoder", "decoders", (step, where) -> {
      boolean fused = !decoderSteps.isEmpty() && decoderSteps.getLast().fuses();
      switch (type(step)) {
        case "Strip" -> {
          char content = character(step, where, "content");
          int start = count(step, where, "start", MAX_STEPS);
          count(step, where, "stop", 0);
          decoderSteps.add(new DecoderStep.Strip(content, start, fused));
        }
        case "Fuse" -> decoderSteps.add(new DecoderStep.Fuse());
        case String type when fused -> throw new InputException(file + ": " + where + " is "
            + BoundedJson.abbreviate(type)
            + " after tokens were joined, where only Strip is supported; give token ids instead");
        case "ByteLevel" -> {
          byteLevel(step, where);
          decoderSteps.add(new DecoderStep.ByteLevel());
        }
        case "ByteFallback" -> decoderSteps.add(new DecoderStep.ByteFallback());
        case "Replace" -> {
          replacement(step, where);
          decoderSteps
              .add(new DecoderStep.Replace(step.path("pattern").path("String").stringValue(),
                  step.path("content").stringValue()));
        }
        case "Metaspace" -> {
          char space = character(step, where, "replacement");
          boolean prepended = !step.path("prepend_scheme").asString("always").equals("never");
          decoderSteps.add(new DecoderStep.Metaspace(space, prepended));
        }
        default -> unsupported(step, where,
            "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence");
      }
    });
  }

  /** The steps of {@link #decoder}, for {@link TokenDecoder}. */
  List<DecoderStep> decoderSteps() {
    return List.copyOf(decoderSteps);
  }

  /** One step, or the steps of one sequence: sequences within sequences are not in use. */
  private JsonNode steps(JsonNode node, String where, String field,
      BiConsumer<JsonNode, String> check) {
    if (absent(node)) {
      return NullNode.instance;
    }
    require(node.isObject(), where, node, "an object");
    if (!type(node).equals("Sequence")) {
      check.accept(node, where);
      return node;
    }
    JsonNode steps = node.path(field);
    require(steps.isArray() && !steps.isEmpty() && steps.size() <= MAX_STEPS, where + "." + field,
        steps, "an array of 1 to " + MAX_STEPS);
    for (int i = 0; i < steps.size(); i++) {
      check.accept(steps.get(i), where + "." + field + "[" + i + "]");
    }
    return node;
  }

  private void byteLevel(JsonNode step, String where) {
    require(++byteLevels == 1 || where.startsWith("decoder"), where, step, "one ByteLevel only");
    for (String flag : List.of("add_prefix_space", "trim_offsets", "use_regex")) {
      flag(step, where, flag);
    }
  }

  private void split(JsonNode step, String where) {
    JsonNode regex = step.path("pattern").path("Regex");
    if (regex.isString()) {
      if (!WordPatterns.isSafe(regex.stringValue())) {
        throw new InputException(file + ": " + where + ".pattern is not among the word patterns of "
            + "known models and could run without end, so it is not used: "
            + BoundedJson.abbreviate(regex.stringValue()) + "; give token ids instead");
      }
    } else {
      JsonNode text = step.path("pattern").path("String");
      require(text.isString() && !text.stringValue().isEmpty(), where + ".pattern", text,
          "a Regex or a String");
    }
  }

  /** Text may not grow by a replacement: a sequence of them could exhaust all memory. */
  private void replacement(JsonNode step, String where) {
    JsonNode pattern = step.path("pattern").path("String");
    require(pattern.isString() && !pattern.stringValue().isEmpty(), where + ".pattern.String",
        pattern,
        "a text");
    text(step, where, "content", pattern.stringValue().length());
  }

  private void template(JsonNode step, String where) {
    JsonNode tokens = step.path("special_tokens");
    int sequences = pieces(step.path("single"), where + ".single", tokens);
    require(sequences == 1, where + ".single", step.path("single"), "the sequence A exactly once");
    pieces(step.path("pair"), where + ".pair", tokens);
    for (JsonNode token : tokens) {
      JsonNode ids = token.path("ids");
      require(ids.isArray() && ids.size() <= MAX_SPECIALS
          && ids.size() == token.path("tokens").size(), where + ".special_tokens", token,
          "as many ids as tokens");
      for (JsonNode id : ids) {
        require(id.isInt() && id.intValue() >= 0 && id.intValue() < vocabularySize,
            where + ".special_tokens", id, "an id below " + vocabularySize);
      }
    }
  }

  private int pieces(JsonNode pieces, String where, JsonNode tokens) {
    require(pieces.isArray() && pieces.size() <= MAX_SPECIALS, where, pieces,
        "an array of at most " + MAX_SPECIALS);
    int sequences = 0;
    for (JsonNode piece : pieces) {
      JsonNode id = piece.path("SpecialToken").path("id");
      if (id.isString()) {
        require(tokens.path(id.stringValue()).isObject(), where, id, "a name of special_tokens");
      } else {
        require(piece.path("Sequence").isObject(), where, piece, "SpecialToken or Sequence");
        sequences++;
      }
    }
    return sequences;
  }

  private void text(JsonNode step, String where, String field, int maxLength) {
    JsonNode value = step.path(field);
    require(value.isString() && value.stringValue().length() <= maxLength, where + "." + field,
        value,
        "a text of at most " + maxLength);
  }

  private char character(JsonNode step, String where, String field) {
    JsonNode value = step.path(field);
    require(value.isString() && value.stringValue().length() == 1, where + "." + field, value,
        "one character");
    return value.stringValue().charAt(0);
  }

  private void flag(JsonNode step, String where, String field) {
    JsonNode value = step.path(field);
    require(value.isMissingNode() || value.isBoolean(), where + "." + field, value,
        "true or false");
  }

  private int count(JsonNode step, String where, String field, int max) {
    JsonNode value = step.path(field);
    require(value.isInt() && value.intValue() >= 0 && value.intValue() <= max, where + "." + field,
        value, "0 to " + max);
    return value.intValue();
  }

  private void unsupported(JsonNode step, String where, String supported) {
    throw new InputException(file + ": " + where + ".type is \""
        + BoundedJson.abbreviate(type(step)) + "\", which is not supported; supported are "
        + supported + "; give token ids instead");
  }

  private static String type(JsonNode step) {
    return step.path("type").asString("");
  }

  private static boolean absent(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  static void require(boolean condition, Path file, String where, JsonNode found, String expected) {
    if (!condition) {
      throw new InputException(
          file + ": " + where + " is " + BoundedJson.kind(found) + ", expected " + expected
              + "; download it again");
    }
  }

  private void require(boolean condition, String where, JsonNode found, String expected) {
    require(condition, file, where, found, expected);
  }
}
