/**
 * Stage 4 of 7: key to summary. In: K rows of the retrieval zone. Out: centroid ids, 4-bit codes,
 * weights and populations. Next: {@code retrieve}.
 *
 * <p>ParisKV, section 4. Symbols: {@code B} subspaces of {@code m = 8} coordinates, 256 centroids a
 * subspace. The codebook is fixed and data-independent, so it does not drift.
 */
@NullMarked
package io.pariskv.index;

import org.jspecify.annotations.NullMarked;
