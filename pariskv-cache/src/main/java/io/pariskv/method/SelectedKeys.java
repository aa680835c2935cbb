package io.pariskv.method;

/**
 * How many keys of the retrieval zone decode steps of a sequence selected, counted where the stages run.
 *
 * @param keys keys, of all KV heads, layers and steps together
 * @param heads how often a KV head of a layer selected some
 */
public record SelectedKeys(long keys, long heads) {

  /** Keys that a KV head selected, mean; 0 if none did. */
  public double mean() {
    return heads == 0 ? 0 : (double) keys / heads;
  }

  /** What was added since {@code before}. */
  public SelectedKeys since(SelectedKeys before) {
    return new SelectedKeys(keys - before.keys, heads - before.heads);
  }
}
