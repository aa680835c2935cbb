package io.pariskv.eval.run;

import io.pariskv.eval.Protocol;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is put to a model in the cells of a row: questions of a task, or something that is measured. */
public interface Workload {

  /** The name that the command line takes. */
  String name();

  /** Whether samples are made to a length; else they come as they are. */
  boolean sized();

  /** Tokens that a sample which comes as it is may take, prompt and answer together; 0 if samples are made to a length. */
  default int tokens() {
    return 0;
  }

  /** How its questions reach the model; null if it has none that are apart from the text. */
  default @Nullable Protocol protocol() {
    return null;
  }

  /**
   * The samples of one length, the same for every method.
   *
   * @throws io.pariskv.error.InputException if there are none, with the reason
   */
  List<Trial> trials(PromptEncoder encoder, int length, int samples, long seed);
}
