/** Typed memory: what a buffer holds, in which shape, and who frees it. Depends on nothing. */
@NullMarked
package io.pariskv.memory;

import org.jspecify.annotations.NullMarked;
