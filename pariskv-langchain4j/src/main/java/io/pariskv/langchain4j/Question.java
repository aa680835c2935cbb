package io.pariskv.langchain4j;

import io.pariskv.constrain.Form;
import io.pariskv.generate.GenerationOptions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A chat request as the model gets it.
 *
 * @param messages as the chat template sees them
 * @param variables of the template, functions included
 * @param functions names of those that the answer may call
 * @param form of the answer; null for any
 * @param options how to sample, and when to end
 */
record Question(List<Map<String, @Nullable Object>> messages,
    Map<String, @Nullable Object> variables, Set<String> functions, @Nullable Form form,
    GenerationOptions options) {

  /** Tokens of the prompt. */
  int[] encode(LocalModel model) {
    return model.tokenizer().encode(model.template().render(messages, true, variables));
  }

  /**
   * How to answer a prompt.
   *
   * @throws io.pariskv.error.InputException if the form cannot be kept
   */
  GenerationOptions options(LocalModel model, int[] prompt) {
    return form == null ? options : options.withConstraint(model.forms().answer(form, prompt));
  }
}
