package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A {@code CUlaunchConfig} with one attribute: the kernel may begin before the one before it in the stream
 * has ended, and waits for it by itself. Filled again for each launch.
 */
final class LaunchConfig {
  /** Of {@code CUlaunchConfig}. */
  static final int BYTES = 56;

  private static final int GRID_X = 0;
  private static final int GRID_Y = 4;
  private static final int GRID_Z = 8;
  private static final int BLOCK_X = 12;
  private static final int BLOCK_Y = 16;
  private static final int BLOCK_Z = 20;
  private static final int SHARED_BYTES = 24;
  private static final int STREAM = 32;
  private static final int ATTRIBUTES = 40;
  private static final int ATTRIBUTE_COUNT = 48;

  /** Of {@code CUlaunchAttribute}. */
  private static final int ATTRIBUTE_BYTES = 72;
  private static final int ATTRIBUTE_ID = 0;
  private static final int ATTRIBUTE_VALUE = 8;
  private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;

  private final MemorySegment config;

  LaunchConfig(Arena arena) {
    MemorySegment attribute = arena.allocate(ATTRIBUTE_BYTES, 8);
    attribute.set(JAVA_INT, ATTRIBUTE_ID, PROGRAMMATIC_STREAM_SERIALIZATION);
    attribute.set(JAVA_INT, ATTRIBUTE_VALUE, 1);
    config = arena.allocate(BYTES, 8);
    config.set(ADDRESS, ATTRIBUTES, attribute);
    config.set(JAVA_INT, ATTRIBUTE_COUNT, 1);
    config.set(JAVA_INT, BLOCK_Y, 1);
    config.set(JAVA_INT, BLOCK_Z, 1);
  }

  /** The structure, for a launch of blocks of {@code block} threads; valid until the next call. */
  MemorySegment of(int gridX, int gridY, int gridZ, int block, int shared, long stream) {
    config.set(JAVA_INT, GRID_X, gridX);
    config.set(JAVA_INT, GRID_Y, gridY);
    config.set(JAVA_INT, GRID_Z, gridZ);
    config.set(JAVA_INT, BLOCK_X, block);
    config.set(JAVA_INT, SHARED_BYTES, shared);
    config.set(JAVA_LONG, STREAM, stream);
    return config;
  }
}
