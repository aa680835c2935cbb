/** The server as a process: models loaded and closed in order, and an orderly end at a signal. */
@NullMarked
package io.pariskv.app.serve;

import org.jspecify.annotations.NullMarked;
