package io.pariskv.backend.vector;

/** Estimates a run of candidates; one implementation for each number of lanes. */
interface RerankKernel {
  /** The implementation with the most lanes that so many subspaces fill. */
  static RerankKernel of(int subspaces) {
    if (Species.BITS >= 512 && subspaces >= RerankKernelWide.LANES) {
      return new RerankKernelWide();
    }
    return subspaces >= RerankKernelNarrow.LANES
        ? new RerankKernelNarrow()
        : new RerankKernelScalar();
  }

  /**
   * Scores {@code count} candidates.
   *
   * @param keys codes and weights
   * @param p address of the query, {@code [8][subspaces] f32}
   * @param candidates address of {@code [count] i32} keys
   * @param scores address of the result, {@code [count] f32}
   * @param x scratch, {@code [subspaces]}
   */
  void score(KeyRecords keys, long p, long candidates, long scores, int count, float[] x);
}
