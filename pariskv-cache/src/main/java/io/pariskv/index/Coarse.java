package io.pariskv.index;

/** What the first look at all keys of a retrieval zone adds up for each, one number a subspace. */
public enum Coarse {
  /** The tier weight of its centroid, 0 to 6: ParisKV as published. Needs the populations. */
  TIERS,

  /**
   * The score of its centroid, times the key's norm; keys are taken relative to their {@linkplain
   * KeyCentre centre}. Needs a norm a key, and neither populations nor an order of centroids.
   */
  SCORES
}
