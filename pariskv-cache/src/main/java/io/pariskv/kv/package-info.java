/**
 * Stage 3 of 7: where each token's key and value live. In: K and V rows of one layer. Out: rows by
 * sequence and position, and the zones they belong to. Next: {@code index}.
 */
@NullMarked
package io.pariskv.kv;

import org.jspecify.annotations.NullMarked;
