package io.pariskv.generate;

/** Whether K and V live in host memory beside a GPU. A CPU has one memory and ignores it. */
public enum Offload {
  /** In GPU memory if K and V of the whole context fit there, else in host memory. */
  AUTO,
  /** In page-locked host memory. */
  ON,
  /** In GPU memory. */
  OFF
}
