package io.pariskv.backend.scalar;

import io.pariskv.backend.AttentionStages;
import io.pariskv.backend.LayerStages;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.backend.host.HostBackend;

/** Plain Java on the CPU: the oracle. */
public final class ScalarBackend extends HostBackend {

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public String description() {
    return "plain Java";
  }

  @Override
  public LayerStages layers() {
    throw new UnsupportedOperationException();
  }

  @Override
  public AttentionStages attention() {
    throw new UnsupportedOperationException();
  }

  @Override
  public RetrievalStages retrieval() {
    throw new UnsupportedOperationException();
  }
}
