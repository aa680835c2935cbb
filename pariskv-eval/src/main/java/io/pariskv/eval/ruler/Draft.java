package io.pariskv.eval.ruler;

import java.util.List;
import java.util.Map;

/**
 * A sample before it is known to fit.
 *
 * @param text all of the user's message before the question
 * @param question the end of the message
 * @param answerPrefix begins the answer
 * @param answers the references
 * @param labels what a report groups by
 */
record Draft(String text, String question, String answerPrefix, List<String> answers,
    Map<String, Object> labels) {
}
