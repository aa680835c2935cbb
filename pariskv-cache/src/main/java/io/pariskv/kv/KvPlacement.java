package io.pariskv.kv;

/** Where K and V of a store live. On a CPU both mean host memory. */
public enum KvPlacement {
  /** In the memory that the stages work in. */
  DEVICE,
  /**
   * In page-locked host memory, which the stages read in place; the first and the last tokens are on the
   * device too.
   */
  HOST
}
