package io.pariskv.eval.run;

import io.pariskv.eval.probe.RetrievalPoint;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import java.util.List;

/** One sample as tokens, ready to be put to a session through one method after another. */
public interface Trial {

  /** Unique in its cell. */
  String id();

  /** What the line of results says of it. */
  SampleLine.Prompt prompt();

  /** The tokens that are prefilled, once for all methods. */
  int[] shared();

  /** Whether it is graded; else it only measures. */
  boolean scored();

  /** The method as the session shall use it: a probe may come around it. */
  default AttentionMethod around(AttentionMethod method) {
    return method;
  }

  /**
   * Runs on a session that holds {@link #shared} and attends by {@link #around} the method.
   *
   * @return what came of it, its costs without those of prefill and index
   */
  Result run(Session session);

  /**
   * What came of it, with what is only known beside full attention's answer to the same.
   *
   * @param full what came of it through full attention
   * @param found what came of it through another method
   */
  default SampleLine.Outcome beside(SampleLine.Outcome full, SampleLine.Outcome found) {
    return found;
  }

  /** What a run gave. */
  record Result(SampleLine.Outcome outcome, SampleLine.Cost cost, List<RetrievalPoint> retrieval) {
  }
}
