package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.generate.TokenLogprobs;
import java.util.List;

/**
 * A part of an answer as it is sent.
 *
 * @param part what it says
 * @param tokens all since the part before; none if the client did not ask for their probabilities
 */
record Piece(Part part, List<TokenLogprobs> tokens) {
}
