package io.pariskv.saved;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Writes a cache file, which takes its place, and that of an older one, at once when it is complete and on the disk. One
 * thread at a time.
 */
public final class CacheWriter implements AutoCloseable {
  private final Path file;
  private final PartFile part;
  private final CacheLayout layout;
  private final int headerChecksum;

  private CacheWriter(Path file, PartFile part, CacheLayout layout, int headerChecksum) {
    this.file = file;
    this.part = part;
    this.layout = layout;
    this.headerChecksum = headerChecksum;
  }

  /**
   * Begins to write a file beside the one that it will replace.
   *
   * @param tokens ids, {@code header.tokens()} or more of them
   * @throws InputException if the place cannot be written, has too little room, or somebody else is writing the file
   */
  static CacheWriter create(Path file, CacheHeader header, int[] tokens) {
    byte[] json = header.toJson();
    CacheLayout layout = header.layout(json.length);
    requireRoom(file, layout.fileBytes());
    ByteBuffer prefix = ByteBuffer.allocate(CacheLayout.PREFIX_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN).put(CacheReader.MAGIC).putInt(CacheLayout.VERSION)
        .putInt(json.length);
    int checksum = CacheReader.headerChecksum(prefix.array(), json);
    prefix.putInt(checksum).flip();
    ByteBuffer ids = ByteBuffer.allocate(Math.toIntExact(layout.tokensBytes()))
        .order(ByteOrder.LITTLE_ENDIAN);
    ids.asIntBuffer().put(tokens, 0, header.tokens());
    ids.putInt(4 * header.tokens(),
        CacheChunk.checksum(checksum, 0, ids.slice(0, 4 * header.tokens())));
    CacheWriter writer = new CacheWriter(file, PartFile.create(file), layout, checksum);
    try {
      writer.write(0, prefix);
      writer.write(CacheLayout.PREFIX_BYTES, ByteBuffer.wrap(json));
      writer.write(layout.tokensAt(), ids);
      return writer;
    } catch (RuntimeException | Error e) {
      writer.closeAfter(e);
      throw e;
    }
  }

  private void closeAfter(Throwable failure) {
    try {
      close();
    } catch (InputException e) {
      failure.addSuppressed(e);
    }
  }

  /**
   * Refuses a place that cannot be written or has no room, before minutes are spent on what it is for.
   *
   * @throws InputException naming what is there, or both numbers of bytes
   */
  public static void requireRoom(Path file, KvShape shape, int tokens) {
    requireRoom(file, tokens * (shape.tokenBytes() * shape.layers() + 4L));
  }

  private static void requireRoom(Path file, long bytes) {
    PartFile.requireReplaceable(file);
    Path directory = file.toAbsolutePath().getParent();
    try {
      if (directory == null || !Files.isDirectory(directory)) {
        throw new InputException(
            file + ": its directory does not exist; create it, or give another place");
      }
      long free = Files.getFileStore(directory).getUsableSpace();
      if (bytes > free) {
        throw new InputException(file + ": needs " + bytes + " bytes, and its disk has " + free
            + "; free some space, or give another place");
      }
    } catch (IOException e) {
      throw FileProblem.unwritable(file, e);
    }
  }

  CacheLayout layout() {
    return layout;
  }

  /** Writes a chunk; each must be written once, in any order. */
  void write(CacheChunk chunk) {
    chunk.seal(headerChecksum);
    write(layout.chunkAt(chunk.number()), chunk.bytes());
  }

  private void write(long at, ByteBuffer from) {
    FileChannel channel = part.channel();
    long position = at;
    try {
      while (from.hasRemaining()) {
        position += channel.write(from, position);
      }
    } catch (IOException e) {
      throw FileProblem.unwritable(file, e);
    }
  }

  /** Ends the file and puts it in its place; all chunks must be written. */
  void commit() {
    write(layout.trailerAt(), ByteBuffer.allocate(CacheLayout.TRAILER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN).put(CacheReader.END).putLong(layout.fileBytes()).flip());
    try {
      part.commit();
    } catch (IOException e) {
      throw FileProblem.unwritable(file, e);
    }
  }

  /** Removes what was written, unless it was complete. */
  @Override
  public void close() {
    try {
      part.close();
    } catch (IOException e) {
      throw FileProblem.unwritable(file, e);
    }
  }
}
