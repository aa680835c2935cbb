/** The examples of the Javadoc: shown as they stand here, run by {@code SnippetsTest}. */
@NullMarked
package io.pariskv.snippets;

import org.jspecify.annotations.NullMarked;
