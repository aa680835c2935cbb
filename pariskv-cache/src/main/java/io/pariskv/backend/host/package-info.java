/**
 * Memory of the CPU backends: K, V and summaries in slabs off the heap, shared by {@code scalar} and
 * {@code vector} so that one can read what the other wrote.
 */
@NullMarked
package io.pariskv.backend.host;

import org.jspecify.annotations.NullMarked;
