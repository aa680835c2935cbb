/** The command line: {@link io.pariskv.app.Main} and what every command shares. */
@NullMarked
package io.pariskv.app;

import org.jspecify.annotations.NullMarked;
