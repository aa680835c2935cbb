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
 * {@code nll} is the mean negative log-likelihood of a token there, in nats, {@code perplexity} its exponential, and {@code
 * nll_over_full} how much more it is than full attention's in the same window. A window begins with what the tokenizer puts
 * before a text: models that were trained with a beginning-of-sequence token attend it throughout.
 *
 * @param file text in UTF-8
 * @param judged tokens at the end of a window that are judged
 */
public record PerplexityWorkload(Path file, int judged) implements Workload {
  /** The name on the command line. */
  public static final String NAME = "perplexity";

  private static final String NLL = "nll";

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
    List<Trial> trials = new ArrayList<>();
    for (int[] tokens : TextWindows.of(encoder, file.toString(), DataFile.text(file), length,
        window, samples)) {
      trials.add(new Window(Integer.toString(trials.size()), tokens, judged, seed));
    }
    return trials;
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
    public SampleLine.Outcome beside(SampleLine.Outcome full, SampleLine.Outcome found) {
      Double least = full.measures().get(NLL);
      Double nll = found.measures().get(NLL);
      return least == null || nll == null
          ? found
          : found.with(Map.of(Scores.OVER_FULL, nll - least));
    }

    @Override
    public Result run(Session session) {
      StepCost cost = session.stepCost();
      long start = System.nanoTime();
      double[] found = session.logProbabilities(tokens, tokens.length - judged);
      double millis = (System.nanoTime() - start) / 1e6 / judged;
      double nll = -Arrays.stream(found).sum() / judged;
      return new Result(
          new SampleLine.Outcome(null, true, true,
              Map.of(NLL, nll, Scores.PERPLEXITY, Math.exp(nll)), "", List.of(), null),
          new SampleLine.Cost(cost.attendedTokens(), session.length(), cost.kvBytes(),
              cost.summaryBytes(), session.summaryBytes(), 0, 0, 0, millis),
          List.of());
    }
  }
}
