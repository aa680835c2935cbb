package io.pariskv.backend;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.attention.PrefillAttention;
import io.pariskv.kv.KvAdvance;
import io.pariskv.kv.KvAppend;

/** Writing and reading K and V on one backend. */
public record AttentionStages(KvAdvance advance, KvAppend append, PrefillAttention prefill,
    DecodeAttention decode) {
}
