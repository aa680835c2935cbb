package io.pariskv.eval.run;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * SHA-256 of files, by name, size and contents. Of a file above a limit a page of each MiB and the last page are read, so that
 * 16 GB take some 20 ms once they are in memory: any change over a whole MiB shows, one of a few bytes may not.
 */
final class FileDigest {
  /** Files up to so many bytes are read whole: a second or two. */
  static final long WHOLE_BYTES = 1L << 30;

  private static final int PAGE_BYTES = 4096;
  private static final int STRIDE = 1 << 20;
  private static final int BUFFER_BYTES = 1 << 20;

  private final MessageDigest digest;
  private final long wholeBytes;

  /** @param wholeBytes most bytes of a file that is read whole */
  FileDigest(long wholeBytes) {
    this.wholeBytes = wholeBytes;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("a JDK without SHA-256", e);
    }
  }

  FileDigest add(Path file) throws IOException {
    long size = Files.size(file);
    digest.update((file.getFileName() + " " + size + "\n").getBytes(StandardCharsets.UTF_8));
    try (FileChannel channel = FileChannel.open(file)) {
      if (size <= wholeBytes) {
        for (long at = 0; at < size; at += BUFFER_BYTES) {
          add(channel, at, (int) Math.min(BUFFER_BYTES, size - at));
        }
      } else {
        for (long at = 0; at < size - PAGE_BYTES; at += STRIDE) {
          add(channel, at, PAGE_BYTES);
        }
        add(channel, size - PAGE_BYTES, PAGE_BYTES);
      }
    }
    return this;
  }

  private void add(FileChannel channel, long at, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new EOFException("it became shorter while it was read");
      }
    }
    digest.update(buffer.flip());
  }

  String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
