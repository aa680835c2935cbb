package io.pariskv.engine;

import io.pariskv.generate.GenerationOptions;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What an engine is asked for.
 *
 * @param prompt token ids, all of the sequence from its start; not copied
 * @param options how to sample, and when to end
 * @param deadline after which the request is ended with what there is, counted from its arrival; null for none
 */
public record EngineRequest(int[] prompt, GenerationOptions options, @Nullable Duration deadline) {
}
