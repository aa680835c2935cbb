package io.pariskv.eval;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A benchmark: makes questions and grades answers. Immutable; the same request gives the same samples. */
public interface Task {

  /** The name that the command line takes, such as {@code niah_single_1}. */
  String name();

  /** Whether samples are made to a length; else they come as they are, and a request's length is ignored. */
  boolean sized();

  /** Tokens that a sample which comes as it is may take, prompt and answer together; 0 if samples are made to a length. */
  default int tokens() {
    return 0;
  }

  /** How its questions reach a model unless the user says otherwise; null if its samples have none apart from their text. */
  default @Nullable Protocol protocol() {
    return null;
  }

  /**
   * The samples of one cell of the evaluation, fewer than asked for only if the task's data has no more.
   *
   * @throws io.pariskv.error.InputException if the task cannot be put in so few tokens, or a data file is
   *     missing or malformed, naming file, line and field
   */
  List<Sample> samples(SampleRequest request);

  /** Grades what a model wrote; never throws for what it wrote. */
  Grade grade(Sample sample, Answer answer);
}
