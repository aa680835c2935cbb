/**
 * Text and chat messages in, token ids out; token ids in, text out.
 *
 * <p>A {@link io.pariskv.text.ChatTemplate} turns chat messages into one prompt string, a {@link
 * io.pariskv.text.Tokenizer} turns a string into {@code int[]} token ids, a {@link
 * io.pariskv.text.TokenDecoder} turns generated ids back into text piece by piece without ever
 * splitting a character, and {@link io.pariskv.text.StopStrings} ends that text at a stop string.
 *
 * <p>All of it works on files of a model directory ({@code tokenizer.json}, {@code
 * tokenizer_config.json}, {@code chat_template.jinja}), none of which is trusted: what cannot be used
 * is refused with an {@link io.pariskv.error.InputException}. Nothing here opens a connection.
 */
@NullMarked
package io.pariskv.text;

import org.jspecify.annotations.NullMarked;
