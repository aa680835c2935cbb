/** The binding and the owners against fake functions, so that they are tested where there is no GPU. */
@NullMarked
package io.pariskv.backend.cuda;

import org.jspecify.annotations.NullMarked;
