package io.pariskv.model.file;

import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/** Every element type that a safetensors header may name; the constants are spelled as in the header. */
enum SafetensorsType {
  // Usable as they are.
  F32(32, DType.F32), F16(16, DType.F16), BF16(16, DType.BF16), //
  I64(64, DType.I64), I32(32, DType.I32), U8(8, DType.U8),
  // Other plain numbers.
  F64(64, null), C64(64, null), I16(16, null), I8(8, null), //
  U64(64, null), U32(32, null), U16(16, null), BOOL(8, null),
  // Quantized.
  F8_E4M3(8, null), F8_E5M2(8, null), F8_E8M0(8, null), F8_E4M3FNUZ(8, null), F8_E5M2FNUZ(8, null),
  // Quantized, with several elements in a byte.
  F6_E2M3(6, null), F6_E3M2(6, null), F4(4, null);

  private final int bits;
  private final @Nullable DType dtype;

  SafetensorsType(int bits, @Nullable DType dtype) {
    this.bits = bits;
    this.dtype = dtype;
  }

  /** Bits of one element; elements are packed without gaps. */
  int bits() {
    return bits;
  }

  /** This library's name for it, or null if it has none and the data cannot be used. */
  @Nullable
  DType dtype() {
    return dtype;
  }

  /** The type of this name, or null. */
  static @Nullable SafetensorsType named(String name) {
    for (SafetensorsType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
