package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.method.ParisKvConfig;
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

  private final ParisKvConfig config;

  private @Nullable Backend opened;
  private @Nullable RetrievalCase retrieval;

  /** With the published settings. */
  public RetrievalState() {
    this(ParisKvConfig.paper());
  }

  RetrievalState(ParisKvConfig config) {
    this.config = config;
  }

  /** With scores instead of tiers. */
  public static class Sharp extends RetrievalState {
    /** With the settings of {@code sharp}. */
    public Sharp() {
      super(ParisKvConfig.sharp());
    }
  }

  /** Checks the backend, then prepares the inputs of every stage. */
  @Setup(Level.Trial)
  public void setUp() {
    Backend candidate = Backends.open(backend);
    opened = candidate;
    try (Backend scalar = Backends.open("scalar");
        RetrievalCase expected = new RetrievalCase(scalar, CHECKED_KEYS, config);
        RetrievalCase actual = new RetrievalCase(candidate, CHECKED_KEYS, config)) {
      actual.requireEquals(expected);
    }
    retrieval = new RetrievalCase(candidate, keys, config);
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
