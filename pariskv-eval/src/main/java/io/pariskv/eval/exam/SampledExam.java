package io.pariskv.eval.exam;

import io.pariskv.eval.Answer;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.Streams;
import io.pariskv.eval.data.TaskData;
import io.pariskv.text.ChatMessage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * An exam of short problems with long answers, each drawn several times.
 *
 * <p>Samples come draw by draw, so that any number of them covers the problems evenly. Fewer samples than
 * problems are a part of the problems that the seed chooses.
 */
record SampledExam(String name, TaskData data, List<String> files,
    Function<Path, List<Problem>> reader, Settings settings, Marking marking) implements Task {
  /** Room for a prompt beside the longest answer; hardly a problem needs more. */
  private static final int PROMPT_TOKENS = 2_048;

  /**
   * How answers are drawn.
   *
   * @param draws answers to each problem
   * @param maxTokens most tokens of an answer
   */
  record Settings(int draws, int maxTokens, double temperature, double topP, int topK) {
  }

  @Override
  public boolean sized() {
    return false;
  }

  @Override
  public int tokens() {
    return PROMPT_TOKENS + maxTokens();
  }

  private int maxTokens() {
    return data.maxTokens() > 0 ? data.maxTokens() : settings.maxTokens();
  }

  @Override
  public List<Sample> samples(SampleRequest request) {
    Path file = data.require(name, files.toArray(String[]::new));
    List<Problem> problems = Chosen.of(reader.apply(file), request.count(),
        Streams.random(request.seed(), name));
    int draws = data.draws() > 0 ? data.draws() : settings.draws();
    List<Sample> samples = new ArrayList<>();
    for (int draw = 1; draw <= draws; draw++) {
      for (Problem problem : problems) {
        if (samples.size() < request.count()) {
          samples.add(sample(problem, draw, request.seed(), String.valueOf(file.getFileName())));
        }
      }
    }
    return samples;
  }

  private Sample sample(Problem problem, int draw, long seed, String source) {
    Map<String, Object> labels = new HashMap<>(problem.labels());
    labels.put("data", source);
    labels.put("draw", draw);
    return new Sample(problem.id() + "#" + draw,
        List.of(new ChatMessage("user", problem.prompt())), "", "", List.of(problem.reference()),
        maxTokens(), new Sample.Drawing(settings.temperature(), settings.topP(), settings.topK(),
            Streams.seed(seed, name, problem.id(), draw)),
        labels);
  }

  @Override
  public Grade grade(Sample sample, Answer answer) {
    return marking.grade(answer.text(), sample.references().getFirst());
  }
}
