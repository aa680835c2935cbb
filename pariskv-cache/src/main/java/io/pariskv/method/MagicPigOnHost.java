package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;

/**
 * {@link MagicPig} as its authors designed it: the model is on a GPU, hash tables and sampled attention are on the CPU
 * beside it, on the vector backend. Keys, samples and answers are those of {@code method} on the GPU alone. See {@code
 * docs/methods/magicpig.md}.
 *
 * @param method what is sampled
 */
public record MagicPigOnHost(MagicPig method) implements ForwardingMethod {

  @Override
  public MagicPigOnHost withoutDenseLayers() {
    return new MagicPigOnHost(method.withoutDenseLayers());
  }

  /**
   * {@inheritDoc} All in host memory: rows of K and V a second time, wherever the first is.
   *
   * @throws InputException if the stages work in host memory anyway
   */
  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    requireGpu(plan.work());
    int layers = method.sampledLayers(shape).length;
    return layers == 0
        ? method.plan(plan, shape, slots, tokens)
        : planHost(plan,
            KvCopy.shape(shape, layers), slots, tokens);
  }

  /** @param shape of the layers that are sampled */
  private MemoryPlan planHost(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    MemoryPlan whole = plan.with("K and V on the CPU",
        KvCopy.bytes(shape, slots, tokens) + slots * StepOnHost.bytes(shape), MemoryPlace.HOST);
    MemoryPlan hashes = method.withoutDenseLayers().plan(MemoryPlan.empty(), shape, slots, tokens);
    for (MemoryPlan.Part part : hashes.parts()) {
      whole = whole.with(part.name(), part.bytes(), part.place());
    }
    return whole;
  }

  /**
   * {@inheritDoc}
   *
   * @throws InputException if the backend works in host memory itself, or there are no vectors for the CPU
   */
  @Override
  public MethodState open(Backend backend, KvStore kv) {
    requireGpu(backend.plan().work());
    return method.sampledLayers(kv.shape()).length == 0
        ? method.open(backend, kv)
        : MagicPigHostState.open(method, backend, kv, Backends.open("vector"));
  }

  private static void requireGpu(MemoryPlace work) {
    if (work != MemoryPlace.GPU) {
      throw new InputException("--tables host is for --backend cuda: with a CPU backend magicpig's"
          + " tables are in host memory anyway; leave it out");
    }
  }
}
