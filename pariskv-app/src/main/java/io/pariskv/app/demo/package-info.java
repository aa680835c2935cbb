/** The document and the question of {@code pariskv demo}. */
@NullMarked
package io.pariskv.app.demo;

import org.jspecify.annotations.NullMarked;
