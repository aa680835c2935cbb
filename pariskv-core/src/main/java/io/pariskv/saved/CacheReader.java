package io.pariskv.saved;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * Reads a cache file. Opening checks everything but the rows, whose checksums are checked as they are read. The file may be
 * anybody's: what it says of sizes counts for nothing before the file has them.
 *
 * <p>Checksums find damage; they do not prove who wrote the file. Rows of a forger's choice make a model answer as the
 * forger likes, so keep cache files as you keep weights.
 *
 * <p>One thread at a time.
 */
public final class CacheReader implements AutoCloseable {
  static final byte[] MAGIC = "PKVCACHE".getBytes(StandardCharsets.US_ASCII);
  static final byte[] END = "PKVC END".getBytes(StandardCharsets.US_ASCII);
  private static final String WAY_OUT = "; copy it again, or save the cache again";

  private final Path file;
  private final FileChannel channel;
  private final CacheHeader header;
  private final CacheLayout layout;
  private final int headerChecksum;
  private final int[] tokens;

  private CacheReader(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    long bytes = channel.size();
    ByteBuffer prefix = read(0, (int) Math.min(CacheLayout.PREFIX_BYTES, bytes));
    if (prefix.remaining() < CacheLayout.PREFIX_BYTES
        || !Arrays.equals(MAGIC, Arrays.copyOf(bytes(prefix), MAGIC.length))) {
      throw new InputException(
          file + ": is not a cache file; give one that 'pariskv cache save' wrote");
    }
    int version = prefix.getInt(8);
    if (version != CacheLayout.VERSION) {
      throw new InputException(file + ": is a cache file of version " + version
          + ", and this program reads version " + CacheLayout.VERSION + "; save the cache again");
    }
    int headerBytes = prefix.getInt(12);
    if (headerBytes < 2 || headerBytes > CacheLayout.MAX_HEADER_BYTES) {
      throw new InputException(file + ": its header has " + headerBytes + " bytes, expected 2 to "
          + CacheLayout.MAX_HEADER_BYTES + WAY_OUT);
    }
    if (bytes < CacheLayout.PREFIX_BYTES + headerBytes) {
      requireBytes(CacheLayout.PREFIX_BYTES + headerBytes, bytes);
    }
    byte[] json = bytes(read(CacheLayout.PREFIX_BYTES, headerBytes));
    this.headerChecksum = prefix.getInt(16);
    if (headerChecksum(bytes(prefix), json) != headerChecksum) {
      throw damaged("its header");
    }
    this.header = CacheHeader.parse(file, json);
    this.layout = header.layout(headerBytes);
    requireSizes(bytes);
    this.tokens = readTokens();
    readTrailer(bytes);
  }

  /**
   * Opens a file.
   *
   * @throws InputException if it cannot be read, is no cache file, is cut or damaged, or of another version
   */
  public static CacheReader open(Path file) {
    try {
      if (!Files.isRegularFile(file)) { // a pipe or a device would block
        throw new InputException(file + (Files.exists(file)
            ? ": is not a regular file, expected a cache file; give one"
            : ": no such file; check the path"));
      }
      FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
      try {
        return new CacheReader(file, channel);
      } catch (IOException | RuntimeException | Error e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw FileProblem.unreadable(file, e);
    }
  }

  /** Of the bytes before it, and of the header. */
  static int headerChecksum(byte[] prefix, byte[] json) {
    CRC32C crc = new CRC32C();
    crc.update(prefix, 0, CacheLayout.PREFIX_BYTES - CacheLayout.CHECKSUM_BYTES);
    crc.update(json);
    return (int) crc.getValue();
  }

  private void requireSizes(long bytes) {
    long expected;
    try {
      expected = layout.fileBytes();
    } catch (ArithmeticException e) {
      throw new InputException(file + ": tokens " + header.tokens() + ", layers "
          + header.layers() + ", kv_heads " + header.kvHeads() + " and head_dim "
          + header.headDim() + " in its header make more bytes than a file can have" + WAY_OUT, e);
    }
    requireBytes(expected, bytes);
    long chunk = layout.chunkBytes(layout.count(0));
    if (chunk > CacheLayout.MAX_CHUNK_BYTES) {
      throw new InputException(file + ": chunk_tokens " + header.chunkTokens()
          + " in its header makes chunks of " + chunk + " bytes, expected at most "
          + CacheLayout.MAX_CHUNK_BYTES + WAY_OUT);
    }
  }

  private void requireBytes(long expected, long found) {
    if (found != expected) {
      throw new InputException(file + ": has " + found + " bytes, and should have " + expected
          + (found < expected ? "; it was cut" : "; something follows it") + WAY_OUT);
    }
  }

  private int[] readTokens() throws IOException {
    ByteBuffer block = read(layout.tokensAt(), Math.toIntExact(layout.tokensBytes()));
    ByteBuffer ids = block.slice(0, 4 * layout.tokens()).order(ByteOrder.LITTLE_ENDIAN);
    if (CacheChunk.checksum(headerChecksum, 0, ids.duplicate()) != block
        .getInt(4 * layout.tokens())) {
      throw damaged("its tokens");
    }
    int[] all = new int[layout.tokens()];
    ids.asIntBuffer().get(all);
    return all;
  }

  /** What is left in a buffer, which stays as it is. */
  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private void readTrailer(long bytes) throws IOException {
    ByteBuffer trailer = read(layout.trailerAt(), CacheLayout.TRAILER_BYTES);
    if (!Arrays.equals(END, Arrays.copyOf(bytes(trailer), END.length))
        || trailer.getLong(END.length) != bytes) {
      throw damaged("its end");
    }
  }

  private ByteBuffer read(long at, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    read(at, buffer);
    return buffer.flip();
  }

  private void read(long at, ByteBuffer to) throws IOException {
    long position = at;
    while (to.hasRemaining()) {
      int count = channel.read(to, position);
      if (count < 0) {
        throw new EOFException("it ends at " + position + " bytes");
      }
      position += count;
    }
  }

  /**
   * Reads a chunk and checks it.
   *
   * @throws InputException if it cannot be read, or is damaged
   */
  void read(int chunk, CacheChunk to) {
    to.become(chunk);
    try {
      read(layout.chunkAt(chunk), to.bytes());
    } catch (IOException e) {
      throw FileProblem.unreadable(file, e);
    }
    int layer = to.damagedLayer(headerChecksum);
    if (layer >= 0) {
      throw damaged("tokens " + to.start() + " to " + (to.start() + to.tokens() - 1) + " of layer "
          + layer);
    }
  }

  private InputException damaged(String what) {
    return new InputException(
        file + ": is damaged: the checksum of " + what + " does not match" + WAY_OUT);
  }

  /** Refuses a file for another model, or of other numbers; the message names what differs, and both values. */
  public void requireFits(ModelIdentity model, KvShape shape) {
    header.requireFits(file, model, shape);
  }

  /** Where it is. */
  public Path file() {
    return file;
  }

  /** What it says of itself. */
  public CacheHeader header() {
    return header;
  }

  /** A copy of the token ids. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Size of the file. */
  public long bytes() {
    return layout.fileBytes();
  }

  CacheLayout layout() {
    return layout;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw FileProblem.unreadable(file, e);
    }
  }
}
