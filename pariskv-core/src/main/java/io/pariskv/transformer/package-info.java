/**
 * Stage 2 of 7: tokens to logits, layer by layer. In: token ids and a cache. Out: logits, and K and V
 * in the cache. Next: {@code kv}, where they live.
 *
 * <p>Written once for every model family and every backend: prefill and decode are the same pass over
 * different rows.
 */
@NullMarked
package io.pariskv.transformer;

import org.jspecify.annotations.NullMarked;
