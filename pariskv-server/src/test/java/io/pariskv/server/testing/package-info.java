/** A server to test against. */
@NullMarked
package io.pariskv.server.testing;

import org.jspecify.annotations.NullMarked;
