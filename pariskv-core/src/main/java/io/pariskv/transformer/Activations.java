package io.pariskv.transformer;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import java.util.List;

/**
 * The intermediate results of a pass, allocated once for the largest number of rows and seen as fewer
 * rows by {@link #rows}.
 *
 * @param hidden {@code [rows][hidden] f32}, the residual stream
 * @param normed {@code [rows][hidden] f32}
 * @param q {@code [rows][heads][headDim] f32}
 * @param k {@code [rows][kvHeads][headDim] f32}
 * @param v {@code [rows][kvHeads][headDim] f32}
 * @param attended {@code [rows][heads][headDim] f32}
 * @param gate {@code [rows][intermediate] f32}
 * @param up {@code [rows][intermediate] f32}
 * @param angles {@code [rows][2][headDim/2] f32}
 */
record Activations(Buffer hidden, Buffer normed, Buffer q, Buffer k, Buffer v, Buffer attended,
    Buffer gate, Buffer up, Buffer angles) {

  /** Memory for up to {@code rows} rows. */
  static Activations allocate(ModelConfig config, int rows, Allocator allocator) {
    int headDim = config.headDim();
    return new Activations(allocator.allocate(DType.F32, rows, config.hiddenSize()),
        allocator.allocate(DType.F32, rows, config.hiddenSize()),
        allocator.allocate(DType.F32, rows, config.heads(), headDim),
        allocator.allocate(DType.F32, rows, config.kvHeads(), headDim),
        allocator.allocate(DType.F32, rows, config.kvHeads(), headDim),
        allocator.allocate(DType.F32, rows, config.heads(), headDim),
        allocator.allocate(DType.F32, rows, config.intermediateSize()),
        allocator.allocate(DType.F32, rows, config.intermediateSize()),
        allocator.allocate(DType.F32, rows, 2, headDim / 2));
  }

  /** Bytes that {@link #allocate} takes. */
  static long bytes(ModelConfig config, int rows) {
    long width = 2L * config.hiddenSize() + 2L * config.intermediateSize() + config.headDim()
        + 2L * (config.heads() + config.kvHeads()) * config.headDim();
    return rows * width * DType.F32.bytes();
  }

  /** q, k and v as linear layers write them: a row a token. */
  List<Buffer> qkv() {
    return List.of(joined(q), joined(k), joined(v));
  }

  /** Heads of a row side by side, {@code [rows][heads * headDim] f32}. */
  static Buffer joined(Buffer heads) {
    return heads.reshape(heads.shape().axis(0), heads.shape().axis(1) * heads.shape().axis(2));
  }

  /** The first {@code rows} rows of each. */
  Activations rows(int rows) {
    return new Activations(hidden.slice(0, rows), normed.slice(0, rows), q.slice(0, rows),
        k.slice(0, rows), v.slice(0, rows), attended.slice(0, rows), gate.slice(0, rows),
        up.slice(0, rows), angles.slice(0, rows));
  }
}
