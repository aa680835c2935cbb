/** What the tests of all modules share: seeds, nasty inputs, sizes, backends and tolerances. */
@NullMarked
package io.pariskv.testing;

import org.jspecify.annotations.NullMarked;
