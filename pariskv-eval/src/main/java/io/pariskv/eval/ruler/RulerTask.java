package io.pariskv.eval.ruler;

import io.pariskv.error.InputException;
import io.pariskv.eval.Answer;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.Fit;
import io.pariskv.eval.data.MadeList;
import io.pariskv.eval.data.Streams;
import io.pariskv.text.ChatMessage;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * One task of RULER: finds how many units fill the length, then makes every sample of so many, and shortens
 * those that do not fit by the task's increment.
 */
record RulerTask(String name, Recipe recipe, Scoring scoring) implements Task {

  @Override
  public boolean sized() {
    return true;
  }

  /** {@inheritDoc} Prefilled, with the answer prefix, as NVIDIA's pipeline does and published scores are. */
  @Override
  public Protocol protocol() {
    return Protocol.PREFILLED;
  }

  /** {@inheritDoc} A sample is made when the list is asked for it. */
  @Override
  public List<Sample> samples(SampleRequest request) {
    Recipe prepared = recipe.prepared(request.length(), Streams.random(request.seed(), name),
        text -> request.tokens()
            .applyAsInt(sample("0", new Draft(text, "", "", List.of(), Map.of()))));
    return new RulerTask(name, prepared, scoring).made(request);
  }

  private List<Sample> made(SampleRequest request) {
    int units = units(request);
    return new MadeList<>(Math.min(request.count(), recipe.samples()),
        index -> fitting(request, units, index));
  }

  private Sample fitting(SampleRequest request, int units, int index) {
    int smallest = recipe.smallest(request.length());
    int increment = recipe.increment(request.length());
    for (int left = units;; left = Math.max(smallest, left - increment)) {
      Sample sample = sample(request, left, index);
      if (request.fits(sample)) {
        return sample;
      }
      if (left == smallest) {
        throw tooShort(request, sample);
      }
    }
  }

  /** The search of the repository, on its first sample. */
  private int units(SampleRequest request) {
    int smallest = recipe.smallest(request.length());
    int step = recipe.step(request.length());
    OptionalInt steps = Fit.largest(0, (recipe.largest() - smallest) / step,
        request.length() - recipe.maxTokens(), 0,
        n -> request.tokens().applyAsInt(sample(request, smallest + n * step, 0)));
    if (steps.isEmpty()) {
      throw tooShort(request, sample(request, smallest, 0));
    }
    return smallest + steps.getAsInt() * step;
  }

  private Sample sample(SampleRequest request, int units, int index) {
    return sample(String.valueOf(index), recipe.draft(request.length(), units, index,
        Streams.random(request.seed(), name, index)));
  }

  private Sample sample(String id, Draft draft) {
    return new Sample(id, List.of(new ChatMessage("user", draft.text() + draft.question())),
        draft.answerPrefix(),
        draft.question(), draft.answers(), recipe.maxTokens(), Sample.Drawing.GREEDY,
        draft.labels());
  }

  private InputException tooShort(SampleRequest request, Sample sample) {
    long needed = (long) request.tokens().applyAsInt(sample) + sample.maxTokens();
    return new InputException(name + " cannot be put in " + request.length()
        + " tokens: its shortest sample " + sample.id() + " has " + needed + " with the "
        + sample.maxTokens() + " of the answer; ask for a greater length");
  }

  @Override
  public Grade grade(Sample sample, Answer answer) {
    return Grade.of(scoring.score(answer.text(), sample.references()));
  }
}
