package io.pariskv.layer;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * How the next token of each row is chosen; see {@link TokenSampler}.
 *
 * @param floats {@code [rows][4] f32}: temperature, top p, min p, repetition penalty
 * @param ints {@code [rows][3] i32}: top k (0 for all), seed low word, seed high word
 * @param seen {@code [rows][vocabulary] u8}, 1 where the token stood in the prompt or was chosen
 * @param forbidden {@code [rows][ceil(vocabulary / 32)] i32}: bit {@code t & 31} of word {@code t >> 5} is set where token
 *     {@code t} may not be chosen
 */
public record SamplerRows(Buffer floats, Buffer ints, Buffer seen, Buffer forbidden) {
  /** Fields of one row of {@link #floats}. */
  public static final int FLOAT_FIELDS = 4;

  /** Fields of one row of {@link #ints}. */
  public static final int INT_FIELDS = 3;

  /** Rows of zeros: nothing is seen, nothing forbidden. */
  public static SamplerRows allocate(Allocator memory, int rows, int vocabulary) {
    return new SamplerRows(memory.allocate(DType.F32, rows, FLOAT_FIELDS),
        memory.allocate(DType.I32, rows, INT_FIELDS), memory.allocate(DType.U8, rows, vocabulary),
        memory.allocate(DType.I32, rows, words(vocabulary)));
  }

  /** Words of one row of {@link #forbidden}. */
  public static int words(int vocabulary) {
    return (vocabulary + Integer.SIZE - 1) / Integer.SIZE;
  }

  /** Bytes of so many rows. */
  public static long bytes(int rows, int vocabulary) {
    return rows * (4L * (FLOAT_FIELDS + INT_FIELDS + words(vocabulary)) + vocabulary);
  }

  /** Those from {@code from} to before {@code to}. */
  public SamplerRows slice(int from, int to) {
    return new SamplerRows(floats.slice(from, to), ints.slice(from, to), seen.slice(from, to),
        forbidden.slice(from, to));
  }

  /** Refuses buffers of other shapes, with both. */
  void require(int rows, int vocabulary) {
    floats.require("sampling floats", DType.F32, rows, FLOAT_FIELDS);
    ints.require("sampling ints", DType.I32, rows, INT_FIELDS);
    seen.require("seen tokens", DType.U8, rows, vocabulary);
    forbidden.require("forbidden tokens", DType.I32, rows, words(vocabulary));
  }
}
