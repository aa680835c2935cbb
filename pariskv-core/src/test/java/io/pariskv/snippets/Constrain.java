package io.pariskv.snippets;

import io.pariskv.constrain.Constraint;
import io.pariskv.constrain.Form;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import io.pariskv.text.ChatMessage;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;

/** Of {@link io.pariskv.generate.GenerationOptions}. */
final class Constrain {
  private Constrain() {
  }

  static GenerationResult answer(LanguageModel model, Session session, String question,
      String schema) {
    // @start region="example"
    // keep it if the form comes again: what it finds out about tokens goes with it
    Constraint form = model.constraints().to(new Form.Json(JsonMapper.shared().readTree(schema)));
    GenerationResult result = session.generate(List.of(ChatMessage.user(question)),
        model.proposedOptions(200).withConstraint(form).withLogprobs(2), GenerationListener.NONE);
    // result.logprobs() says how probable each token was, and the two most probable ones
    // @end
    return result;
  }
}
