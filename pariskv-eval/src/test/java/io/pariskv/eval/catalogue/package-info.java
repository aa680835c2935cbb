@NullMarked
package io.pariskv.eval.catalogue;

import org.jspecify.annotations.NullMarked;
