/** The report of an evaluation: one HTML file with its figures in it, no script, nothing from a network. */
@NullMarked
package io.pariskv.eval.report;

import org.jspecify.annotations.NullMarked;
