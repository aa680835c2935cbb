/**
 * The transformer's small operations, one contract a file. Activations are f32, row-major, one row a
 * token. {@code rows} is the one outer axis: a chunk of a prompt or a batch of sequences, no difference.
 */
@NullMarked
package io.pariskv.layer;

import org.jspecify.annotations.NullMarked;
