package io.pariskv.backend;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.attention.PerHeadAttention;
import io.pariskv.attention.PrefillAttention;
import io.pariskv.attention.QkvPreparation;
import io.pariskv.kv.KvAdvance;
import io.pariskv.kv.KvAppend;

/** Writing and reading K and V on one backend. */
public record AttentionStages(KvAdvance advance, KvAppend append, QkvPreparation preparation,
    PrefillAttention prefill, DecodeAttention decode, PerHeadAttention perHead) {
}
