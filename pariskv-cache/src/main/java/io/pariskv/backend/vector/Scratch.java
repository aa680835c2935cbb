package io.pariskv.backend.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory off the heap that one stage keeps between calls; it grows when a call needs more. */
final class Scratch {
  private MemorySegment segment = MemorySegment.NULL;

  /** Address of at least {@code bytes} bytes, 64-byte aligned; what was there before is lost. */
  long reserve(long bytes) {
    if (segment.byteSize() < bytes) {
      segment = Arena.ofAuto().allocate(bytes + bytes / 4, 64);
    }
    return segment.address();
  }
}
