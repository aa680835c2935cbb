/**
 * Stage 7 of 7: the loop. In: a prompt and how to sample. Out: text as it grows, and why it ended.
 */
@NullMarked
package io.pariskv.generate;

import org.jspecify.annotations.NullMarked;
