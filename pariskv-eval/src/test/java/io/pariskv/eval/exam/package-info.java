@NullMarked
package io.pariskv.eval.exam;

import org.jspecify.annotations.NullMarked;
