/**
 * Chat models of LangChain4j that run a model in the same process, on an engine of their own or of the application's.
 */
@NullMarked
package io.pariskv.langchain4j;

import org.jspecify.annotations.NullMarked;
