package io.pariskv.server.openai;

import io.pariskv.chat.FunctionSignature;
import io.pariskv.constrain.Form;
import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.model.ServedModel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a whole answer must be, of what a client says of its text and its calls.
 *
 * @param form of the answer; null for any
 * @param places where its parts stand in the request
 */
record AnswerForm(@Nullable Form form, List<Place> places) {

  /** A part of a form, and the field that it comes from. */
  record Place(String param, Form form) {
  }

  /**
   * Puts it together.
   *
   * @param tools that the model is told of
   * @throws ApiException if what is asked of calls cannot be kept
   */
  static AnswerForm of(ResponseFormat text, ToolChoice choice, Tools tools, ServedModel model) {
    boolean must = choice.mode() == ToolChoice.Mode.REQUIRED;
    if (text.form() == null && !must && !tools.functions().isEmpty()) {
      requireFree(choice, tools);
    }
    List<FunctionSignature> signatures = new ArrayList<>();
    List<Place> places = new ArrayList<>();
    if (text.form() != null && !must) {
      places.add(new Place(text.param(), text.form()));
    }
    for (Tools.Function function : tools.functions()) {
      if (choice.allows(function)) {
        FunctionSignature signature = must || function.strict()
            ? FunctionSignature.of(function.name(), function.parameters())
            : FunctionSignature.any(function.name());
        signatures.add(signature);
        places.add(new Place(function.place() + "parameters", signature.arguments()));
      }
    }
    return new AnswerForm(
        model.tools().answer(text.form(), signatures, must, choice.several()), places);
  }

  /** Refuses what only holds for an answer whose tokens are chosen by its form. */
  private static void requireFree(ToolChoice choice, Tools tools) {
    if (!choice.several()) {
      throw ApiException.invalid("parallel_tool_calls", "unsupported_parameter",
          "parallel_tool_calls is false, which is not supported with tool_choice auto: how many "
              + "are called is up to the model then; use required");
    }
    for (Tools.Function function : tools.functions()) {
      if (function.strict()) {
        String strict = function.place() + "strict";
        throw ApiException.invalid(strict, "unsupported_parameter", strict
            + " is true, which is not supported with tool_choice auto: arguments are what the "
            + "model writes then; use required");
      }
    }
  }

  /**
   * The options for such an answer to a prompt.
   *
   * @throws ApiException if the form cannot be kept, with the field that is why
   */
  GenerationOptions on(GenerationOptions options, ServedModel model, int[] prompt) {
    if (form == null) {
      return options;
    }
    if (options.ignoreEos()) {
      throw ApiException.invalid("ignore_eos", "ignore_eos goes on where an answer ends, and one "
          + "that must be of a form ends where that is complete; leave one of them out");
    }
    try {
      return options.withConstraint(model.forms().answer(form, prompt));
    } catch (InputException e) {
      throw refusal(model, e);
    }
  }

  /** Says which part cannot be kept; the whole if each of them can. */
  private ApiException refusal(ServedModel model, InputException whole) {
    for (Place place : places) {
      try {
        model.forms().to(place.form());
      } catch (InputException e) {
        return refusal(place, e);
      }
    }
    return refusal(places.getFirst(), whole);
  }

  private static ApiException refusal(Place place, InputException why) {
    return ApiException.invalid(place.param(), "unsupported_value",
        String.valueOf(why.getMessage()));
  }
}
