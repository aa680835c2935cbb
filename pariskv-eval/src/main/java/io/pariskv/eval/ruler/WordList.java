package io.pariskv.eval.ruler;

import java.util.List;

/**
 * Different words.
 *
 * @param source what samples say their data is
 */
record WordList(String source, List<String> words) {
}
