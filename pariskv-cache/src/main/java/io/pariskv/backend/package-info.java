/**
 * Which machine runs the stages. A {@link io.pariskv.backend.Backend} hands out one implementation of
 * each stage contract and the stores they work on; {@link io.pariskv.backend.Backends} chooses one and
 * says why.
 */
@NullMarked
package io.pariskv.backend;

import org.jspecify.annotations.NullMarked;
