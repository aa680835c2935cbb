package io.pariskv.backend.cuda;

import io.pariskv.backend.Step;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/**
 * A step as a graph. The first run launches the stages one by one, so that each can make the scratch
 * memory it needs; the second records them, which runs nothing, and launches the graph; later runs only
 * launch it. No run may upload, download or record another step.
 *
 * <p>A recording that another thread spoils is tried again by the next run; this one launches the stages one by one. Where
 * that happens again and again, all further runs do: slower, as a warning says, and right.
 */
final class CudaStep implements Step {
  /** Recordings of one step that are tried: whoever waits for the GPU now and then does not spoil as many. */
  static final int MOST_SPOILED = 16;

  private static final Logger LOG = System.getLogger(CudaStep.class.getName());

  private final CudaStream stream;
  private final Runnable body;
  private @Nullable CudaGraph graph;
  private boolean ran;
  private int spoiled;
  private boolean closed;

  CudaStep(CudaStream stream, Runnable body) {
    this.stream = stream;
    this.body = body;
  }

  @Override
  public void run() {
    if (closed) {
      throw new IllegalStateException("a closed step is run");
    }
    if (!ran) {
      stream.driver(); // refuses the wrong thread before the body does anything
      stream.context().recording(body);
      ran = true;
      return;
    }
    if (graph == null) {
      graph = spoiled < MOST_SPOILED ? recorded() : null;
    }
    if (graph == null) {
      stream.context().recording(body);
    } else {
      graph.launch();
    }
  }

  private @Nullable CudaGraph recorded() {
    try {
      return CudaGraph.capture(stream, body);
    } catch (SpoiledRecordingException e) {
      spoiled++;
      if (spoiled == MOST_SPOILED) {
        LOG.log(Level.WARNING, "steps are slower than they could be: {0}", e.getMessage());
      }
      return null;
    }
  }

  @Override
  public void close() {
    closed = true;
    if (graph != null) {
      graph.close();
    }
  }
}
