package io.pariskv.langchain4j;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.pariskv.engine.EngineStoppedException;
import io.pariskv.engine.QueueFullException;
import io.pariskv.error.InputException;

/** Our errors as the exceptions that applications of LangChain4j catch. */
final class Refusals {
  private Refusals() {
  }

  /** A feature that there is not. */
  static UnsupportedFeatureException unsupported(String what, String wayOut) {
    return new UnsupportedFeatureException(
        what + " is not supported by ParisKV models; " + wayOut);
  }

  /** The exception for a request that failed. */
  static LangChain4jException of(Throwable failure) {
    String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
    return switch (failure) {
      case LangChain4jException own -> own;
      case InputException e -> new InvalidRequestException(message, e);
      case QueueFullException e -> new RateLimitException(message, e);
      case EngineStoppedException e -> new NonRetriableException(message, e);
      default -> new InternalServerException(message, failure);
    };
  }
}
