/** How sure a mean of few samples is. */
@NullMarked
package io.pariskv.eval.stats;

import org.jspecify.annotations.NullMarked;
