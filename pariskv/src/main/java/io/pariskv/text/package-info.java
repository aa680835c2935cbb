/** Text to tokens and back; chat templates. */
@NullMarked
package io.pariskv.text;

import org.jspecify.annotations.NullMarked;
