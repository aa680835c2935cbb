/**
 * Stage 5 of 7: query to positions. In: the query of each KV head and the summaries. Out: the
 * positions worth fetching. Next: {@code attention}.
 *
 * <p>The order: {@link io.pariskv.retrieve.QueryBlocks} rotates, {@link io.pariskv.retrieve.CentroidTiers}
 * ranks centroids, {@link io.pariskv.retrieve.CollisionVote} counts, {@link
 * io.pariskv.retrieve.BucketTopK} takes candidates, {@link io.pariskv.retrieve.Rerank} estimates
 * scores, {@link io.pariskv.retrieve.TopK} selects. Methods that ParisKV is compared with take {@link
 * io.pariskv.retrieve.KeyScores} or {@link io.pariskv.retrieve.PageScores}, {@link
 * io.pariskv.retrieve.HeadWeights} and {@link io.pariskv.retrieve.ZoneTopK}. Every stage fixes its order of arithmetic, so all
 * backends select the same positions from the same query and keys.
 */
@NullMarked
package io.pariskv.retrieve;

import org.jspecify.annotations.NullMarked;
