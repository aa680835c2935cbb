package io.pariskv.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A model directory to be damaged. */
public record ModelCopy(Path directory) {

  /** Copies the files of {@code model}, which has no subdirectories of interest, to {@code directory}. */
  public static ModelCopy of(Path model, Path directory) {
    try (var files = Files.list(model)) {
      Files.createDirectories(directory);
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, directory.resolve(file.getFileName().toString()));
      }
      return new ModelCopy(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file of it. */
  public Path file(String name) {
    return directory.resolve(name);
  }

  /** Replaces the bytes of a file. */
  public ModelCopy bytes(String name, UnaryOperator<byte[]> change) {
    try {
      Files.write(file(name), change.apply(Files.readAllBytes(file(name))));
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes a text file. */
  public ModelCopy text(String name, String text) {
    try {
      Files.writeString(file(name), text);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Deletes a file. */
  public ModelCopy without(String name) {
    try {
      Files.delete(file(name));
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Changes a JSON file. */
  public ModelCopy json(String name, Consumer<ObjectNode> change) {
    ObjectNode node = (ObjectNode) Cli.read(file(name));
    change.accept(node);
    return text(name, node.toString());
  }

  /** Changes the header of a safetensors file; the data stay as they are. */
  public ModelCopy header(String name, Consumer<ObjectNode> change) {
    return bytes(name, bytes -> {
      int length = Math.toIntExact(
          ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
      ObjectNode header = (ObjectNode) JsonMapper.shared()
          .readTree(Arrays.copyOfRange(bytes, 8, 8 + length));
      change.accept(header);
      byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
      byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
      Arrays.fill(padded, text.length, padded.length, (byte) ' ');
      return ByteBuffer.allocate(8 + padded.length + bytes.length - 8 - length)
          .order(ByteOrder.LITTLE_ENDIAN).putLong(padded.length).put(padded)
          .put(bytes, 8 + length, bytes.length - 8 - length).array();
    });
  }

  /** The first and the second number of a tensor's data_offsets. */
  public static List<Long> offsets(ObjectNode header, String tensor) {
    var offsets = header.get(tensor).get("data_offsets");
    return List.of(offsets.get(0).asLong(), offsets.get(1).asLong());
  }

  /** Moves the data of a tensor. */
  public static void setOffsets(ObjectNode header, String tensor, long begin, long end) {
    ((ObjectNode) header.get(tensor)).putArray("data_offsets").add(begin).add(end);
  }
}
