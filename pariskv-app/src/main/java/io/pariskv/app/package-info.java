/** The app module. */
@NullMarked
package io.pariskv.app;

import org.jspecify.annotations.NullMarked;
