package io.pariskv.transformer;

import io.pariskv.backend.Backend;
import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Shape;
import io.pariskv.model.file.LayerTensors;
import io.pariskv.model.file.ModelTensors;
import io.pariskv.model.file.TensorView;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * All parameters of a model, where the backend reads them: matrices as the file has them, mapped and
 * never copied on a CPU; norms and biases as f32.
 *
 * @param embedding {@code [vocabulary][hidden]}
 * @param finalNorm {@code [hidden] f32}
 * @param head {@code [vocabulary][hidden]}, the embedding itself where they are tied
 */
record ModelWeights(Buffer embedding, List<LayerWeights> layers, Norm finalNorm, Linear head) {

  /**
   * Places the tensors of a model.
   *
   * @param epsilon of all norms
   * @param allocator owner of what has to be copied
   */
  static ModelWeights place(ModelTensors tensors, float epsilon, Backend backend,
      Allocator allocator) {
    return new Placer(epsilon, backend, allocator).place(tensors);
  }

  private record Placer(float epsilon, Backend backend, Allocator allocator) {

    ModelWeights place(ModelTensors tensors) {
      Buffer embedding = matrix(tensors.embedding());
      Buffer head = tensors.lmHead().name().equals(tensors.embedding().name())
          ? embedding
          : matrix(tensors.lmHead());
      return new ModelWeights(embedding, tensors.layers().stream().map(this::layer).toList(),
          norm(tensors.finalNorm()), new Linear(head, null));
    }

    private LayerWeights layer(LayerTensors t) {
      return new LayerWeights(norm(t.inputNorm()),
          List.of(linear(t.q(), t.qBias()), linear(t.k(), t.kBias()), linear(t.v(), t.vBias())),
          linear(t.o(), t.oBias()), vectorOrNull(t.qNorm()), vectorOrNull(t.kNorm()),
          norm(t.postAttentionNorm()),
          new GatedLinear(linear(t.gate(), t.gateBias()), linear(t.up(), t.upBias())),
          linear(t.down(), t.downBias()));
    }

    private Norm norm(TensorView weight) {
      return new Norm(vector(weight), epsilon);
    }

    private Linear linear(TensorView weight, @Nullable TensorView bias) {
      return new Linear(matrix(weight), vectorOrNull(bias));
    }

    private Buffer matrix(TensorView tensor) {
      Buffer mapped = Buffer.wrap(Buffer.Placement.HOST, tensor.dtype(), Shape.of(tensor.shape()),
          tensor.data());
      return backend.place(mapped, allocator);
    }

    private @Nullable Buffer vectorOrNull(@Nullable TensorView tensor) {
      return tensor == null ? null : vector(tensor);
    }

    private Buffer vector(TensorView tensor) {
      Buffer buffer = allocator.allocate(DType.F32, tensor.elements());
      float[] values = new float[Math.toIntExact(tensor.elements())];
      LongStream.range(0, values.length).forEach(i -> values[(int) i] = tensor.floatAt(i));
      backend.upload(MemorySegment.ofArray(values), buffer);
      return buffer;
    }
  }
}
