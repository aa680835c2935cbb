/**
 * The runner: puts the samples of each cell (task, length, method) to one loaded model, shares a sample's prefill between
 * methods, and keeps a line a sample in a file, so that a run that was ended can go on.
 */
@NullMarked
package io.pariskv.eval.run;

import org.jspecify.annotations.NullMarked;
