package io.pariskv.layer;

import io.pariskv.memory.Buffer;

/**
 * The parameters of an {@link RmsNorm}.
 *
 * @param weight {@code [width] f32}
 * @param epsilon added to the mean of the squares
 */
public record Norm(Buffer weight, float epsilon) {
}
