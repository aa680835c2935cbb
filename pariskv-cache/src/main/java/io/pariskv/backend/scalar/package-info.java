/**
 * The oracle: every stage in plain Java, in double where it matters, never optimised. Other backends
 * must equal it: integers exactly, floats within the tolerance their contract states.
 */
@NullMarked
package io.pariskv.backend.scalar;

import org.jspecify.annotations.NullMarked;
