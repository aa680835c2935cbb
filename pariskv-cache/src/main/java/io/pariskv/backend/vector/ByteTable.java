package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;

/**
 * Look-ups of a whole vector of ids in tables of bytes that stay in registers: each pair of registers answers
 * for its share of the table, by the lower bits of the ids, and the upper bits choose among the answers.
 */
final class ByteTable {
  /** Ids of one look-up. */
  static final int LANES = Species.BYTES.length();

  private ByteTable() {
  }

  /** Of each lane, the entry with that id in a table of 256 bytes. */
  static ByteVector of256(long table, ByteVector id) {
    return of128(table, id).blend(of128(table + 128, id), id.compare(LT, (byte) 0));
  }

  /** The entry by the lower 7 bits of the id. */
  static ByteVector of128(long table, ByteVector id) {
    return LANES == 64
        ? ofTwoRegisters(table, id)
        : of64(table, id).blend(of64(table + 64, id), id.and((byte) 64).compare(NE, (byte) 0));
  }

  /** The entry by the lower 6 bits of the id. */
  private static ByteVector of64(long table, ByteVector id) {
    return LANES == 32
        ? ofTwoRegisters(table, id)
        : ofTwoRegisters(table, id).blend(ofTwoRegisters(table + 32, id),
            id.and((byte) 32).compare(NE, (byte) 0));
  }

  private static ByteVector ofTwoRegisters(long table, ByteVector id) {
    return id.selectFrom(bytes(table), bytes(table + LANES));
  }

  /** One vector of bytes. */
  static ByteVector bytes(long address) {
    return ByteVector.fromMemorySegment(Species.BYTES, Raw.ALL, address, ByteOrder.LITTLE_ENDIAN);
  }
}
