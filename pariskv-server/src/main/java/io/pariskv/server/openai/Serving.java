package io.pariskv.server.openai;

import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.live.LiveRequests;
import io.pariskv.server.metrics.ServerMetrics;
import io.pariskv.server.model.ServedModel;
import io.pariskv.server.model.ServedModels;
import java.time.Duration;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What all endpoints share.
 *
 * @param models that can be asked for
 * @param metrics counts what happens
 * @param deadline after which an answer is ended with what there is; null for none
 * @param logPrompts whether the log has prompts and answers
 * @param startedAt seconds since 1970
 * @param draining whether the server is about to end
 * @param failed ids of models whose engine has failed; thread-safe
 * @param live requests that can be looked at
 */
public record Serving(ServedModels models, ServerMetrics metrics, @Nullable Duration deadline,
    boolean logPrompts, long startedAt, BooleanSupplier draining, Set<String> failed,
    LiveRequests live) {

  /** The model that a request names; where there is one only, a request may leave its name out. */
  ServedModel model(Fields fields) {
    String id = fields.text("model");
    if (id == null) {
      ServedModel only = models.only();
      if (only == null) {
        throw fields.missing("model");
      }
      return only;
    }
    return model(id);
  }

  /** The model with this id. */
  ServedModel model(String id) {
    ServedModel model = models.find(id);
    if (model == null) {
      throw ApiException.notFound("model", "model_not_found",
          "the model '" + Json.shorten(id) + "' does not exist; this server has "
              + models.all().stream().map(ServedModel::id).collect(Collectors.joining(", ")));
    }
    return model;
  }
}
