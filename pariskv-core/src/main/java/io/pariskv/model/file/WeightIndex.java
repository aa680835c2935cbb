package io.pariskv.model.file;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * {@code model.safetensors.index.json}: which tensor lies in which of several files.
 *
 * <p>A shard is named by a plain file name beside the index. Anything that could lead out of the
 * directory is refused.
 */
final class WeightIndex {
  static final int MAX_SHARDS = 4_096;

  private WeightIndex() {
  }

  /**
   * Reads the index.
   *
   * @return the shard's file name for each tensor, in the file's order
   * @throws InputException if the index is malformed or names a file outside its directory
   */
  static Map<String, String> read(Path file) {
    JsonNode map = JsonFile.read(file, JsonFile.MAX_INDEX_BYTES).get("weight_map");
    if (map == null || !map.isObject() || map.isEmpty()) {
      throw new InputException(
          file + ": weight_map is missing or empty, expected an object of tensor names and file"
              + " names; download the model again");
    }
    if (map.size() > SafetensorsHeader.MAX_TENSORS) {
      throw new InputException(
          file + ": weight_map has " + map.size() + " tensors, expected at most "
              + SafetensorsHeader.MAX_TENSORS);
    }
    Map<String, String> shards = LinkedHashMap.newLinkedHashMap(map.size());
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String shard = entry.getValue().isString() ? entry.getValue().stringValue() : "";
      if (!isPlainName(shard)) {
        throw new InputException(file + ": weight_map puts tensor " + Shown.quoted(entry.getKey())
            + " in "
            + Shown.plain(
                entry.getValue().isContainer() ? "a list or object" : entry.getValue().toString())
            + ", expected the plain name of a .safetensors file in the same directory");
      }
      shards.put(entry.getKey(), shard);
    }
    long distinct = shards.values().stream().distinct().count();
    if (distinct > MAX_SHARDS) {
      throw new InputException(
          file + ": weight_map names " + distinct + " files, expected at most " + MAX_SHARDS);
    }
    return shards;
  }

  /** Letters, digits, dots, dashes and underscores only, so neither a separator nor a drive nor "..". */
  private static boolean isPlainName(String name) {
    return name.length() <= 255 && name.endsWith(".safetensors") && !name.startsWith(".")
        && name.chars()
            .allMatch(c -> c < 128 && (Character.isLetterOrDigit(c) || "._-".indexOf(c) >= 0));
  }
}
