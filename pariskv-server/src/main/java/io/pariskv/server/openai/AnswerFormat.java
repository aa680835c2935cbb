package io.pariskv.server.openai;

import io.pariskv.server.http.ApiException;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** The JSON of an answer: as events, or as a whole. One instance an answer; not thread-safe. */
interface AnswerFormat {

  /** What is sent before anything is known of the answer; may be nothing. */
  void begin(EventText out);

  /** A part of the answer. */
  void piece(Piece piece, EventText out);

  /** The answer is complete. */
  void end(Ending ending, EventText out);

  /** The answer is not complete, and never will be. */
  void fail(ApiException problem, EventText out);

  /** All of it at once, in place of events. */
  ObjectNode whole(List<Piece> pieces, Ending ending);
}
