/**
 * Constrained decoding: answers that are of a given form whatever the model prefers, since tokens that would leave it
 * cannot be chosen.
 */
@NullMarked
package io.pariskv.constrain;

import org.jspecify.annotations.NullMarked;
