package io.pariskv.kv;

/**
 * Begins a decode step: gives every row the next position of its sequence.
 *
 * <p>Runs on the device, so that a recorded step needs no number from the host.
 */
public interface KvAdvance {
  /**
   * For each row {@code r}: {@code positions[r] = zones[slots[r]].length}, then the length grows by 1.
   *
   * @param kv the store whose {@link KvStore#zones() zones} advance; room must be reserved
   * @param batch slots in, positions out; each slot at most once
   */
  void advance(KvStore kv, Batch batch);
}
