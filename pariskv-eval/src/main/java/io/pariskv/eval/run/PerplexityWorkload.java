package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.data.DataFile;
import io.pariskv.generate.Session;
import io.pariskv.method.StepCost;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * How well a text is predicted through a method: windows of a file, of which the end goes through decode steps. The measure
 * {@code nll} is the mean negative log-likelihood of a token there, in nats; its exponential is the perplexity.
 *
 * @param file text in UTF-8
 * @param judged tokens at the end of a window that are judged
 */
public record PerplexityWorkload(Path file, int judged) implements Workload {
  /** The name on the command line. */
  public static final String NAME = "perplexity";

  /** Checks the number; which file it is shows when it is read. */
  public PerplexityWorkload {
    if (judged < 1) {
      throw new InputException("new-tokens " + judged + " must be at least 1");
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean sized() {
    return true;
  }

  /** {@inheritDoc} Windows follow each other from the start of the file, as many as it has. */
  @Override
  public List<Trial> trials(PromptEncoder encoder, int length, int samples, long seed) {
    int window = length - 1; // the model keeps a place for the token that follows
    if (window < judged + 2) {
      throw new InputException("perplexity of " + judged + " tokens needs a length of at least "
          + (judged + 3) + ", not " + length + "; give fewer new-tokens, or a larger length");
    }
    int[] tokens = encoder.model().tokenizer().encode(DataFile.text(file));
    if (tokens.length < window) {
      throw new InputException(file + ": has " + tokens.length + " tokens, length " + length
          + " needs " + window + "; give a longer file, or a smaller length");
    }
    List<Trial> windows = new ArrayList<>();
    for (int i = 0; i < samples && (long) (i + 1) * window <= tokens.length; i++) {
      windows.add(new Window(Integer.toString(i),
          Arrays.copyOfRange(tokens, i * window, (i + 1) * window), judged, seed));
    }
    return windows;
  }

  private record Window(String id, int[] tokens, int judged, long seed) implements Trial {

    @Override
    public SampleLine.Prompt prompt() {
      return new SampleLine.Prompt(seed, tokens.length, judged, Map.of(), List.of());
    }

    @Override
    public int[] shared() {
      return Arrays.copyOf(tokens, tokens.length - judged - 1);
    }

    @Override
    public boolean scored() {
      return false;
    }

    @Override
    public Result run(Session session) {
      StepCost cost = session.stepCost();
      long start = System.nanoTime();
      double[] found = session.logProbabilities(tokens, tokens.length - judged);
      double millis = (System.nanoTime() - start) / 1e6 / judged;
      double nll = -Arrays.stream(found).sum() / judged;
      return new Result(
          new SampleLine.Outcome(null, true, true, Map.of("nll", nll), "", List.of(), null),
          new SampleLine.Cost(cost.attendedTokens(), session.length(), cost.kvBytes(),
              cost.summaryBytes(), session.summaryBytes(), 0, 0, 0, millis),
          List.of());
    }
  }
}
