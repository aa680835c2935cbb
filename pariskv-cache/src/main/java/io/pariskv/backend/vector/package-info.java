/** Every stage with the Vector API, on all cores. Equal to {@code scalar}, and fast. */
@NullMarked
package io.pariskv.backend.vector;

import org.jspecify.annotations.NullMarked;
