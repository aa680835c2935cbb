/** Documents and questions in the language of the bundled model recall-12m, made from a seed. */
@NullMarked
package io.pariskv.eval.recall;

import org.jspecify.annotations.NullMarked;
