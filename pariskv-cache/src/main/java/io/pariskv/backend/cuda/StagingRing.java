package io.pariskv.backend.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Pinned memory through which pageable memory goes to and from the GPU. Uploads fill one segment after
 * another and only wait when they come round to one whose copies are not done, so the source may be
 * reused at once and small uploads cost no wait.
 */
final class StagingRing extends CudaResource {
  private static final int SEGMENTS = 4;
  private static final long SEGMENT_BYTES = 4 << 20;
  private static final long ALIGNMENT = 64;
  private static final int PORTABLE = 1;

  private final CudaStream stream;
  private final MemorySegment memory;
  private final long segmentBytes;
  /** Reached when the GPU has read what was written into the segment. */
  private final CudaEvent[] read = new CudaEvent[SEGMENTS];
  private int segment;
  private long used;

  private StagingRing(CudaStream stream, MemorySegment memory) {
    super(stream.context());
    this.stream = stream;
    this.memory = memory;
    this.segmentBytes = memory.byteSize() / SEGMENTS;
  }

  /** A ring of 16 MiB; the caller closes it. */
  static StagingRing open(CudaStream stream) {
    return open(stream, SEGMENT_BYTES);
  }

  /**
   * A ring of four segments.
   *
   * @param segmentBytes a multiple of 64
   */
  static StagingRing open(CudaStream stream, long segmentBytes) {
    long bytes = SEGMENTS * segmentBytes;
    long address = stream.driver().cuMemHostAlloc(bytes, PORTABLE);
    StagingRing ring = new StagingRing(stream,
        MemorySegment.ofAddress(address).reinterpret(bytes));
    try {
      for (int i = 0; i < SEGMENTS; i++) {
        ring.read[i] = CudaEvent.open(stream.context());
      }
    } catch (CudaException e) {
      Failures.suppressing(e, ring::close);
      throw e;
    }
    return ring;
  }

  /** Copies {@code source} to device address {@code target}, in stream order. */
  void upload(MemorySegment source, long target) {
    requireOpen("used");
    long bytes = source.byteSize();
    for (long done = 0; done < bytes;) {
      if (used >= segmentBytes) {
        advance();
      }
      long count = Math.min(bytes - done, segmentBytes - used);
      MemorySegment piece = memory.asSlice(segment * segmentBytes + used, count);
      piece.copyFrom(source.asSlice(done, count));
      stream.copyToDevice(target + done, piece);
      used += (count + ALIGNMENT - 1) & -ALIGNMENT;
      done += count;
    }
  }

  private void advance() {
    read[segment].record(stream);
    segment = (segment + 1) % SEGMENTS;
    read[segment].synchronize();
    used = 0;
  }

  /**
   * Copies device address {@code source} to {@code target} and waits for it, and so for all work of the
   * stream before it.
   */
  void download(long source, MemorySegment target) {
    requireOpen("used");
    long bytes = target.byteSize();
    long done = 0;
    do { // once for no bytes too: the caller relies on the wait
      // Uploads that still sit in the ring are read before this copy writes: one stream, one order.
      MemorySegment piece = memory.asSlice(0, Math.min(bytes - done, memory.byteSize()));
      if (piece.byteSize() > 0) {
        stream.copyToHost(piece, source + done);
      }
      stream.synchronize();
      target.asSlice(done, piece.byteSize()).copyFrom(piece);
      done += piece.byteSize();
    } while (done < bytes);
  }

  @Override
  void free(CudaDriver driver) {
    Failures failures = new Failures();
    failures.attempt(context()::await); // copies may be under way
    for (CudaEvent event : read) {
      if (event != null) { // opening may have ended half-way
        failures.attempt(event::close);
      }
    }
    failures.attempt(() -> Recordings.apart(() -> driver.cuMemFreeHost(memory.address())));
    failures.throwFirst();
  }

  @Override
  public String toString() {
    return "staging ring";
  }
}
