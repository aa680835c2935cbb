package io.pariskv.model.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Makes safetensors files for tests, good ones from tensors and bad ones from raw headers. */
final class SafetensorsBytes {
  private final Map<String, Object> header = new LinkedHashMap<>();
  private int dataBytes;

  /** Appends a tensor; its data will be bytes counting up from the start of the data section. */
  SafetensorsBytes add(String name, SafetensorsType type, long... shape) {
    int bytes = (int) (Arrays.stream(shape).reduce(1, (a, b) -> a * b) * type.bits() / 8);
    header.put(name,
        Map.of("dtype", type.name(), "shape", shape, "data_offsets",
            new int[]{dataBytes, dataBytes + bytes}));
    dataBytes += bytes;
    return this;
  }

  byte[] toBytes() {
    return raw(JsonMapper.shared().writeValueAsString(header), dataBytes);
  }

  /** The header as a tree to be edited. */
  ObjectNode header() {
    return JsonMapper.shared().valueToTree(header);
  }

  int dataBytes() {
    return dataBytes;
  }

  /** A file of this header and so many bytes of data. */
  static byte[] raw(String header, int dataBytes) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return withLength(text.length, text, dataBytes);
  }

  /** As {@link #raw} with a header length of the caller's choice. */
  static byte[] withLength(long length, byte[] header, int dataBytes) {
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(length).put(header);
    for (int i = 0; i < dataBytes; i++) {
      file.put((byte) i);
    }
    return file.array();
  }
}
