package io.pariskv.testing;

import io.pariskv.backend.Backend;
import io.pariskv.index.KeySample;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Codebooks and codes of a {@link Fixture}'s sequences, in {@link Fixture#LAYER}. */
public final class Quantized implements AutoCloseable {
  private final Fixture fixture;
  private final Size size;
  private final ProductQuantizer quantizer;
  private final ZoneTable codebooks;
  private final ZoneTable codes;

  /** Empty tables. */
  public Quantized(Fixture fixture, Size size, ProductQuantizer quantizer) {
    Backend backend = fixture.backend();
    this.fixture = fixture;
    this.size = size;
    this.quantizer = quantizer;
    codebooks = backend.newZoneTable(fixture.kv().shape(), size.rows(), DType.F32,
        quantizer.bookSize(size.headDim()), TokenSlabs.SLAB_TOKENS);
    codes = backend.newZoneTable(fixture.kv().shape(), size.rows(), DType.U8,
        quantizer.subvectors(), 1);
  }

  /** Trains on at most {@code most} keys behind the sink of each sequence. */
  public Quantized train(int most) {
    for (int row = 0; row < size.rows(); row++) {
      int[] positions = KeySample.positions(Fixture.SINK, fixture.length(row), most);
      Buffer chosen = fixture.buffers().of(positions, positions.length);
      Buffer rows = fixture.buffers().empty(size.dtype(), positions.length, size.headDim());
      codebooks.reserve(fixture.slot(row), 1);
      for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
        fixture.backend().quantizer().sample().gather(fixture.kv(), Fixture.LAYER,
            fixture.slot(row), kvHead, chosen, rows);
        fixture.backend().quantizer().training().train(rows, quantizer, Fixture.LAYER,
            fixture.slot(row), kvHead, codebooks);
      }
    }
    return this;
  }

  /** Codes the retrieval zones, in two parts. */
  public Quantized encode() {
    for (int row = 0; row < size.rows(); row++) {
      codes.reserve(fixture.slot(row), size.zones().get(row));
      int part = size.zones().get(row) / 3;
      int middle = Fixture.SINK + part;
      encode(row, Fixture.SINK, new TokenZones(Fixture.SINK, middle,
          fixture.length(row)));
      encode(row, middle, fixture.zones(row));
    }
    return this;
  }

  private void encode(int row, int from, TokenZones zones) {
    fixture.backend().quantizer().coding().encode(fixture.kv(), Fixture.LAYER, fixture.slot(row),
        from, zones, quantizer, codebooks, codes);
  }

  /** The codebooks. */
  public ZoneTable codebooks() {
    return codebooks;
  }

  /** The codes. */
  public ZoneTable codes() {
    return codes;
  }

  /** Those of a KV head, {@code [subvectors][width][centroids]}. */
  public float[] codebooks(int row, int kvHead) {
    MemorySegment from = codebooks.read(Fixture.LAYER, fixture.slot(row), kvHead, 0);
    float[] numbers = new float[quantizer.bookSize(size.headDim())];
    MemorySegment.ofArray(numbers).copyFrom(from);
    return numbers;
  }

  /** The codes of a key. */
  public int[] codes(int row, int kvHead, int key) {
    MemorySegment from = codes.read(Fixture.LAYER, fixture.slot(row), kvHead, key);
    int[] numbers = new int[quantizer.subvectors()];
    for (int j = 0; j < numbers.length; j++) {
      numbers[j] = Byte.toUnsignedInt(from.get(ValueLayout.JAVA_BYTE, j));
    }
    return numbers;
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (codebooks; codes) {
      // nothing else
    }
  }
}
