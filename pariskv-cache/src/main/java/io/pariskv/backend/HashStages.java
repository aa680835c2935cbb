package io.pariskv.backend;

import io.pariskv.index.KeyHashing;
import io.pariskv.index.KeyMean;
import io.pariskv.retrieve.HashSampling;

/** Hashes of keys, and sampling by them, on one backend. */
public record HashStages(KeyMean mean, KeyHashing hashing, HashSampling sampling) {
}
