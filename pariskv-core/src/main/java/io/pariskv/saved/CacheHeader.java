package io.pariskv.saved;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.model.file.Shown;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a cache file says of itself, as JSON. The rest of the file, which is described in {@code CacheLayout}, follows from
 * it: token ids, and K (after RoPE) and V of all layers as they are stored. Nothing of a method, a backend or a place is in
 * it, so one file serves them all.
 *
 * @param model whose K and V they are
 * @param layers transformer layers
 * @param kvHeads key and value heads
 * @param headDim numbers of one head
 * @param dtype of the numbers, bf16 or f32
 * @param tokens of the sequence
 * @param chunkTokens tokens that lie together
 * @param openTurn whether the tokens end within the user's message, which a question may continue
 * @param prefillSeconds what computing them took
 * @param created when
 */
public record CacheHeader(ModelIdentity model, int layers, int kvHeads, int headDim, DType dtype,
    int tokens, int chunkTokens, boolean openTurn, double prefillSeconds, Instant created) {
  /** More than any sequence has. */
  private static final int MAX_TOKENS = 1 << 27;
  private static final int MAX_FIELDS = 64;

  private static final JsonMapper JSON = new JsonMapper(JsonFactory.builder()
      .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(4)
          .maxTokenCount(1_000).maxNumberLength(40).maxStringLength(CacheLayout.MAX_HEADER_BYTES)
          .maxDocumentLength(CacheLayout.MAX_HEADER_BYTES).build())
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());

  /**
   * Of a new file.
   *
   * @param openTurn whether the tokens end within the user's message
   * @param prefillSeconds what computing them took
   */
  public static CacheHeader of(ModelIdentity model, KvShape shape, int tokens, boolean openTurn,
      double prefillSeconds) {
    return new CacheHeader(model, shape.layers(), shape.kvHeads(), shape.headDim(), shape.dtype(),
        tokens, CacheLayout.chunkTokens(shape), openTurn, prefillSeconds,
        Instant.now().truncatedTo(ChronoUnit.SECONDS));
  }

  CacheLayout layout(int headerBytes) {
    return new CacheLayout(headerBytes, layers, kvHeads, headDim, dtype, tokens, chunkTokens);
  }

  byte[] toJson() {
    ObjectNode json = JSON.createObjectNode();
    ObjectNode of = json.putObject("model").put("name", model.name())
        .put("weights", model.weights()).put("tokenizer", model.tokenizer());
    ObjectNode config = of.putObject("config");
    model.config().forEach(config::put);
    json.put("layers", layers).put("kv_heads", kvHeads).put("head_dim", headDim)
        .put("dtype", dtype.name().toLowerCase(Locale.ROOT)).put("tokens", tokens)
        .put("chunk_tokens", chunkTokens).put("open_turn", openTurn)
        .put("prefill_seconds", prefillSeconds).put("created", (int) created.getEpochSecond());
    return JSON.writeValueAsBytes(json);
  }

  /** @throws InputException naming the field that cannot be used */
  static CacheHeader parse(Path file, byte[] bytes) {
    try {
      return new Parser(file).header(JSON.readTree(bytes));
    } catch (JacksonException e) {
      throw new InputException(file + ": its header is not acceptable JSON: "
          + Shown.plain(String.valueOf(e.getOriginalMessage())) + "; save the cache again",
          e);
    }
  }

  /** @param file for messages */
  private record Parser(Path file) {

    CacheHeader header(JsonNode json) {
      return new CacheHeader(model(json.path("model")), integer(json, "layers", 1000),
          integer(json, "kv_heads", 16_384), integer(json, "head_dim", 4096),
          dtype(json.path("dtype")), integer(json, "tokens", MAX_TOKENS),
          integer(json, "chunk_tokens", CacheLayout.MAX_CHUNK_TOKENS),
          json.path("open_turn").asBoolean(false), seconds(json.path("prefill_seconds")),
          created(json.path("created")));
    }

    private ModelIdentity model(JsonNode json) {
      JsonNode config = json.path("config");
      if (!config.isObject() || config.size() > MAX_FIELDS) {
        throw wrong("model.config", config, "an object of at most " + MAX_FIELDS + " fields");
      }
      Map<String, String> fields = new LinkedHashMap<>();
      for (String name : config.propertyNames()) {
        fields.put(name, text(config.path(name), "model.config." + name));
      }
      JsonNode tokenizer = json.path("tokenizer");
      return new ModelIdentity(text(json.path("name"), "model.name"), fields,
          tokenizer.isNull() ? null : text(tokenizer, "model.tokenizer"),
          text(json.path("weights"), "model.weights"));
    }

    private String text(JsonNode value, String name) {
      if (!value.isString()) {
        throw wrong(name, value, "a string");
      }
      return Shown.line(value.stringValue()); // whole, since it is compared
    }

    private int integer(JsonNode json, String name, int most) {
      JsonNode value = json.path(name);
      if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1
          || value.intValue() > most) {
        throw wrong(name, value, "a whole number from 1 to " + most);
      }
      return value.intValue();
    }

    private DType dtype(JsonNode value) {
      return switch (value.asString("")) {
        case "bf16" -> DType.BF16;
        case "f32" -> DType.F32;
        default -> throw wrong("dtype", value, "\"bf16\" or \"f32\"");
      };
    }

    private double seconds(JsonNode value) {
      double seconds = value.isNumber() ? value.doubleValue() : Double.NaN;
      if (!(seconds >= 0 && seconds < 1e9)) {
        throw wrong("prefill_seconds", value, "a number of seconds");
      }
      return seconds;
    }

    private Instant created(JsonNode value) {
      if (!value.isIntegralNumber() || !value.canConvertToInt()) {
        throw wrong("created", value, "seconds since 1970");
      }
      return Instant.ofEpochSecond(value.intValue());
    }

    private InputException wrong(String name, @Nullable JsonNode found, String expected) {
      return new InputException(file + ": " + Shown.plain(name) + " in its header is "
          + Shown.plain(String.valueOf(found)) + ", expected " + expected
          + "; save the cache again");
    }
  }

  /**
   * Refuses a file for another model, or of other numbers.
   *
   * @param file that this is the header of
   * @throws InputException naming the field, both values, and the way out
   */
  void requireFits(Path file, ModelIdentity mine, KvShape shape) {
    mine.requireSame(file, model);
    require(file, "layers", layers, shape.layers());
    require(file, "kv_heads", kvHeads, shape.kvHeads());
    require(file, "head_dim", headDim, shape.headDim());
    if (dtype != shape.dtype()) {
      throw new InputException(file + ": has K and V in " + dtype
          + ", but the model was loaded with " + shape.dtype() + "; give --kv-dtype " + dtype);
    }
  }

  private static void require(Path file, String field, int found, int expected) {
    if (found != expected) {
      throw new InputException(file + ": " + field + " in its header is " + found
          + ", but the model has " + expected + "; save the cache again");
    }
  }
}
