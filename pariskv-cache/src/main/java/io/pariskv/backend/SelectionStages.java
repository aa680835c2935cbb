package io.pariskv.backend;

import io.pariskv.index.PageBounds;
import io.pariskv.retrieve.HeadWeights;
import io.pariskv.retrieve.KeyScores;
import io.pariskv.retrieve.PageScores;
import io.pariskv.retrieve.SelectionCounts;
import io.pariskv.retrieve.ZoneTopK;

/** What other methods than ParisKV select with, on one backend; and last what counts where a method selects. */
public record SelectionStages(PageBounds pageBounds, KeyScores keyScores, PageScores pageScores,
    HeadWeights headWeights, ZoneTopK zoneTopK, SelectionCounts counts) {
}
