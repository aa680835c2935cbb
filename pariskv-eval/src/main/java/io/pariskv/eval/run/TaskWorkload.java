package io.pariskv.eval.run;

import io.pariskv.eval.Answer;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.MadeList;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.Session;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The questions of a task: the model writes, the task grades.
 *
 * @param task makes the questions
 * @param protocol how they reach the model, which samples have as a label; null if they are not apart from the text
 * @param ignoreEos whether the model goes on after an end of turn, up to the sample's limit
 */
public record TaskWorkload(Task task, @Nullable Protocol protocol,
    boolean ignoreEos) implements Workload {

  /** The questions as the task has them reach the model. */
  public TaskWorkload(Task task) {
    this(task, task.protocol(), false);
  }

  /** The same by another protocol, where the questions are apart from the text. */
  TaskWorkload by(Protocol other) {
    return protocol == null ? this : new TaskWorkload(task, other, ignoreEos);
  }

  /** The same, whatever the model takes for an end. */
  TaskWorkload ignoringEos() {
    return new TaskWorkload(task, protocol, true);
  }

  @Override
  public String name() {
    return task.name();
  }

  @Override
  public boolean sized() {
    return task.sized();
  }

  @Override
  public int tokens() {
    return task.tokens();
  }

  @Override
  public List<Trial> trials(PromptEncoder encoder, int length, int samples, long seed) {
    SampleRequest request = new SampleRequest(Math.max(length, 1), samples, seed, encoder::tokens);
    List<Sample> made = task.samples(request);
    return new MadeList<>(made.size(), i -> question(encoder, made.get(i), seed));
  }

  private Trial question(PromptEncoder encoder, Sample sample, long seed) {
    return new Question(this, sample, encoder.encode(sample, protocol), seed);
  }

  private record Question(TaskWorkload of, Sample sample, PromptEncoder.Encoded encoded,
      long seed) implements Trial {

    @Override
    public String id() {
      return sample.id();
    }

    @Override
    public SampleLine.Prompt prompt() {
      Map<String, Object> labels = new HashMap<>(sample.labels());
      if (of.protocol != null) {
        labels.put(Protocol.LABEL, of.protocol.toString());
      }
      return new SampleLine.Prompt(seed, encoded.tokens().length, encoded.fed(), labels,
          sample.references());
    }

    @Override
    public int[] shared() {
      return encoded.prefilled();
    }

    @Override
    public boolean scored() {
      return true;
    }

    @Override
    public Result run(Session session) {
      GenerationResult result = session.generate(encoded.tokens(), encoded.fed(), options(),
          GenerationListener.NONE);
      boolean finished = result.finishReason() == FinishReason.STOP;
      Grade grade = of.task.grade(sample,
          new Answer(result.text(), result.tokens().size(), finished));
      return new Result(
          new SampleLine.Outcome(grade.score(), grade.parsed(), finished, grade.measures(),
              result.text(), result.tokens(), null),
          cost(result), List.of());
    }

    private GenerationOptions options() {
      Sample.Drawing drawing = sample.sampling();
      return GenerationOptions.greedy(sample.maxTokens())
          .withTemperature((float) drawing.temperature()).withTopP((float) drawing.topP())
          .withTopK(drawing.topK()).withSeed(drawing.seed()).withIgnoreEos(of.ignoreEos);
    }
  }

  static SampleLine.Cost cost(GenerationResult result) {
    return new SampleLine.Cost(result.attendedTokensMean(), result.heldTokens(),
        result.kvBytesPerToken(), result.summaryBytesPerToken(), result.summaryBytes(), 0, 0,
        result.prefillSeconds(), result.decodeMillisPerToken());
  }
}
