/**
 * The interface of OpenAI: what its clients send, and what they expect back. Every field is honoured or refused by its name;
 * how an answer goes from an engine to a client is the same for all of its forms.
 */
@NullMarked
package io.pariskv.server.openai;

import org.jspecify.annotations.NullMarked;
