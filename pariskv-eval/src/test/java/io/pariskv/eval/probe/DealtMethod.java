package io.pariskv.eval.probe;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ForwardingMethod;
import io.pariskv.method.ForwardingState;
import io.pariskv.method.MethodState;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * A method that says that the keys it selects for a group are dealt out to the query heads, a few to each.
 *
 * @param method selects for KV heads
 * @param each keys that a query head gets
 * @param repeated whether all heads of a group get the same ones
 */
record DealtMethod(AttentionMethod method, int each, boolean repeated) implements ForwardingMethod {

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    MethodState state = method.open(backend, kv);
    Allocator memory = backend.newAllocator();
    int heads = kv.shape().heads();
    int group = kv.shape().groupSize();
    Selection dealt = Selection.allocate(memory, 1, heads, each);
    return new ForwardingState() {
      @Override
      public MethodState state() {
        return state;
      }

      @Override
      public Selection selection() {
        int[][] selected = backend.download(Objects.requireNonNull(state.selection()));
        int[] positions = new int[heads * each];
        for (int head = 0; head < heads; head++) {
          int from = repeated ? 0 : head % group * each;
          System.arraycopy(selected[head / group], from, positions, head * each, each);
        }
        int[] counts = new int[heads];
        Arrays.fill(counts, each);
        upload(positions, dealt.positions());
        upload(counts, dealt.counts());
        return dealt;
      }

      private void upload(int[] numbers, Buffer to) {
        backend.upload(MemorySegment.ofArray(numbers), to);
      }

      @Override
      public void close() {
        try (memory) {
          state.close();
        }
      }
    };
  }
}
