package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.jspecify.annotations.Nullable;

/** What the retrieval benchmarks share; a small case is checked against the scalar backend before. */
@State(Scope.Benchmark)
public class RetrievalState {
  private static final int CHECKED_KEYS = 12_345;

  /** Keys of the retrieval zone. */
  @Param({"131072", "524288"})
  public int keys;

  /** The backend. */
  @Param("vector")
  public String backend = "";

  private @Nullable Backend opened;
  private @Nullable RetrievalCase retrieval;

  /** Checks the backend, then prepares the inputs of every stage. */
  @Setup(Level.Trial)
  public void setUp() {
    Backend candidate = Backends.open(backend);
    opened = candidate;
    try (Backend scalar = Backends.open("scalar");
        RetrievalCase expected = new RetrievalCase(scalar, CHECKED_KEYS);
        RetrievalCase actual = new RetrievalCase(candidate, CHECKED_KEYS)) {
      actual.requireEquals(expected);
    }
    retrieval = new RetrievalCase(candidate, keys);
  }

  RetrievalCase retrieval() {
    if (retrieval == null) {
      throw new IllegalStateException("not set up");
    }
    return retrieval;
  }

  /** Frees everything. */
  @TearDown(Level.Trial)
  public void tearDown() {
    if (retrieval != null) {
      retrieval.close();
    }
    if (opened != null) {
      opened.close();
    }
  }
}
