/** A probe around an attention method: how good its selections are, beside exact attention. */
@NullMarked
package io.pariskv.eval.probe;

import org.jspecify.annotations.NullMarked;
