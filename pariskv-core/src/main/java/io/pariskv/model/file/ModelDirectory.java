package io.pariskv.model.file;

import io.pariskv.error.InputException;
import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * A model as Hugging Face lays it out: {@code config.json}, weights in {@code model.safetensors} or in
 * shards with {@code model.safetensors.index.json}, and optional files for generation and text.
 *
 * <p>Opening parses the configuration and the headers of all weight files, and maps them; tensor data is
 * read when it is used. Tensors stay valid until {@link #close}, which fails with
 * {@link IllegalStateException} while another thread is inside an access to one. Safe for many threads.
 */
public final class ModelDirectory implements AutoCloseable {
  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final Path directory;
  private final Arena arena;
  private final ModelConfig config;
  private final GenerationConfig generationConfig;
  /** The file that holds each tensor. */
  private final Map<String, Safetensors> files;

  private ModelDirectory(Path directory, Arena arena, ModelConfig config,
      GenerationConfig generationConfig,
      Map<String, Safetensors> files) {
    this.directory = directory;
    this.arena = arena;
    this.config = config;
    this.generationConfig = generationConfig;
    this.files = files;
  }

  /**
   * Opens a directory.
   *
   * @throws InputException if something is missing, malformed or unsupported
   */
  @SuppressWarnings("MustBeClosed") // the arena passes to the result, which closes it; on failure it is closed here
  public static ModelDirectory open(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new InputException(directory
          + (Files.exists(directory) ? ": is not a directory" : ": no such directory")
          + "; give the directory that holds config.json");
    }
    Path generationFile = directory.resolve("generation_config.json");
    GenerationConfig generation = exists(generationFile)
        ? GenerationConfig.read(generationFile)
        : GenerationConfig.EMPTY;
    ModelConfig config = ModelConfigReader.read(directory.resolve("config.json"), generation);
    Arena arena = Arena.ofShared();
    boolean opened = false;
    try {
      Map<String, Safetensors> files = openWeights(directory, arena);
      opened = true;
      return new ModelDirectory(directory, arena, config, generation, files);
    } finally {
      if (!opened) {
        arena.close();
      }
    }
  }

  /** Where it was opened. */
  public Path path() {
    return directory;
  }

  /** The sizes and constants of the model. */
  public ModelConfig config() {
    return config;
  }

  /** What the model's authors propose for sampling; {@link GenerationConfig#EMPTY} if they do not. */
  public GenerationConfig generationConfig() {
    return generationConfig;
  }

  /** {@code tokenizer.json}, or null if the directory has none. Not read here. */
  public @Nullable Path tokenizerFile() {
    return fileOrNull("tokenizer.json");
  }

  /**
   * {@code tokenizer_config.json} as maps, lists, strings, numbers and booleans; empty if there is none.
   * Read on each call.
   *
   * @throws InputException if it is not a JSON object within the limits
   */
  public Map<String, @Nullable Object> tokenizerConfig() {
    Path file = fileOrNull("tokenizer_config.json");
    if (file == null) {
      return Map.of();
    }
    try {
      Map<?, ?> map = JsonMapper.shared()
          .treeToValue(JsonFile.read(file, JsonFile.MAX_CONFIG_BYTES), Map.class);
      Map<String, @Nullable Object> fields = LinkedHashMap.newLinkedHashMap(map.size());
      map.forEach((name, value) -> fields.put((String) name, value));
      return Collections.unmodifiableMap(fields);
    } catch (JacksonException e) {
      throw JsonFile.malformed(file, e);
    }
  }

  /** A file of this name in the directory, or null if there is none. */
  public @Nullable Path fileOrNull(String name) {
    Path file = directory.resolve(name);
    return exists(file) ? file : null;
  }

  /** Bytes of the weight files, mapped. */
  public long weightBytes() {
    return files.values().stream().distinct().mapToLong(Safetensors::byteSize).sum();
  }

  /** The names of all tensors. */
  public Set<String> tensorNames() {
    return files.keySet();
  }

  /**
   * A tensor by name, or null if the model has none of this name.
   *
   * @throws InputException if its element type is none of {@link DType}
   */
  public @Nullable TensorView tensorOrNull(String name) {
    Safetensors file = files.get(name);
    return file == null ? null : file.tensor(name);
  }

  /**
   * A tensor by name.
   *
   * @throws InputException if there is none of this name, or its element type cannot be used
   */
  public TensorView tensor(String name) {
    TensorView tensor = tensorOrNull(name);
    if (tensor == null) {
      throw new InputException(directory + ": tensor " + Shown.quoted(name)
          + " is missing among the " + files.size()
          + " tensors of the weights; config.json and the weights must come from the same model");
    }
    return tensor;
  }

  /**
   * A tensor to be used as weights, of the shape that {@code config.json} promises.
   *
   * @param expected each size with the field it comes from, outermost first
   * @throws InputException if it is missing, not F32, F16 or BF16, or of another shape
   */
  public TensorView requireShape(String name, Dimension... expected) {
    TensorView tensor = tensor(name);
    String where = tensor.file() + ": tensor " + Shown.quoted(name);
    if (tensor.dtype() != DType.F32 && tensor.dtype() != DType.F16
        && tensor.dtype() != DType.BF16) {
      throw new InputException(where + " has dtype " + tensor.dtype().name()
          + ", expected F32, F16 or BF16: quantized weights are not supported; download the unquantized model");
    }
    long[] shape = tensor.shape();
    long[] promised = Arrays.stream(expected).mapToLong(Dimension::size).toArray();
    int at = Arrays.mismatch(shape, promised);
    if (at >= 0) {
      String reason = shape.length != promised.length
          ? promised.length + " dimensions"
          : expected[at].field() + " = " + promised[at];
      throw new InputException(where + " has shape " + Arrays.toString(shape) + ", expected "
          + Arrays.toString(promised) + ", because config.json gives " + reason
          + "; config.json and the weights must come from the same model");
    }
    return tensor;
  }

  /** Unmaps the weights; every {@link TensorView} of this directory becomes invalid. */
  @Override
  public void close() {
    arena.close();
  }

  private static Map<String, Safetensors> openWeights(Path directory, Arena arena) {
    Path single = directory.resolve(WEIGHTS);
    Path index = directory.resolve(INDEX);
    if (exists(single)) {
      Safetensors file = Safetensors.open(single, arena);
      Map<String, Safetensors> files = LinkedHashMap.newLinkedHashMap(file.names().size());
      file.names().forEach(name -> files.put(name, file));
      return Collections.unmodifiableMap(files);
    }
    if (exists(index)) {
      return openShards(directory, index, arena);
    }
    boolean pickled = exists(directory.resolve("pytorch_model.bin"))
        || exists(directory.resolve("pytorch_model.bin.index.json"));
    throw new InputException(directory + ": has neither " + WEIGHTS + " nor " + INDEX + (pickled
        ? ", only PyTorch .bin files; save the model again with save_pretrained(..., safe_serialization=True)"
        : "; download the model again"));
  }

  private static Map<String, Safetensors> openShards(Path directory, Path index, Arena arena) {
    Map<String, String> shardNames = WeightIndex.read(index);
    Map<String, Safetensors> shards = new HashMap<>();
    Map<String, Safetensors> files = LinkedHashMap.newLinkedHashMap(shardNames.size());
    shardNames.forEach((tensor, shardName) -> {
      Safetensors shard = shards.get(shardName);
      if (shard == null) {
        Path file = directory.resolve(shardName);
        if (!exists(file)) {
          throw new InputException(
              file + ": is missing, but " + INDEX + " puts tensor " + Shown.quoted(tensor)
                  + " in it; download this file too");
        }
        shard = Safetensors.open(file, arena);
        shards.put(shardName, shard);
      }
      if (!shard.names().contains(tensor)) {
        throw new InputException(
            shard.file() + ": has no tensor " + Shown.quoted(tensor) + ", but " + INDEX
                + " puts it there; download both files again");
      }
      files.put(tensor, shard);
    });
    return Collections.unmodifiableMap(files);
  }

  /** Whether there is anything of this name; a broken link counts, so that opening it explains itself. */
  private static boolean exists(Path file) {
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
  }
}
