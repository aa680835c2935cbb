/** One class a command, and the groups of flags they share. */
@NullMarked
package io.pariskv.app.cli;

import org.jspecify.annotations.NullMarked;
