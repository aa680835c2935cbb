package io.pariskv.saved;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** K and V of some neighbouring tokens in all layers, in memory as they lie in a file. One thread at a time. */
public final class CacheChunk {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED
      .withOrder(ByteOrder.LITTLE_ENDIAN);

  private final CacheLayout layout;
  private final MemorySegment memory;
  private int number;

  CacheChunk(CacheLayout layout, Arena arena) {
    this.layout = layout;
    this.memory = arena.allocate(layout.chunkBytes(Math.min(layout.chunkTokens(), layout.tokens())),
        Long.BYTES);
  }

  /** From here on it is this chunk of the file. */
  void become(int chunk) {
    number = chunk;
  }

  int number() {
    return number;
  }

  /** Position of its first token. */
  public int start() {
    return layout.start(number);
  }

  /** Tokens that it has. */
  public int tokens() {
    return layout.count(number);
  }

  /** Keys of a layer, {@code [tokens][kvHeads][headDim]}, not aligned. */
  public MemorySegment keys(int layer) {
    return memory.asSlice(layer * layout.blockBytes(tokens()), layout.rowBytes(tokens()));
  }

  /** Values of a layer, {@code [tokens][kvHeads][headDim]}, not aligned. */
  public MemorySegment values(int layer) {
    long bytes = layout.rowBytes(tokens());
    return memory.asSlice(layer * layout.blockBytes(tokens()) + bytes, bytes);
  }

  /** All of it, as it is written and read. */
  ByteBuffer bytes() {
    return memory.asSlice(0, layout.chunkBytes(tokens())).asByteBuffer();
  }

  /** Writes the checksums. */
  void seal(int header) {
    for (int layer = 0; layer < layout.layers(); layer++) {
      memory.set(INT, checksumAt(layer), checksum(header, layer));
    }
  }

  /** The first layer whose checksum is not that of its rows, or -1. */
  int damagedLayer(int header) {
    for (int layer = 0; layer < layout.layers(); layer++) {
      if (memory.get(INT, checksumAt(layer)) != checksum(header, layer)) {
        return layer;
      }
    }
    return -1;
  }

  private long checksumAt(int layer) {
    return layer * layout.blockBytes(tokens()) + 2 * layout.rowBytes(tokens());
  }

  private int checksum(int header, int layer) {
    return checksum(header, 1 + (long) number * layout.layers() + layer,
        memory.asSlice(layer * layout.blockBytes(tokens()), 2 * layout.rowBytes(tokens()))
            .asByteBuffer());
  }

  /** Of block {@code number} of a file whose header has the checksum {@code header}. */
  static int checksum(int header, long number, ByteBuffer block) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putInt(header)
        .putLong(number).flip());
    crc.update(block);
    return (int) crc.getValue();
  }
}
