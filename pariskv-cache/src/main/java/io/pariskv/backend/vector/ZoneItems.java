package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/** Numbers about the keys, or pages, of the retrieval zones of a batch: {@code [rows][heads][capacity] f32}. */
final class ZoneItems {
  private ZoneItems() {
  }

  static int slot(Batch batch, int row) {
    return Raw.getInt(batch.slots().address() + 4L * row);
  }

  /** Keys in the retrieval zone of {@code row}. */
  static int keys(HostKvStore store, Batch batch, int row) {
    return store.zones(slot(batch, row)).retrievalTokens();
  }

  /** Keys in the longest retrieval zone. */
  static int most(HostKvStore store, Batch batch) {
    int most = 0;
    for (int row = 0; row < batch.rows(); row++) {
      most = Math.max(most, keys(store, batch, row));
    }
    return most;
  }

  /** Address of number 0 of head {@code head} of all rows' heads. */
  static long address(Buffer items, int head) {
    return items.address() + 4L * head * items.shape().axis(2);
  }

  static void set(Buffer items, int head, int item, float value) {
    Raw.setFloat(address(items, head) + 4L * item, value);
  }
}
