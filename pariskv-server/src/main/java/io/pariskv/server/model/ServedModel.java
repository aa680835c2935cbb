package io.pariskv.server.model;

import io.pariskv.chat.AnswerForms;
import io.pariskv.chat.MessageTemplate;
import io.pariskv.chat.ToolFormat;
import io.pariskv.engine.Engine;
import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.file.GenerationConfig;
import io.pariskv.text.Tokenizer;
import java.util.Set;

/**
 * A model that the server answers with. Whoever made it closes the engine and the model, after the server.
 *
 * @param id the name that clients ask for
 * @param engine runs it
 * @param tokenizer its text
 * @param template its conversations
 * @param tools how it calls functions
 * @param forms what its answers can be made to be
 * @param ends tokens that end its turn
 * @param sampling what its authors propose, for what a request leaves open
 * @param context most tokens of a prompt and its answer together
 * @param about what people may want to know of it
 */
public record ServedModel(String id, Engine engine, Tokenizer tokenizer, MessageTemplate template,
    ToolFormat tools, AnswerForms forms, Set<Integer> ends, GenerationConfig sampling, int context,
    ModelAbout about) {
  private static final int MOST_ID_CHARACTERS = 200;

  /** A model of which nothing else is known. */
  public ServedModel(String id, Engine engine, Tokenizer tokenizer, MessageTemplate template,
      ToolFormat tools, AnswerForms forms, Set<Integer> ends, GenerationConfig sampling,
      int context) {
    this(id, engine, tokenizer, template, tools, forms, ends, sampling, context,
        ModelAbout.NOTHING);
  }

  /** Checks the id and the context, and copies the set. */
  public ServedModel {
    if (id.isEmpty() || id.length() > MOST_ID_CHARACTERS
        || id.chars().anyMatch(Character::isISOControl)) {
      throw new InputException("a model's name must have 1 to " + MOST_ID_CHARACTERS
          + " characters and no control characters, not " + id.length());
    }
    if (context < 2) {
      throw new InputException("the context of model " + id + " is " + context
          + " tokens, which leaves no room for a prompt and an answer; raise it");
    }
    ends = Set.copyOf(ends);
  }

  /**
   * A loaded model.
   *
   * @param engine of this model
   * @throws InputException if the model has no tokenizer
   */
  public static ServedModel of(String id, LanguageModel model, Engine engine) {
    if (!model.hasTokenizer()) {
      throw new InputException(
          "model " + id + " has no tokenizer.json, and a server takes text; add the file");
    }
    MessageTemplate template = template(id, model);
    return new ServedModel(id, engine, model.tokenizer(), template, ToolFormat.of(template),
        new AnswerForms(model.tokenizer(), model::constraints),
        Set.copyOf(model.config().eosTokenIds()), model.generationConfig(),
        (int) Math.min(model.plan().context(), engine.status().roomTokens()));
  }

  /**
   * A loaded model whose method, backend and memory the page shows.
   *
   * @param method that the engine was started with
   * @throws InputException if the model has no tokenizer
   */
  public static ServedModel of(String id, LanguageModel model, Engine engine,
      AttentionMethod method) {
    ServedModel served = of(id, model, engine);
    return new ServedModel(id, engine, served.tokenizer, served.template, served.tools,
        served.forms, served.ends, served.sampling, served.context,
        ModelAbout.of(model, method, served.context));
  }

  /** Loaded now, so that a template that cannot be used is known at the start. */
  private static MessageTemplate template(String id, LanguageModel model) {
    try {
      return model.chatTemplate()::renderMessages;
    } catch (InputException e) {
      return (_, _, _) -> {
        throw new InputException(
            "model " + id + " has no chat template that can be used; use /v1/completions", e);
      };
    }
  }
}
