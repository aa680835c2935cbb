/** The bench module. */
@NullMarked
package io.pariskv.bench;

import org.jspecify.annotations.NullMarked;
