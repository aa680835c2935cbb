package io.pariskv.method;

import java.util.List;

/**
 * Where in its context the decode steps of a sequence selected keys, all layers and heads together. Bin {@code b} has the
 * positions from {@code b * binTokens} to {@code (b + 1) * binTokens - 1}; the last ones may lie beyond the context.
 *
 * @param binTokens tokens of a bin
 * @param steps how many steps were counted
 * @param sums of each bin, over all of them
 * @param latest of each bin, in single steps: the last ones, oldest first; at most as many as {@code steps}
 */
public record SelectedPlaces(int binTokens, int steps, long[] sums, List<int[]> latest) {
}
