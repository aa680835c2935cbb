package io.pariskv.eval.run;

import io.pariskv.eval.Protocol;
import io.pariskv.eval.data.MadeList;
import io.pariskv.eval.probe.ProbedMethod;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Another workload with a look at what the methods select. Times of such samples are not worth quoting.
 *
 * @param name how it is called
 * @param workload what is run
 * @param every steps from one that is looked at to the next
 */
public record ProbedWorkload(String name, Workload workload, int every) implements Workload {

  @Override
  public boolean sized() {
    return workload.sized();
  }

  @Override
  public int tokens() {
    return workload.tokens();
  }

  @Override
  public @Nullable Protocol protocol() {
    return workload.protocol();
  }

  @Override
  public List<Trial> trials(PromptEncoder encoder, int length, int samples, long seed) {
    List<Trial> trials = workload.trials(encoder, length, samples, seed);
    return new MadeList<>(trials.size(), i -> new Probed(trials.get(i), every));
  }

  private record Probed(Trial trial, int every) implements Trial {

    @Override
    public SampleLine.Outcome beside(SampleLine.Outcome full, SampleLine.Outcome found) {
      return trial.beside(full, found);
    }

    @Override
    public String id() {
      return trial.id();
    }

    @Override
    public SampleLine.Prompt prompt() {
      return trial.prompt();
    }

    @Override
    public int[] shared() {
      return trial.shared();
    }

    @Override
    public boolean scored() {
      return trial.scored();
    }

    @Override
    public AttentionMethod around(AttentionMethod method) {
      return method instanceof FullAttention ? method : new ProbedMethod(method, every);
    }

    @Override
    public Result run(Session session) {
      Result result = trial.run(session);
      return session.method() instanceof ProbedMethod probe
          ? new Result(result.outcome(), result.cost(), probe.take())
          : result;
    }
  }
}
