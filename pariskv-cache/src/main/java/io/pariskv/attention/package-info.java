/**
 * Stage 6 of 7: positions to output. In: queries, K and V rows, the positions selected. Out: one
 * vector a query head. Next: the rest of the layer, and {@code generate}.
 */
@NullMarked
package io.pariskv.attention;

import org.jspecify.annotations.NullMarked;
