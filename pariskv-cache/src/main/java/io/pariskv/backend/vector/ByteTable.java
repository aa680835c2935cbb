package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;

/**
 * Look-ups in tables of 256 bytes that stay in registers while ids stream by. A look-up takes a whole vector of ids:
 * each pair of registers answers for its share of the table, by the lower bits of the ids, and the upper bits
 * choose among the answers.
 */
final class ByteTable {
  /** Ids of one look-up. */
  static final int LANES = Species.BYTES.length();

  private static final int CACHE_LINE = 64;

  private ByteTable() {
  }

  /**
   * Reads a little of every cache line, and nothing else, so that many misses are under way at a time: a fifth faster
   * from memory than to meet them among the look-ups.
   *
   * @return something of what was read, for a use of it that the compiler cannot remove
   */
  static int touch(long ids, int bytes) {
    int read = 0;
    for (int i = 0; i < bytes; i += CACHE_LINE) {
      read += Raw.getInt(ids + i);
    }
    return read;
  }

  /**
   * Adds the entries of {@code count} ids to sums of bytes, or starts the sums with them.
   *
   * @param count whole vectors
   */
  static void add(long ids, long table, long sums, int count, boolean first) {
    if (LANES >= 32) {
      addWhole(ids, table, sums, count, first);
    } else {
      addHalf(ids, table, 0, sums, count, first);
      addHalf(ids, table + 128, 0x80, sums, count, false);
    }
  }

  private static void addWhole(long ids, long table, long sums, int count, boolean first) {
    for (int key = 0; key < count; key += LANES) {
      ByteVector entry = of256(table, bytes(ids + key));
      ByteVector sum = first ? entry : entry.add(bytes(sums + key));
      sum.intoMemorySegment(Raw.ALL, sums + key, ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** The same for the ids with that upper bit: a whole table is too much for 16 lanes. */
  private static void addHalf(long ids, long table, int upperBit, long sums, int count,
      boolean first) {
    for (int key = 0; key < count; key += LANES) {
      ByteVector id = bytes(ids + key).lanewise(XOR, (byte) upperBit);
      ByteVector sum = first ? ByteVector.zero(Species.BYTES) : bytes(sums + key);
      sum.add(of128(table, id), id.compare(GE, (byte) 0)).intoMemorySegment(Raw.ALL, sums + key,
          ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** Of each lane, the entry with that id in a table of 256 bytes. */
  private static ByteVector of256(long table, ByteVector id) {
    return of128(table, id).blend(of128(table + 128, id), id.compare(LT, (byte) 0));
  }

  /** The entry by the lower 7 bits of the id. */
  private static ByteVector of128(long table, ByteVector id) {
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
  private static ByteVector bytes(long address) {
    return ByteVector.fromMemorySegment(Species.BYTES, Raw.ALL, address, ByteOrder.LITTLE_ENDIAN);
  }
}
