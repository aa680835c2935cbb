/**
 * Many requests at once on one loaded model: a queue, prompts prefilled in chunks between decode steps, and one batch of
 * all sequences that decode. What a server is built on; it knows nothing of HTTP.
 */
@NullMarked
package io.pariskv.engine;

import org.jspecify.annotations.NullMarked;
