package io.pariskv.backend.cuda;

import io.pariskv.memory.Buffer;

/**
 * The way of K and V between device and host during prefill with offload. The chunk at hand is written to
 * images of its slabs in device memory, copied to the host slabs on a stream of its own while the next layer
 * computes, and attended from there; earlier slabs are streamed in ahead of the kernel that reads them.
 */
final class KvOffload {

  KvOffload(Kernels kernels, CudaKvStore store) {
    // Not yet.
  }

  /**
   * Slabs of one layer that prefill attention reads together.
   *
   * @param keys device address of the addresses of the K slabs {@code [slabs] u64}
   * @param values device address of the addresses of the V slabs {@code [slabs] u64}
   * @param firstSlab number of the first of them in the sequence
   * @param slabs how many
   */
  record Segment(long keys, long values, int firstSlab, int slabs) {
  }

  /** Takes segments in the order of their tokens; each is read in stream order. */
  @FunctionalInterface
  interface Reader {
    void read(Segment segment, boolean last);
  }

  /** Device memory it takes when chunks have up to {@code chunkRows} rows. */
  static long bytes(io.pariskv.kv.KvShape shape, int chunkRows) {
    return 0;
  }

  /** Writes a chunk's rows, as {@code KvAppend.appendChunk} says, and starts their copy to the host. */
  void append(int layer, int slot, int start, Buffer k, Buffer v) {
    throw new UnsupportedOperationException();
  }

  /** Shows {@code reader} tokens {@code from} to {@code to - 1} of the layer last appended. */
  void read(int layer, int slot, int from, int to, Reader reader) {
    throw new UnsupportedOperationException();
  }

  /** Later work of the backend's stream waits for the copies to the host. */
  void await() {
    throw new UnsupportedOperationException();
  }

  /** Frees what it holds on the device. */
  void close() {
    // Not yet.
  }
}
