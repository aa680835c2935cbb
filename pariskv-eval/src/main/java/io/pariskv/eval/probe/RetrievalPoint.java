package io.pariskv.eval.probe;

/**
 * How well one layer's KV head was served in one decode step, beside exact attention.
 *
 * @param step decode steps since the prefill
 * @param layer which layer
 * @param kvHead which KV head
 * @param recall share of the best {@code k} keys of the zone by the mean query of the group that some head of the group selected
 * @param headRecall share of the best {@code k} keys by a query head that this head selected, mean over the group
 * @param mass share of the exact attention weights that fell on attended tokens, mean over the group's query heads
 * @param error {@code |out - exact| / |exact|} of the output, mean over the group's query heads
 * @param k best keys that recall asks for: as many as the method is set to retrieve, {@link ProbedMethod#USUAL_K} if it has no
 *     such number, and no more than the zone has
 * @param keys different keys that the heads of the group selected, together
 */
public record RetrievalPoint(int step, int layer, int kvHead, double recall, double headRecall,
    double mass, double error, int k, int keys) {
}
