package io.pariskv.app.bench;

/**
 * What a piece of work moves.
 *
 * @param memory bytes read and written where the stages work
 * @param bus bytes of K and V that a GPU reads from host memory
 */
public record MovedBytes(long memory, long bus) {
  MovedBytes times(long count) {
    return new MovedBytes(memory * count, bus * count);
  }
}
