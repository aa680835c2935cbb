package io.pariskv.text;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A checked {@code tokenizer.json}.
 *
 * <p>The native tokenizer ends the process on some malformed files instead of reporting an error. So
 * nothing of a file reaches it as it stands: the known fields are checked and copied into a new
 * document, in which truncation, padding and drop-out are off.
 *
 * @param tokens  by id, null where the file defines no token
 * @param ids     the id of each token
 * @param special the ids of special tokens
 * @param decoder how tokens become text
 * @param document the checked document for the native tokenizer
 * @param plainDocument the same, with special tokens no longer recognised in text
 */
record TokenizerFile(List<@Nullable String> tokens, Map<String, Integer> ids, BitSet special,
    List<DecoderStep> decoder, String document, String plainDocument) {

  /** The largest vocabularies known are about 33 MiB. */
  private static final int MAX_BYTES = 64 << 20;

  /** Ids index arrays: a bound well above any vocabulary, and well below the memory limit. */
  private static final int MAX_ID = 1 << 22;

  private static final int MAX_ADDED = 1 << 16;

  static TokenizerFile read(Path file) {
    return new Reader(file).read();
  }

  /** @throws IllegalArgumentException if the id is not below the vocabulary's size */
  void requireId(int id) {
    if (id < 0 || id >= tokens.size()) {
      throw new IllegalArgumentException(
          "token id " + id + ", expected 0 to " + (tokens.size() - 1));
    }
  }

  /** The state of one reading. */
  private static final class Reader {
    private final Path file;
    private final Map<String, Integer> ids = new HashMap<>();
    private final BitSet special = new BitSet();
    private final BitSet used = new BitSet();

    Reader(Path file) {
      this.file = file;
    }

    TokenizerFile read() {
      JsonNode root = BoundedJson.readObject(file, MAX_BYTES);
      ObjectNode document = BoundedJson.MAPPER.createObjectNode();
      document.put("version", "1.0").putNull("truncation").putNull("padding");
      ObjectNode model = model(root.path("model"));
      Set<String> vocabulary = Set.copyOf(ids.keySet());
      ArrayNode added = addedTokens(root.path("added_tokens"), document.putArray("added_tokens"));
      TokenizerComponents components = new TokenizerComponents(file, used.length());
      document.set("normalizer", components.normalizer(root.path("normalizer")));
      document.set("pre_tokenizer", components.preTokenizer(root.path("pre_tokenizer")));
      document.set("post_processor", components.postProcessor(root.path("post_processor")));
      document.set("decoder", components.decoder(root.path("decoder")));
      document.set("model", model);
      String text = write(document);
      document.set("added_tokens", withoutSpecial(added, vocabulary));
      document.putNull("post_processor");
      return new TokenizerFile(tokens(), Map.copyOf(ids), special, components.decoderSteps(), text,
          write(document));
    }

    private ObjectNode model(JsonNode model) {
      require(model.isObject(), "model", model, "an object");
      String type = model.path("type").asString("BPE");
      if (!type.equals("BPE")) {
        throw new InputException(file + ": model.type is \"" + BoundedJson.abbreviate(type)
            + "\", expected \"BPE\", the kind that Llama, Mistral and Qwen models use; give token ids instead");
      }
      for (String field : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
        JsonNode value = model.path(field);
        boolean off = value.isMissingNode() || value.isNull()
            || (value.isString() && value.stringValue().isEmpty())
            || (value.isNumber() && value.doubleValue() == 0);
        require(off, "model." + field, value, "null");
      }
      vocabulary(model.path("vocab"));
      ObjectNode copy = BoundedJson.MAPPER.createObjectNode();
      copy.put("type", "BPE").putNull("dropout").putNull("continuing_subword_prefix")
          .putNull("end_of_word_suffix");
      JsonNode unknown = model.path("unk_token");
      if (unknown.isString()) {
        require(ids.containsKey(unknown.stringValue()), "model.unk_token", unknown,
            "a token of model.vocab");
        copy.put("unk_token", unknown.stringValue());
      } else {
        require(unknown.isMissingNode() || unknown.isNull(), "model.unk_token", unknown,
            "a string");
        copy.putNull("unk_token");
      }
      for (String flag : List.of("fuse_unk", "byte_fallback", "ignore_merges")) {
        copy.put(flag, flag(model, "model.", flag));
      }
      copy.set("vocab", model.path("vocab"));
      copy.set("merges", merges(model.path("merges")));
      return copy;
    }

    private void vocabulary(JsonNode vocabulary) {
      require(vocabulary.isObject(), "model.vocab", vocabulary, "an object of token to id");
      for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
        String where = "model.vocab[\"" + BoundedJson.abbreviate(entry.getKey()) + "\"]";
        int id = id(entry.getValue(), where);
        if (used.get(id)) {
          throw new InputException(file + ": " + where + " has the id " + id
              + ", which another token has already; each id may be used once");
        }
        used.set(id);
        ids.put(entry.getKey(), id);
      }
      require(!used.isEmpty(), "model.vocab", vocabulary, "at least one token");
    }

    /** Either form of a merge: {@code "a b"} or {@code ["a", "b"]}. */
    private JsonNode merges(JsonNode merges) {
      require(merges.isArray(), "model.merges", merges, "an array");
      for (int i = 0; i < merges.size(); i++) {
        JsonNode merge = merges.get(i);
        boolean pair = merge.isArray() && merge.size() == 2 && merge.get(0).isString()
            && merge.get(1).isString();
        require(pair || merge.isString(), "model.merges[" + i + "]", merge, "two tokens");
        String[] halves = pair
            ? new String[]{merge.get(0).stringValue(), merge.get(1).stringValue()}
            : merge.stringValue().split(" ", -1);
        require(halves.length == 2 && ids.containsKey(halves[0]) && ids.containsKey(halves[1])
            && ids.containsKey(halves[0] + halves[1]), "model.merges[" + i + "]", merge,
            "two tokens of model.vocab whose union is one too");
      }
      return merges;
    }

    /**
     * The native tokenizer ignores the ids here: a token of the vocabulary keeps its id there, any
     * other gets the next free one. A file in which that makes a difference is refused.
     */
    private ArrayNode addedTokens(JsonNode added, ArrayNode copies) {
      require(
          added.isMissingNode() || added.isNull()
              || (added.isArray() && added.size() <= MAX_ADDED),
          "added_tokens", added, "an array of at most " + MAX_ADDED);
      int inVocabulary = ids.size();
      int highest = -1;
      Set<String> seen = new HashSet<>();
      for (int i = 0; i < added.size(); i++) {
        String where = "added_tokens[" + i + "].";
        JsonNode token = added.get(i);
        JsonNode content = token.path("content");
        require(content.isString() && !content.stringValue().isEmpty(), where + "content", content,
            "the text of a token");
        String text = content.stringValue();
        require(seen.add(text), where + "content", content, "a token not added before");
        int id = id(token.path("id"), where + "id");
        Integer known = ids.get(text);
        int assigned = known != null ? known : Math.max(highest + 1, inVocabulary);
        if (id != assigned) {
          throw new InputException(file + ": " + where + "id is " + id + ", but Hugging Face's "
              + "tokenizers number this token " + assigned
              + "; correct the id or the order of the file");
        }
        highest = Math.max(highest, id);
        if (known == null && used.get(id)) {
          throw new InputException(file + ": " + where + "id is " + id
              + ", which another token has already; each id may be used once");
        }
        used.set(id);
        ids.put(text, id);
        ObjectNode copy = copies.addObject().put("id", id).put("content", text);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized", "special")) {
          copy.put(flag, flag(token, where, flag));
        }
        special.set(id, copy.get("special").booleanValue());
      }
      return copies;
    }

    /**
     * The added tokens for reading special tokens as plain text. An entry that got its id here must
     * keep its place, or the ids after it would shift: it gets a text that nobody writes.
     */
    private static ArrayNode withoutSpecial(ArrayNode added, Set<String> vocabulary) {
      ArrayNode rest = BoundedJson.MAPPER.createArrayNode();
      for (JsonNode token : added) {
        if (!token.get("special").booleanValue()) {
          rest.add(token);
        } else if (!vocabulary.contains(token.get("content").stringValue())) {
          ObjectNode renamed = ((ObjectNode) token).deepCopy();
          rest.add(
              renamed.put("content", "\uF8FF\uFFFF special " + token.get("id") + " \uFFFF\uF8FF"));
        }
      }
      return rest;
    }

    private List<@Nullable String> tokens() {
      List<@Nullable String> tokens = new ArrayList<>(used.length());
      for (int id = 0; id < used.length(); id++) {
        tokens.add(null);
      }
      ids.forEach((text, id) -> tokens.set(id, text));
      return Collections.unmodifiableList(tokens);
    }

    private int id(JsonNode value, String where) {
      require(value.isInt() && value.intValue() >= 0 && value.intValue() <= MAX_ID, where, value,
          "an id from 0 to " + MAX_ID);
      return value.intValue();
    }

    private boolean flag(JsonNode object, String where, String name) {
      JsonNode value = object.path(name);
      require(value.isMissingNode() || value.isNull() || value.isBoolean(), where + name, value,
          "true or false");
      return value.isBoolean() && value.booleanValue();
    }

    private String write(ObjectNode document) {
      String text = BoundedJson.MAPPER.writeValueAsString(document);
      if (Surrogates.hasLone(text)) {
        throw new InputException(
            file + " has half a surrogate pair in a string; download it again or re-export it");
      }
      return text;
    }

    private void require(boolean condition, String where, JsonNode found, String expected) {
      TokenizerComponents.require(condition, file, where, found, expected);
    }
  }
}
