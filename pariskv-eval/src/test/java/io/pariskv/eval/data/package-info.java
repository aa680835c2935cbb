@NullMarked
package io.pariskv.eval.data;

import org.jspecify.annotations.NullMarked;
