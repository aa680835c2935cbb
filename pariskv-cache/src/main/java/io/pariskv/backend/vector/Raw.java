package io.pariskv.backend.vector;

import java.lang.foreign.MemorySegment;

/**
 * All memory as one segment, for inner loops that work with absolute addresses: no check of bounds or
 * lifetime is left in them. A stage checks shapes before its first access.
 */
final class Raw {
  /** Every address of the process. */
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Raw() {
  }
}
