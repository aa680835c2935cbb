package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.SUADD;
import static jdk.incubator.vector.VectorOperators.SUSUB;
import static jdk.incubator.vector.VectorOperators.UMAX;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadVotes;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;

/** {@link HeadVotes} in two parallel loops: every head finds its cut, then ranges of keys are combined. */
final class VectorHeadVotes implements HeadVotes {
  /** Keys of one range, whole vectors. */
  private static final int RANGE = 8192;

  private static final int LANES = Species.BYTES.length();

  private final Workers workers;
  /** {@code [group][heads]}. */
  private int[] cuts = new int[0];

  VectorHeadVotes(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void combine(KeyIndex index, Batch batch, Buffer votes, Buffer combined) {
    ZoneRows rows = ZoneRows.of(index, batch);
    int kvHeads = rows.kvHeads();
    int heads = rows.heads();
    int group = index.shape().groupSize();
    int ranges = Math.ceilDiv(rows.mostKeys(), RANGE);
    combined.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, rows.mostKeys());
    long capacity = combined.shape().axis(2);
    votes.require("votes of heads", DType.U8, group, batch.rows(), kvHeads, capacity);
    long votesAt = votes.segment().address();
    long combinedAt = combined.segment().address();
    cuts = cuts.length < group * heads ? new int[group * heads] : cuts;
    workers.run(group * heads, head -> {
      int row = head % heads / kvHeads;
      cuts[head] = VectorBucketTopK.threshold(votesAt + head * capacity, rows.keys(row),
          rows.candidates(row));
    });
    workers.run(heads * ranges, task -> {
      int head = task / ranges;
      int from = task % ranges * RANGE;
      int to = Math.min(from + RANGE, rows.keys(head / kvHeads));
      for (int i = 0; i < group; i++) {
        raise(votesAt + ((long) i * heads + head) * capacity, cuts[i * heads + head],
            combinedAt + head * capacity, from, to, i == 0);
      }
    });
  }

  /** Raises votes to those of one head, measured from its cut, or starts with them. */
  private static void raise(long votes, int cut, long combined, int from, int to, boolean first) {
    byte up = (byte) Math.max(0, 128 - cut);
    byte down = (byte) Math.max(0, cut - 128);
    int key = from;
    for (; key <= to - LANES; key += LANES) {
      ByteVector vote = bytes(votes + key).lanewise(SUADD, up).lanewise(SUSUB, down);
      (first ? vote : vote.lanewise(UMAX, bytes(combined + key))).intoMemorySegment(Raw.ALL,
          combined + key, ByteOrder.LITTLE_ENDIAN);
    }
    for (; key < to; key++) {
      int vote = Math.clamp(128 + get(votes + key) - cut, 0, 255);
      Raw.ALL.set(ValueLayout.JAVA_BYTE, combined + key,
          (byte) (first ? vote : Math.max(vote, get(combined + key))));
    }
  }

  private static int get(long address) {
    return Byte.toUnsignedInt(Raw.ALL.get(ValueLayout.JAVA_BYTE, address));
  }

  private static ByteVector bytes(long address) {
    return ByteVector.fromMemorySegment(Species.BYTES, Raw.ALL, address, ByteOrder.LITTLE_ENDIAN);
  }
}
