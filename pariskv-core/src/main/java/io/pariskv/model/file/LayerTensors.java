package io.pariskv.model.file;

import org.jspecify.annotations.Nullable;

/**
 * The weights of one decoder layer. A matrix is {@code [outputs][inputs]}; what the configuration says the
 * layer does not have is null.
 *
 * @param inputNorm         {@code [hiddenSize]}
 * @param q                 {@code [heads * headDim][hiddenSize]}
 * @param qBias             {@code [heads * headDim]}
 * @param k                 {@code [kvHeads * headDim][hiddenSize]}
 * @param kBias             {@code [kvHeads * headDim]}
 * @param v                 {@code [kvHeads * headDim][hiddenSize]}
 * @param vBias             {@code [kvHeads * headDim]}
 * @param o                 {@code [hiddenSize][heads * headDim]}
 * @param oBias             {@code [hiddenSize]}
 * @param qNorm             {@code [headDim]}
 * @param kNorm             {@code [headDim]}
 * @param postAttentionNorm {@code [hiddenSize]}
 * @param gate              {@code [intermediateSize][hiddenSize]}
 * @param gateBias          {@code [intermediateSize]}
 * @param up                {@code [intermediateSize][hiddenSize]}
 * @param upBias            {@code [intermediateSize]}
 * @param down              {@code [hiddenSize][intermediateSize]}
 * @param downBias          {@code [hiddenSize]}
 */
public record LayerTensors(TensorView inputNorm, TensorView q, @Nullable TensorView qBias,
    TensorView k,
    @Nullable TensorView kBias, TensorView v, @Nullable TensorView vBias, TensorView o,
    @Nullable TensorView oBias,
    @Nullable TensorView qNorm, @Nullable TensorView kNorm, TensorView postAttentionNorm,
    TensorView gate,
    @Nullable TensorView gateBias, TensorView up, @Nullable TensorView upBias, TensorView down,
    @Nullable TensorView downBias) {
}
