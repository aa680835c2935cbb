package io.pariskv.memory;

/** What kind of memory something takes. */
public enum MemoryPlace {
  /** A mapped file, which the system may drop and read again. */
  MAPPED("mapped"),
  /** Host memory. */
  HOST("host"),
  /** Page-locked host memory that a GPU reads in place. */
  PINNED("pinned host"),
  /** Memory of the GPU. */
  GPU("GPU");

  private final String words;

  MemoryPlace(String words) {
    this.words = words;
  }

  /** Such as {@code pinned host}. */
  @Override
  public String toString() {
    return words;
  }
}
