package io.pariskv.retrieve;

/** How the query heads that share a KV head, and so its selected keys, choose them. */
public enum Grouping {
  /** By the mean of their queries, as published. */
  MEAN,

  /** Each for itself; what they found is combined. As many votes and reranks as heads. */
  PER_HEAD
}
