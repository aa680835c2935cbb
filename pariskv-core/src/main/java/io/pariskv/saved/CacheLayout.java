package io.pariskv.saved;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;

/**
 * Where what lies in a cache file; all numbers are little-endian.
 *
 * <pre>
 * prefix    "PKVCACHE", version i32, bytes of the header i32, checksum of both and the header i32
 * header    JSON, at most 64 KiB, see {@link CacheHeader}
 * tokens    [tokens] i32, checksum
 * chunks    for each chunk of tokens and each layer: K [tokens][kvHeads][headDim], V likewise, checksum
 * trailer   "PKVC END", bytes of the file i64
 * </pre>
 *
 * <p>Checksums are CRC32C, which the JDK computes faster than disks deliver. That of a block begins with the header's
 * and the block's number, so a block of another place or another file is not taken for this one.
 *
 * @param headerBytes of the JSON
 * @param layers transformer layers
 * @param kvHeads key and value heads
 * @param headDim numbers of one head
 * @param dtype of the numbers
 * @param tokens of the sequence
 * @param chunkTokens tokens of every chunk but the last
 */
record CacheLayout(int headerBytes, int layers, int kvHeads, int headDim, DType dtype, int tokens,
    int chunkTokens) {
  static final int VERSION = 1;
  /** Bytes before the header. */
  static final int PREFIX_BYTES = 20;
  static final int TRAILER_BYTES = 16;
  static final int CHECKSUM_BYTES = 4;
  static final int MAX_HEADER_BYTES = 64 << 10;
  static final int MAX_CHUNK_TOKENS = 1024;
  /** About so much is moved at once: it takes some 10 ms, so whoever else needs the model hardly waits. */
  private static final long AIMED_CHUNK_BYTES = 16 << 20;
  /** Even one token's K and V in all layers are less. */
  static final long MAX_CHUNK_BYTES = 64 << 20;

  /** Tokens of a chunk in a file of this geometry, a power of two. */
  static int chunkTokens(KvShape shape) {
    long fitting = AIMED_CHUNK_BYTES / (shape.layers() * shape.tokenBytes());
    return Math.clamp(Long.highestOneBit(fitting), 1, MAX_CHUNK_TOKENS);
  }

  /** Bytes of K, or of V, of so many tokens in one layer. */
  long rowBytes(int count) {
    return (long) count * kvHeads * headDim * dtype.bytes();
  }

  /** Bytes of K and V of so many tokens in one layer, and their checksum. */
  long blockBytes(int count) {
    return 2 * rowBytes(count) + CHECKSUM_BYTES;
  }

  /** Bytes of all layers of a chunk of so many tokens. */
  long chunkBytes(int count) {
    return layers * blockBytes(count);
  }

  int chunks() {
    return Math.ceilDiv(tokens, chunkTokens);
  }

  /** The first token of a chunk. */
  int start(int chunk) {
    return chunk * chunkTokens;
  }

  /** Tokens of a chunk. */
  int count(int chunk) {
    return Math.min(chunkTokens, tokens - start(chunk));
  }

  long tokensAt() {
    return (long) PREFIX_BYTES + headerBytes;
  }

  long tokensBytes() {
    return 4L * tokens + CHECKSUM_BYTES;
  }

  long chunkAt(int chunk) {
    return tokensAt() + tokensBytes() + chunk * chunkBytes(chunkTokens);
  }

  /** @throws ArithmeticException if there is no such number */
  long trailerAt() {
    long rows = Math.multiplyExact(2 * rowBytes(1) * layers, (long) tokens);
    long checksums = (long) CHECKSUM_BYTES * layers * chunks();
    return Math.addExact(Math.addExact(rows, checksums), tokensAt() + tokensBytes());
  }

  /** @throws ArithmeticException if there is no such number */
  long fileBytes() {
    return Math.addExact(trailerAt(), TRAILER_BYTES);
  }
}
