package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import java.lang.foreign.ValueLayout;

/**
 * What the budgets grant to each row of a batch, read when asked. Work is numbered by {@code head = row *
 * kvHeads + kvHead}, the outer axes of the retrieval buffers taken as one.
 */
record ZoneRows(HostKeyIndex index, Batch batch, int kvHeads) {

  static ZoneRows of(KeyIndex index, Batch batch) {
    return new ZoneRows(HostKeyIndex.of(index), batch, index.shape().kvHeads());
  }

  /** Heads of all rows. */
  int heads() {
    return batch.rows() * kvHeads;
  }

  int slot(int row) {
    return batch.slots().segment().getAtIndex(ValueLayout.JAVA_INT, row);
  }

  /** Keys in the retrieval zone of {@code row}. */
  int keys(int row) {
    return index.budget(slot(row), 0);
  }

  /** Keys that are reranked. */
  int candidates(int row) {
    return Math.min(index.budget(slot(row), 1), keys(row));
  }

  /** Keys that are attended. */
  int selected(int row) {
    return Math.min(index.budget(slot(row), 2), candidates(row));
  }

  int mostKeys() {
    int most = 0;
    for (int row = 0; row < batch.rows(); row++) {
      most = Math.max(most, keys(row));
    }
    return most;
  }

  int mostCandidates() {
    int most = 0;
    for (int row = 0; row < batch.rows(); row++) {
      most = Math.max(most, candidates(row));
    }
    return most;
  }

  int mostSelected() {
    int most = 0;
    for (int row = 0; row < batch.rows(); row++) {
      most = Math.max(most, selected(row));
    }
    return most;
  }
}
