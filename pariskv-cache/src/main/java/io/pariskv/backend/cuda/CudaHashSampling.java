package io.pariskv.backend.cuda;

import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.HashSampling;

/** {@link HashSampling} on the GPU, three launches: {@code hash_collisions.cu} and {@code hash_weights.cu}. */
final class CudaHashSampling implements HashSampling {
  // Of the kernels.
  private static final int BLOCK = 256;
  private static final int BLOCK_OF_QUERIES = 128;
  private static final int HEADS_OF_QUERIES = 4;
  private static final int FEW_HEADS = 4;
  private static final int MANY_HEADS = 8;

  private final Kernels kernels;
  private final CudaFunction queries;
  private final CudaFunction fewHeads;
  private final CudaFunction manyHeads;
  private final CudaFunction bf16;
  private final CudaFunction f32;
  private final StageScratch bits;
  private final StageScratch hits;
  private final StageScratch hitsOfSlabs;

  CudaHashSampling(Kernels kernels) {
    this.kernels = kernels;
    this.queries = kernels.function("query_hash");
    this.fewHeads = kernels.function("hash_collisions_4");
    this.manyHeads = kernels.function("hash_collisions_8");
    this.bf16 = kernels.function("hash_weights_bf16");
    this.f32 = kernels.function("hash_weights_f32");
    this.bits = new StageScratch(kernels, DType.I32);
    this.hits = new StageScratch(kernels, DType.I32);
    this.hitsOfSlabs = new StageScratch(kernels, DType.I32);
  }

  @Override
  public void sample(KvStore kv, int layer, Batch batch, Buffer q, HashIndex index,
      Selection sampled, Buffer logWeights) {
    CudaKvStore store = CudaKvStore.of(kv);
    KvShape shape = kv.shape();
    SimHash hash = index.hash();
    CudaZoneTable means = CudaZoneTable.of(index.means());
    CudaZoneTable signatures = CudaZoneTable.of(index.signatures());
    int rows = batch.rows();
    int capacity = sampled.capacity();
    index.require(shape);
    means.requireRows(layer);
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    sampled.counts().require("sampled counts", DType.I32, rows, shape.heads());
    logWeights.require("log-weights", DType.F32, rows, shape.heads(), capacity);

    int slabs = Math.max(1, KernelLaunch.blocks(capacity, TokenSlabs.SLAB_TOKENS));
    long heads = (long) rows * shape.heads();
    Buffer words = bits.atLeast(heads * (hash.stride() / Integer.SIZE));
    Buffer found = hits.atLeast(heads * slabs * HashIndex.WORDS);
    Buffer counts = hitsOfSlabs.atLeast(heads * slabs);

    kernels.launch().overlapped()
        .grid(KernelLaunch.blocks(hash.stride(), BLOCK_OF_QUERIES),
            KernelLaunch.blocks(heads, HEADS_OF_QUERIES))
        .block(BLOCK_OF_QUERIES).shared(HEADS_OF_QUERIES * Float.BYTES * shape.headDim()).arg(q)
        .arg((int) heads).arg(shape.headDim()).arg(index.planes()).arg(hash.stride()).arg(words)
        .run(queries);
    boolean few = shape.groupSize() <= FEW_HEADS;
    int chunks = Math.ceilDiv(shape.groupSize(), few ? FEW_HEADS : MANY_HEADS);
    kernels.launch().overlapped().grid(slabs, shape.kvHeads() * chunks, rows).block(BLOCK)
        .arg(store.zones()).arg(batch.slots()).arg(layer).arg(shape.layers())
        .arg(signatures.addresses()).arg(words).arg(shape.kvHeads()).arg(shape.groupSize())
        .arg(hash.bits()).arg(hash.tables()).arg(hash.stride()).arg(capacity).arg(found)
        .arg(counts).run(few ? fewHeads : manyHeads);
    KernelLaunch launch = kernels.launch().overlapped().grid(slabs, shape.heads(), rows)
        .block(BLOCK).shared(2 * CudaKeyScores.queryBytes(1, shape.headDim()));
    store.args(launch, layer).arg(batch.slots()).arg(q).arg(shape.groupSize())
        .arg(shape.headDim()).arg(means.addresses()).arg(index.logWeights()).arg(found)
        .arg(counts).arg(sampled.positions()).arg(sampled.counts()).arg(logWeights).arg(capacity)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}
