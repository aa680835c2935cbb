/** Weights and configuration; tokens to logits, layer by layer. */
@NullMarked
package io.pariskv.model;

import org.jspecify.annotations.NullMarked;
