package io.pariskv.eval.exam;

import java.util.Map;

/**
 * One problem of an exam.
 *
 * @param id unique in the exam
 * @param prompt the user's message
 * @param reference the right answer
 * @param labels what a report groups by
 */
record Problem(String id, String prompt, String reference, Map<String, Object> labels) {
}
