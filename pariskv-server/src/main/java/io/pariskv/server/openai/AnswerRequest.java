package io.pariskv.server.openai;

import io.pariskv.chat.AnswerParser;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.model.ServedModel;

/**
 * A client's request as it was understood, ready for the engine.
 *
 * @param model that answers
 * @param prompt its tokens
 * @param options how the answer's tokens are chosen
 * @param format of the answer
 * @param parser tells its parts apart
 * @param stream whether the client wants it piece by piece
 */
record AnswerRequest(ServedModel model, int[] prompt, GenerationOptions options,
    AnswerFormat format, AnswerParser parser, boolean stream) {
}
