package io.pariskv.memory;

/** The type of one element of a {@link Buffer}. Multi-byte types are little-endian. */
public enum DType {
  /** IEEE 754 single precision. */
  F32(4, "f32"),
  /** IEEE 754 half precision. Weights only. */
  F16(2, "f16"),
  /** The upper 16 bits of an {@link #F32}. */
  BF16(2, "bf16"),
  /** Signed 64-bit integer. */
  I64(8, "i64"),
  /** Signed 32-bit integer. */
  I32(4, "i32"),
  /** Unsigned 8-bit integer. */
  U8(1, "u8");

  private final int bytes;
  private final String notation;

  DType(int bytes, String notation) {
    this.bytes = bytes;
    this.notation = notation;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** The name used in shape notation, such as {@code bf16}. */
  @Override
  public String toString() {
    return notation;
  }
}
