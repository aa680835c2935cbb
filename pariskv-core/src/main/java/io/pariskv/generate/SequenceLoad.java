package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.cache.Rows;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.saved.CacheChunk;
import io.pariskv.saved.CacheReader;
import io.pariskv.saved.ReadAhead;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;

/**
 * K and V from a file into a sequence that has the same tokens so far, each chunk by the calls of a chunk of prefill, but
 * for attention: so the method summarises the keys as it does then.
 */
final class SequenceLoad implements SequenceTransfer {
  private final Backend backend;
  private final KvShape shape;
  private final CacheReader reader;
  private final Sequence sequence;
  private final int[] tokens;
  private final int end;
  private final Allocator memory;
  private final ReadAhead ahead;
  // Of one layer.
  private final float[] numbers;
  private final short[] halves;
  private final Buffer keys;
  private final Buffer values;

  /**
   * Begins; the reader is closed with this.
   *
   * @param end the sequence's length afterwards
   */
  SequenceLoad(Backend backend, KvShape shape, CacheReader reader, Sequence sequence, int end) {
    this.backend = backend;
    this.shape = shape;
    this.reader = reader;
    this.sequence = sequence;
    this.tokens = reader.tokens();
    this.end = end;
    int rows = Math.min(reader.header().chunkTokens(), reader.header().tokens());
    int count = rows * shape.kvHeads() * shape.headDim();
    this.numbers = new float[count];
    this.halves = shape.dtype() == DType.BF16 ? new short[count] : new short[0];
    this.memory = backend.newAllocator();
    try {
      this.keys = memory.allocate(DType.F32, rows, shape.kvHeads(), shape.headDim());
      this.values = memory.allocate(DType.F32, rows, shape.kvHeads(), shape.headDim());
      this.ahead = new ReadAhead(reader, sequence.length(), end);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  @Override
  public boolean advance(Duration atMost) {
    if (sequence.length() < end) {
      CacheChunk chunk = ahead.next(atMost);
      if (chunk == null) {
        return false;
      }
      append(chunk);
      ahead.done(chunk);
    }
    return sequence.length() >= end;
  }

  /** A sequence that has some of the chunk gets the rest. */
  private void append(CacheChunk chunk) {
    int from = sequence.length();
    int to = Math.min(chunk.start() + chunk.tokens(), end);
    int skipped = from - chunk.start();
    int count = to - from;
    sequence.cache().expect(end);
    try (Rows rows = sequence.cache().prefill(count)) {
      rows.begin();
      for (int layer = 0; layer < shape.layers(); layer++) {
        rows.append(layer, upload(chunk.keys(layer), skipped, count, keys),
            upload(chunk.values(layer), skipped, count, values));
      }
      rows.commit();
    }
    sequence.prefilled(tokens, from, to);
  }

  /** Rows as the stages take them; widened, and rounded again when they are stored, they are the same bits. */
  private Buffer upload(MemorySegment stored, int skipped, int count, Buffer target) {
    int width = shape.kvHeads() * shape.headDim();
    int size = count * width;
    int first = skipped * width;
    if (shape.dtype() == DType.BF16) {
      MemorySegment.copy(stored, ValueLayout.JAVA_SHORT_UNALIGNED, 2L * first, halves, 0, size);
      for (int i = 0; i < size; i++) {
        numbers[i] = Bf16.toFloat(halves[i]);
      }
    } else {
      MemorySegment.copy(stored, ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * first, numbers, 0, size);
    }
    Buffer rows = target.slice(0, count);
    backend.upload(MemorySegment.ofArray(numbers).asSlice(0, 4L * size), rows);
    return rows;
  }

  @Override
  public int moved() {
    return sequence.length();
  }

  @Override
  public void close() {
    try (reader; memory; ahead) {
      // nothing else
    }
  }
}
