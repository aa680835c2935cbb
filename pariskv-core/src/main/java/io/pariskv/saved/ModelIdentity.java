package io.pariskv.saved;

import io.pariskv.error.InputException;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.RopeScaling;
import io.pariskv.model.file.LayerTensors;
import io.pariskv.model.file.ModelDirectory;
import io.pariskv.model.file.ModelTensors;
import io.pariskv.model.file.Shown;
import io.pariskv.model.file.TensorView;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What K and V of a prompt depend on, so that those of another model are not taken for this one's.
 *
 * @param name of the directory, for messages; two directories may have the same model
 * @param config what of {@code config.json} counts, as text, by the names it has there
 * @param tokenizer SHA-256 of {@code tokenizer.json}, or null without one
 * @param weights SHA-256 of names, types and shapes of all weights and of samples of their contents
 */
public record ModelIdentity(String name, Map<String, String> config, @Nullable String tokenizer,
    String weights) {
  /** Pages of a tensor that are looked at. */
  private static final int PAGES = 16;
  private static final int PAGE_BYTES = 4096;

  /** Copies the map. */
  public ModelIdentity {
    config = Collections.unmodifiableMap(new LinkedHashMap<>(config));
  }

  /**
   * Looks at a model. Of each tensor at most 64 KiB are read, spread evenly: 19 MB of an 8B model, some 20 ms, where all of
   * its 16 GB would take longer than the cache file itself. Training or merging changes numbers everywhere, so another
   * model is found by them; somebody who changes a few numbers of one by hand is not.
   *
   * @throws InputException if a file cannot be read
   */
  public static ModelIdentity of(ModelDirectory directory) {
    Path tokenizer = directory.tokenizerFile();
    Path name = directory.path().toAbsolutePath().normalize().getFileName();
    return new ModelIdentity(name == null ? "model" : name.toString(), config(directory.config()),
        tokenizer == null ? null : digest(tokenizer), weights(ModelTensors.of(directory)));
  }

  private static Map<String, String> config(ModelConfig config) {
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put("model_type", config.family().toString());
    fields.put("vocab_size", "" + config.vocabSize());
    fields.put("hidden_size", "" + config.hiddenSize());
    fields.put("intermediate_size", "" + config.intermediateSize());
    fields.put("num_hidden_layers", "" + config.layers());
    fields.put("num_attention_heads", "" + config.heads());
    fields.put("num_key_value_heads", "" + config.kvHeads());
    fields.put("head_dim", "" + config.headDim());
    fields.put("rms_norm_eps", "" + config.rmsNormEps());
    fields.put("rope_theta", "" + config.ropeTheta());
    fields.put("rope_scaling", config.ropeScaling().toString());
    if (config.ropeScaling() instanceof RopeScaling.Dynamic) { // alone depends on it
      fields.put("max_position_embeddings", "" + config.maxPositions());
    }
    List<Integer> windows = config.slidingWindows();
    fields.put("sliding_window",
        windows.stream().distinct().count() == 1 ? "" + windows.getFirst() : windows.toString());
    return fields;
  }

  private static String weights(ModelTensors tensors) {
    MessageDigest digest = sha256();
    Stream.concat(Stream.of(tensors.embedding(), tensors.finalNorm(), tensors.lmHead()),
        tensors.layers().stream().flatMap(ModelIdentity::tensors))
        .forEach(tensor -> add(digest, tensor));
    return HexFormat.of().formatHex(digest.digest());
  }

  private static Stream<TensorView> tensors(LayerTensors layer) {
    return Stream.of(layer.inputNorm(), layer.q(), layer.qBias(), layer.k(), layer.kBias(),
        layer.v(), layer.vBias(), layer.o(), layer.oBias(), layer.qNorm(), layer.kNorm(),
        layer.postAttentionNorm(), layer.gate(), layer.gateBias(), layer.up(), layer.upBias(),
        layer.down(), layer.downBias()).filter(Objects::nonNull).map(Objects::requireNonNull);
  }

  private static void add(MessageDigest digest, TensorView tensor) {
    String head = tensor.name() + " " + Arrays.toString(tensor.shape()) + " " + tensor.dtype();
    digest.update((head + "\n").getBytes(StandardCharsets.UTF_8));
    long bytes = tensor.data().byteSize();
    if (bytes <= PAGES * PAGE_BYTES) {
      digest.update(tensor.data().asByteBuffer());
      return;
    }
    for (int page = 0; page < PAGES; page++) {
      long at = (bytes - PAGE_BYTES) * page / (PAGES - 1);
      digest.update(tensor.data().asSlice(at, PAGE_BYTES).asByteBuffer());
    }
  }

  private static String digest(Path file) {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    } catch (IOException e) {
      throw FileProblem.unreadable(file, e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("a JDK without SHA-256", e);
    }
  }

  /**
   * Refuses another model than this one.
   *
   * @param file that was made by {@code other}
   * @throws InputException naming the first field that differs, and both values
   */
  void requireSame(Path file, ModelIdentity other) {
    for (Map.Entry<String, String> field : config.entrySet()) {
      require(file, other, field.getKey(), other.config.get(field.getKey()), field.getValue());
    }
    require(file, other, "the digest of tokenizer.json", other.tokenizer, tokenizer);
    require(file, other, "the digest of the weights", other.weights, weights);
  }

  private void require(Path file, ModelIdentity other, String field, @Nullable String found,
      @Nullable String expected) {
    if (!Objects.equals(found, expected)) {
      throw new InputException(file + ": was made with another model ("
          + Shown.plain(other.name) + "): " + field
          + " is " + shown(found) + " there, and " + shown(expected) + " in " + name
          + "; give that model, or save the cache again with this one");
    }
  }

  /** Digests are told apart by their begin. */
  private static String shown(@Nullable String value) {
    if (value == null) {
      return "missing";
    }
    return value.length() == 64 ? value.substring(0, 16) + "..." : Shown.plain(value);
  }

  /** Whether both are one model, whatever it is called. */
  boolean isSame(ModelIdentity other) {
    return config.equals(other.config) && Objects.equals(tokenizer, other.tokenizer)
        && weights.equals(other.weights);
  }
}
