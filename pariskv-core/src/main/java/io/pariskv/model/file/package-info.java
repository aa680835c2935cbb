/**
 * Model directories as Hugging Face writes them: configuration, and weights mapped from safetensors files.
 *
 * <p>Everything here comes from files that others wrote, so everything is checked against limits before
 * it is used, and every refusal is an {@link io.pariskv.error.InputException}.
 */
@NullMarked
package io.pariskv.model.file;

import org.jspecify.annotations.NullMarked;
