/**
 * Benchmarks with JMH, one a stage; each one's Javadoc has its command. Results are checked against the
 * scalar backend before anything is timed.
 */
@NullMarked
package io.pariskv.bench;

import org.jspecify.annotations.NullMarked;
