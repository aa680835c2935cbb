package io.pariskv.transformer;

import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of one transformer layer, where the backend reads them.
 *
 * @param attentionNorm {@code [hidden] f32}
 * @param qkv {@code [heads * headDim][hidden]} and twice {@code [kvHeads * headDim][hidden]}
 * @param o {@code [hidden][heads * headDim]}
 * @param qNorm {@code [headDim] f32}, or null where the family has none
 * @param kNorm {@code [headDim] f32}, or null where the family has none
 * @param mlpNorm {@code [hidden] f32}
 * @param gateUp {@code [intermediate][hidden]} each
 * @param down {@code [hidden][intermediate]}
 */
record LayerWeights(Norm attentionNorm, List<Linear> qkv, Linear o, @Nullable Buffer qNorm,
    @Nullable Buffer kNorm, Norm mlpNorm, GatedLinear gateUp, Linear down) {
}
