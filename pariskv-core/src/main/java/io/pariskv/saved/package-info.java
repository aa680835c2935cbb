/**
 * Caches in files: K and V of a prompt, written once and read in seconds where computing them took minutes. The format is
 * described in {@link io.pariskv.saved.CacheHeader}; what goes into a file and comes out of it are rows alone, whatever
 * attends them.
 */
@NullMarked
package io.pariskv.saved;

import org.jspecify.annotations.NullMarked;
