package io.pariskv.backend.cuda;

import io.pariskv.memory.Buffer;

/**
 * Where decode attention of a step reads its selected rows, as {@code row_cache.cu} says.
 *
 * @param sources {@code [rows][kvHeads][capacity][2] i32} position in the retrieval zone, and a place in the cache or
 *     -1: first misses, ascending, which are read from the store and left in their places; then hits, ascending,
 *     which are read from there; then what the store has in device memory, with -1
 * @param misses {@code [rows][kvHeads] i32}
 * @param table device address of the addresses of the cached rows {@code [2][kvHeads][cachedRows][headDim]}, K,
 *     then V, {@code [slots][layers] u64}
 * @param cachedRows places of a KV head
 */
record RowSources(Buffer sources, Buffer misses, long table, int cachedRows) {
}
