package io.pariskv.backend;

import io.pariskv.index.CodebookTraining;
import io.pariskv.index.KeyCoding;
import io.pariskv.index.KeySample;
import io.pariskv.retrieve.CodeScores;

/** Product quantisation of keys on one backend. */
public record QuantizerStages(KeySample sample, CodebookTraining training, KeyCoding coding,
    CodeScores scores) {
}
