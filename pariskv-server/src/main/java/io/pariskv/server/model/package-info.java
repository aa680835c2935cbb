/** What is served: models by their ids, each with its engine, its tokenizer and its chat template. */
@NullMarked
package io.pariskv.server.model;

import org.jspecify.annotations.NullMarked;
