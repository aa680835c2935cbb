/** Tests of the forms of answers; those of what is read of answers stand in the server. */
@NullMarked
package io.pariskv.chat;

import org.jspecify.annotations.NullMarked;
