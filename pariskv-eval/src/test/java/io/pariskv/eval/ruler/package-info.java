@NullMarked
package io.pariskv.eval.ruler;

import org.jspecify.annotations.NullMarked;
