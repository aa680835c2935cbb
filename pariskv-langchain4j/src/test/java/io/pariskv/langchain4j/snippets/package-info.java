/** The examples of docs/java.md, shown as they stand here and run. */
@NullMarked
package io.pariskv.langchain4j.snippets;

import org.jspecify.annotations.NullMarked;
