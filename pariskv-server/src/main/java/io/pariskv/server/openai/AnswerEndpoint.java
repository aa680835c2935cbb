package io.pariskv.server.openai;

import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Router;
import java.io.IOException;

/** A path whose requests the model answers. */
abstract class AnswerEndpoint implements Router.Handler {
  final Serving serving;

  AnswerEndpoint(Serving serving) {
    this.serving = serving;
  }

  @Override
  public final void handle(Exchange exchange) throws IOException {
    new Answering(serving, exchange, read(exchange)).run();
  }

  /**
   * What is asked. What was read besides is garbage before the answer begins, which may take hours.
   *
   * @throws io.pariskv.server.http.ApiException if it cannot be answered, with the field
   */
  abstract AnswerRequest read(Exchange exchange) throws IOException;
}
