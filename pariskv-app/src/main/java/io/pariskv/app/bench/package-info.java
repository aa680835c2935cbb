/** Benchmarks of the command line: synthetic caches, timed steps. */
@NullMarked
package io.pariskv.app.bench;

import org.jspecify.annotations.NullMarked;
