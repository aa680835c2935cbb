/** What several tests of the module use. */
@NullMarked
package io.pariskv.langchain4j.testing;

import org.jspecify.annotations.NullMarked;
