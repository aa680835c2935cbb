package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pariskv.backend.Step;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.layer.RandomFill;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How vote, candidates, top k and random numbers launch, and what they keep, on the fake GPU. */
class CudaSelectionTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);
  private static final KvShape SHAPE = new KvShape(1, 6, 2, 32, DType.BF16);

  private final FakeCuda fake = new FakeCuda();
  private final CudaBackend backend = new CudaBackend(fake.driver(), IMAGE);

  @AfterEach
  void nothingLeaks() {
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private KeyIndex newIndex(int slots) {
    KeyIndex index = backend.newKeyIndex(SHAPE, slots);
    boolean filledIn = true;
    try {
      index.budgets();
    } catch (UnsupportedOperationException e) {
      filledIn = false;
    }
    assumeTrue(filledIn, "the CUDA index is not filled in yet");
    return index;
  }

  private static Batch batch(Buffers buffers, int slot) {
    return new Batch(1, buffers.of(new int[]{slot}, 1), buffers.of(new int[1], 1));
  }

  /** The fake GPU knows how many arguments of which size each kernel takes. */
  @Test
  void stages_launchTheirKernels_inARecordedStepToo() {
    try (Buffers buffers = new Buffers(backend); KeyIndex index = newIndex(1)) {
      Batch batch = batch(buffers, 0);
      index.setBudget(0, new RetrievalBudget(100, null, null).fields(200_000));
      Buffer tiers = buffers.empty(DType.U8, 1, 2, 4, 256);
      Buffer votes = buffers.empty(DType.U8, 1, 2, 200_000);
      Buffer candidates = buffers.empty(DType.I32, 1, 2, 20_000); // so many are cut into parts
      Buffer scores = buffers.empty(DType.F32, 1, 2, 20_000);
      Selection selection = new Selection(buffers.empty(DType.I32, 1, 2, 100),
          buffers.empty(DType.I32, 1, 2));
      fake.forget();
      try (Step step = backend.record(() -> {
        backend.retrieval().collisionVote().vote(index, 0, batch, tiers, votes);
        backend.retrieval().bucketTopK().select(index, batch, votes, candidates);
        backend.retrieval().topK().select(index, batch, candidates, scores, selection);
      })) {
        step.run();
        step.run();
        step.run();
      }
      assertEquals(2 * (1 + 2 + 2), fake.launches()); // the first run, and the capture
      assertEquals(2, fake.count("cuGraphLaunch"));
    }
  }

  @Test
  void roomForTheBatch_isEnough_whateverOtherSequencesNeed() {
    try (Buffers buffers = new Buffers(backend); KeyIndex index = newIndex(2)) {
      index.setBudget(0, new RetrievalBudget(10, 0.5, 0.5).fields(100));
      index.setBudget(1, new RetrievalBudget(10, 0.5, 0.5).fields(5_000));
      Buffer tiers = buffers.empty(DType.U8, 1, 2, 4, 256);
      Buffer votes = buffers.empty(DType.U8, 1, 2, 100);
      Batch small = batch(buffers, 0);
      Batch large = batch(buffers, 1);

      backend.retrieval().collisionVote().vote(index, 0, small, tiers, votes);
      assertRefused(IllegalArgumentException.class,
          () -> backend.retrieval().collisionVote().vote(index, 0, large, tiers, votes), "votes",
          "[1][2][5000]", "[1][2][100]");
      // In a step the GPU alone knows the slots; the kernel stops at the capacity.
      backend.record(() -> backend.retrieval().collisionVote().vote(index, 0, small, tiers, votes))
          .run();
      assertRefused(IllegalArgumentException.class, () -> backend.record(() -> backend.retrieval()
          .collisionVote().vote(index, 0, small, tiers, buffers.empty(DType.U8, 1, 1, 100))).run(),
          "votes", "[1][1][100]");
    }
  }

  @Test
  void scratch_growsBesideTheOld_whichAGraphMayStillUse() {
    StageScratch scratch = new StageScratch(backend.kernels(), DType.I32);
    Buffer first = scratch.atLeast(1_000);
    assertSame(first, scratch.atLeast(1));
    fake.forget();

    Buffer second = scratch.atLeast(1_001);

    assertEquals("[2000] i32", second.toString());
    assertNotEquals(first.address(), second.address());
    assertEquals(0, fake.count("cuMemFree_v2"));
    int[] values = new int[2_000];
    values[0] = 1;
    backend.download(second, MemorySegment.ofArray(values));
    assertArrayEquals(new int[2_000], values);
    fake.device().memory(first.address(), first.byteSize()); // still there
    List<Integer> sizes = new ArrayList<>(List.of(1, 2_001));
    Step step = backend.record(() -> scratch.atLeast(sizes.removeFirst()));
    step.run();
    assertRefused(IllegalStateException.class, step::run, "allocate [4000]", "recorded");
  }

  @Test
  void randomFill_passesCountSeedAndScale_toTheKernelOfTheType() {
    fake.device().kernel("random_fill_bf16", new int[]{8, 8, 8, 4}, arguments -> {
      MemorySegment target = arguments.memory(0, 2 * arguments.pointer(1));
      for (int i = 0; i < arguments.pointer(1); i++) {
        target.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16
            .fromFloat(RandomFill.value(arguments.pointer(2), i, arguments.number(3))));
      }
    });
    long seed = 5L << 40;
    short[] expected = new short[3 * 37];
    for (int i = 0; i < 37; i++) {
      expected[37 + i] = Bf16.fromFloat(RandomFill.value(seed, i, RandomFill.scale(3)));
    }
    short[] actual = new short[expected.length];
    try (CudaBackend other = new CudaBackend(fake.driver(), IMAGE);
        Buffers buffers = new Buffers(other)) {
      Buffer target = buffers.empty(DType.BF16, 3, 37);

      other.layers().randomFill().fill(target.slice(1, 2), seed, 3);

      other.download(target, MemorySegment.ofArray(actual));
    }
    assertArrayEquals(expected, actual);
  }
}
