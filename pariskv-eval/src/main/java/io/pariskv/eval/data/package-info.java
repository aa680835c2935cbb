/**
 * Where tasks get their data: the user's files, read with bounds and with errors that name file, line and
 * field; random streams; and the search for the size that fills a length.
 */
@NullMarked
package io.pariskv.eval.data;

import org.jspecify.annotations.NullMarked;
