package io.pariskv.method;

import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.Retrieval;

/** Selects with a retrieval, whose parts people may time. */
record RetrievalSelector(Retrieval retrieval) implements Selector {

  @Override
  public boolean serves(int rows, int keys) {
    return retrieval.size().serves(rows, keys);
  }

  @Override
  public Selection select(int layer, Batch batch, Buffer q) {
    return retrieval.retrieve(layer, batch, q);
  }

  @Override
  public long bytes() {
    return retrieval.bytes();
  }

  @Override
  public void close() {
    retrieval.close();
  }
}
