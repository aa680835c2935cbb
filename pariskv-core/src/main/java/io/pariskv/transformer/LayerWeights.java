package io.pariskv.transformer;

import io.pariskv.layer.Linear;
import io.pariskv.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of one transformer layer, where the backend reads them.
 *
 * @param attentionNorm {@code [hidden] f32}
 * @param q {@code [heads * headDim][hidden]}
 * @param k {@code [kvHeads * headDim][hidden]}
 * @param v {@code [kvHeads * headDim][hidden]}
 * @param o {@code [hidden][heads * headDim]}
 * @param qNorm {@code [headDim] f32}, or null where the family has none
 * @param kNorm {@code [headDim] f32}, or null where the family has none
 * @param mlpNorm {@code [hidden] f32}
 * @param gate {@code [intermediate][hidden]}
 * @param up {@code [intermediate][hidden]}
 * @param down {@code [hidden][intermediate]}
 */
record LayerWeights(Buffer attentionNorm, Linear q, Linear k, Linear v, Linear o,
    @Nullable Buffer qNorm, @Nullable Buffer kNorm, Buffer mlpNorm, Linear gate, Linear up,
    Linear down) {
}
