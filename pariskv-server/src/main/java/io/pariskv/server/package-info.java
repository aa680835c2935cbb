/**
 * An OpenAI-compatible server over engines: {@link io.pariskv.server.ParisKvServer} is all that a program starts. The packages
 * below this one are its parts and may change: {@code http} knows no models, {@code model} is what is served, {@code metrics}
 * counts, {@code live} shows what happens, {@code openai} is the interface.
 */
@NullMarked
package io.pariskv.server;

import org.jspecify.annotations.NullMarked;
