package io.pariskv.eval.probe;

/**
 * How well one layer's KV head was served in one decode step, beside exact attention.
 *
 * @param step decode steps since the prefill
 * @param layer which layer
 * @param kvHead which KV head
 * @param recall share of the exact best k keys of the zone that were selected, best by the mean query of the group
 * @param headRecall the same, best by each query head, mean over the group
 * @param mass share of the exact attention weights that fell on attended tokens, mean over the group's query heads
 * @param error {@code |out - exact| / |exact|} of the output, mean over the group's query heads
 */
public record RetrievalPoint(int step, int layer, int kvHead, double recall, double headRecall,
    double mass, double error) {
}
