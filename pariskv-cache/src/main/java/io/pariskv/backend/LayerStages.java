package io.pariskv.backend;

import io.pariskv.layer.Embedding;
import io.pariskv.layer.MatMul;
import io.pariskv.layer.NormedMatMul;
import io.pariskv.layer.RandomFill;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.Rotary;
import io.pariskv.layer.SwiGlu;
import io.pariskv.layer.TokenSampler;

/** The transformer's small operations on one backend. */
public record LayerStages(Embedding embedding, RmsNorm rmsNorm, MatMul matMul,
    NormedMatMul normedMatMul, Rotary rotary, SwiGlu swiGlu, TokenSampler sampler,
    RandomFill randomFill) {
}
