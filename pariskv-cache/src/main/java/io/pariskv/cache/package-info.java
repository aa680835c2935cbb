/**
 * The cache as an engine uses it: open a sequence, prefill chunks, step. Everything below is behind
 * {@link io.pariskv.cache.KvCache}.
 */
@NullMarked
package io.pariskv.cache;

import org.jspecify.annotations.NullMarked;
