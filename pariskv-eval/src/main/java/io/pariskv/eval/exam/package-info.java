/**
 * Exams that the user has as local files: LongBench-v2, AIME, GPQA and MATH-500, with their published prompts
 * and scoring. An answer from which nothing can be read is wrong, and counted as not parsed.
 */
@NullMarked
package io.pariskv.eval.exam;

import org.jspecify.annotations.NullMarked;
