package io.pariskv.backend.vector;

/** Estimates a run of candidates; one implementation for each number of lanes. */
interface RerankKernel {
  /** Sixteen lanes where there are as many subspaces, else eight, else one. */
  static RerankKernel of(int subspaces) {
    if (Species.BITS >= 512 && subspaces >= 16) {
      return new RerankKernel16();
    }
    if (Species.BITS >= 256 && subspaces >= 8) {
      return new RerankKernel8();
    }
    return new RerankKernel1();
  }

  /**
   * Scores {@code count} candidates.
   *
   * @param keys codes and weights
   * @param p address of the query, {@code [8][subspaces] f32}
   * @param candidates address of {@code [count] i32} keys
   * @param scores address of the result, {@code [count] f32}
   */
  void score(KeyCodes keys, long p, long candidates, long scores, int count);
}
