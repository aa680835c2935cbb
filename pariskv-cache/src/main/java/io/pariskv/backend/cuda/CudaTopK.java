package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.TopK;

/** {@link TopK} on the GPU: {@code top_k.cu}. */
final class CudaTopK implements TopK {
  private static final int BLOCK = 1024;

  /** Up to so many candidates one block is as fast as several and another launch. */
  private static final int WHOLE = 16_384;

  /** Candidates of a part at least. */
  private static final int PART = 8_192;

  /** So many times the selection too: what the parts leave is to be much less than there was. */
  private static final int PART_OF_SELECTION = 4;

  private final Kernels kernels;
  private final CudaFunction topKParts;
  private final CudaFunction topK;
  private final StageScratch bestCandidates;
  private final StageScratch bestScores;

  CudaTopK(Kernels kernels) {
    this.kernels = kernels;
    topKParts = kernels.function("top_k_parts");
    topK = kernels.function("top_k");
    bestCandidates = new StageScratch(kernels, DType.I32);
    bestScores = new StageScratch(kernels, DType.F32);
  }

  @Override
  public void select(KeyIndex index, Batch batch, Buffer candidates, Buffer scores,
      Selection selection) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    ZoneRoom zones = new ZoneRoom(kernels, keys, batch);
    zones.requireCandidates("candidates", DType.I32, candidates);
    long room = candidates.shape().axis(2);
    scores.require("candidate scores", DType.F32, batch.rows(), kvHeads, room);
    zones.requireSelected("selection", DType.I32, selection.positions());
    int heads = batch.rows() * kvHeads;
    if (heads == 0) {
      return;
    }
    int capacity = selection.capacity();
    int part = Math.clamp((long) PART_OF_SELECTION * capacity, PART, Integer.MAX_VALUE);
    int parts = room <= WHOLE ? 1 : KernelLaunch.blocks(room, part);
    long best = parts == 1 ? 0 : (long) heads * parts * capacity;
    Buffer positionsOfParts = bestCandidates.atLeast(best);
    Buffer scoresOfParts = bestScores.atLeast(best);
    if (parts > 1) {
      kernels.launch().grid(parts, heads).block(BLOCK)
          .arg(batch.slots()).arg(keys.budgets()).arg(candidates).arg(scores).arg(room).arg(kvHeads)
          .arg(capacity).arg(part).arg(positionsOfParts).arg(scoresOfParts).run(topKParts);
    }
    kernels.launch().grid(heads).block(BLOCK)
        .arg(batch.slots()).arg(keys.budgets()).arg(candidates).arg(scores).arg(room).arg(kvHeads)
        .arg(capacity).arg(parts > 1 ? part : 0).arg(parts).arg(positionsOfParts).arg(scoresOfParts)
        .arg(selection.positions()).arg(selection.counts()).run(topK);
  }
}
