/** How a refusal reaches the user. Depends on nothing. */
@NullMarked
package io.pariskv.error;

import org.jspecify.annotations.NullMarked;
