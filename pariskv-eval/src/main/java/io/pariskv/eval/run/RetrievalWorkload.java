package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.data.DataFile;
import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.eval.recall.RecallTask;
import io.pariskv.eval.recall.RecallTasks;
import io.pariskv.eval.ruler.OwnProse;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.Session;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model writes as many tokens as it is told to, so that one can look at what methods select meanwhile: the bundled model a
 * path, another one, or any with a text, the text's continuation. An end of turn does not end it.
 *
 * @param file text in UTF-8, parts of which are continued; null for a path, or our own prose
 * @param newTokens tokens to write
 */
record RetrievalWorkload(@Nullable Path file, int newTokens) implements Workload {
  /** The name on the command line. */
  static final String NAME = "retrieval";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean sized() {
    return true;
  }

  /** {@inheritDoc} Of a text there are as many as it has parts of that length. */
  @Override
  public List<Trial> trials(PromptEncoder encoder, int length, int samples, long seed) {
    if (file == null && RecallTasks.speaks(encoder.model().tokenizer())) {
      RecallTask path = RecallTask.path(newTokens / RecallDocument.SENTENCE_TOKENS);
      return new TaskWorkload(path).ignoringEos().trials(encoder, length, samples, seed);
    }
    int prompt = length - newTokens;
    if (prompt < encoder.beginning().length + 2) {
      throw new InputException("retrieval of " + newTokens + " tokens needs a length of at least "
          + (newTokens + encoder.beginning().length + 2) + ", not " + length
          + "; give fewer new-tokens, or a larger length");
    }
    String source = file == null ? "own" : String.valueOf(file.getFileName());
    String text = file == null ? OwnProse.text() : DataFile.text(file);
    List<Trial> trials = new ArrayList<>();
    for (int[] tokens : TextWindows.of(encoder, file == null ? "our own prose" : file.toString(),
        text, length, prompt, samples)) {
      trials.add(
          new Continuation(Integer.toString(trials.size()), tokens, newTokens, source, seed));
    }
    return trials;
  }

  private record Continuation(String id, int[] tokens, int newTokens, String source,
      long seed) implements Trial {

    @Override
    public SampleLine.Prompt prompt() {
      return new SampleLine.Prompt(seed, tokens.length, 0, Map.of("data", source), List.of());
    }

    @Override
    public int[] shared() {
      return Arrays.copyOf(tokens, tokens.length - 1);
    }

    @Override
    public boolean scored() {
      return false;
    }

    @Override
    public Result run(Session session) {
      GenerationResult result = session.generate(tokens, 0,
          GenerationOptions.greedy(newTokens).withIgnoreEos(true), GenerationListener.NONE);
      return new Result(new SampleLine.Outcome(null, true, true, Map.of(), result.text(),
          result.tokens(), null), TaskWorkload.cost(result), List.of());
    }
  }
}
