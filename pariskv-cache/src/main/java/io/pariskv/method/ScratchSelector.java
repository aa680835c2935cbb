package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Allocator;

/** A selector whose stages pass on scratch memory for so many sequences with zones of so many keys. */
abstract class ScratchSelector implements Selector {
  private final Allocator memory;
  private final int rows;
  private final int keys;

  /** Without memory yet; who allocates closes it if that fails. */
  ScratchSelector(Backend backend, int rows, int keys) {
    this.memory = backend.newAllocator();
    this.rows = rows;
    this.keys = keys;
  }

  /** Owns what is passed on. */
  final Allocator memory() {
    return memory;
  }

  /** Keys that there is room for. */
  final int keys() {
    return keys;
  }

  @Override
  public boolean serves(int sequences, int longest) {
    return rows == sequences && longest <= keys;
  }

  @Override
  public final long bytes() {
    return memory.allocatedBytes();
  }

  @Override
  public final void close() {
    memory.close();
  }
}
