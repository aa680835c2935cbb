package io.pariskv.backend;

/** One implementation of every stage. */
public record Stages(LayerStages layers, AttentionStages attention, RetrievalStages retrieval,
    SelectionStages selection, QuantizerStages quantizer, HashStages hashes) {
}
