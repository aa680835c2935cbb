package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.attention.HeadTurn;
import io.pariskv.backend.Step;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** Which kernels the stages around K and V launch, on how many blocks, on the fake GPU. */
class CudaAttentionTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);

  private final FakeCuda fake = new FakeCuda();
  private final List<String> launched = new ArrayList<>();
  private final CudaBackend backend;
  private final Allocator memory;

  CudaAttentionTest() {
    KernelSources.files().forEach(file -> KernelSources.entries(file).forEach((name, sizes) -> {
      if (name.matches("(kv|decode|qkv)_.*")) {
        fake.device().kernel(name, sizes, run -> launched.add(name + " " + run.grid()));
      }
    }));
    backend = new CudaBackend(fake.driver(), IMAGE);
    memory = backend.newAllocator();
  }

  @AfterEach
  void nothingLeaks() {
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private Batch batch(int rows) {
    return new Batch(rows, memory.allocate(DType.I32, rows), memory.allocate(DType.I32, rows));
  }

  private Buffer floats(long... shape) {
    return memory.allocate(DType.F32, shape);
  }

  private List<String> attend(KvShape shape, int rows, @Nullable Selection selection) {
    launched.clear();
    try (KvStore kv = backend.newKvStore(shape, rows)) {
      Buffer q = floats(rows, shape.heads(), shape.headDim());
      backend.attention().decode().attend(kv, 0, batch(rows), q, selection, q);
    }
    return launched;
  }

  @Test
  void decode_choosesTheKernelByTypeAndHeadSize_andSplitsByTheBatchAlone() {
    // 132 multiprocessors, each with two blocks of a kernel on tensor cores at a time.
    assertEquals(List.of("decode_attention_128 [33, 8, 1, 128]"),
        attend(new KvShape(1, 32, 8, 128, DType.BF16), 1, null));
    assertEquals(List.of("decode_attention_64 [16, 4, 16, 128]"),
        attend(new KvShape(1, 28, 4, 64, DType.BF16), 16, null));
    assertEquals(List.of("decode_attention_128 [22, 8, 3, 128]"), // two turns of the GPU
        attend(new KvShape(1, 32, 8, 128, DType.BF16), 3, null));
    assertEquals(List.of("decode_attention_bf16 [128, 1, 1, 128]"),
        attend(new KvShape(1, 3, 1, 80, DType.BF16), 1, null));
    assertEquals(List.of("decode_attention_f32 [66, 4, 2, 128]"),
        attend(new KvShape(1, 20, 2, 128, DType.F32), 2, selection(2, 2, 9))); // groups of 10: two blocks
  }

  private Selection selection(int rows, int kvHeads, int capacity) {
    return Selection.allocate(memory, rows, kvHeads, capacity);
  }

  @Test
  void decode_withASelection_takesBlocksByWhatCanBeAttended_asFarAsTheGpuHoldsThem() {
    KvShape shape = new KvShape(1, 32, 8, 128, DType.BF16);
    assertEquals(List.of("decode_attention_128 [16, 8, 1, 128]"),
        attend(shape, 1, selection(1, 8, 100)));
    assertEquals(List.of("decode_attention_128 [33, 8, 1, 128]"),
        attend(shape, 1, selection(1, 8, 2048)));
    assertEquals(List.of("decode_attention_128 [8, 8, 4, 128]"),
        attend(shape, 4, selection(4, 8, 100)));
    assertEquals(List.of("decode_attention_128 [4, 8, 16, 128]"),
        attend(shape, 16, selection(16, 8, 100)));
  }

  @Test
  void preparation_isOneLaunch_forAStepAndForAChunk() {
    KvShape shape = new KvShape(1, 32, 8, 128, DType.BF16);
    try (KvStore kv = backend.newKvStore(shape, 1)) {
      kv.reserve(kv.open(), 1024);
      Buffer norm = floats(128);
      backend.attention().preparation().prepare(kv, 0, batch(1),
          new HeadTurn(floats(1, 2, 64), norm, norm, 1e-6f), floats(1, 32, 128),
          floats(1, 8, 128), floats(1, 8, 128));
      backend.attention().preparation().prepareChunk(kv, 0, 0, 1000,
          HeadTurn.rotary(floats(24, 2, 64)), floats(24, 32, 128), floats(24, 8, 128),
          floats(24, 8, 128));
      backend.kernels().stream().synchronize();
      assertEquals(List.of("qkv_preparation_bf16 [12, 1, 1, 128]",
          "qkv_preparation_bf16 [288, 1, 1, 128]"), launched);
      assertRefused(IllegalArgumentException.class, () -> backend.attention().preparation()
          .prepareChunk(kv, 0, 0, 1001, HeadTurn.rotary(floats(24, 2, 64)), floats(24, 32, 128),
              floats(24, 8, 128), floats(24, 8, 128)),
          "1024");
    }
  }

  @Test
  void headSizesBeyondSharedMemory_areRefusedWithBothNumbers() {
    assertRefused(IllegalArgumentException.class,
        () -> attend(new KvShape(1, 1, 1, 2048, DType.BF16), 1, null), "head size 2048", "393824",
        "232448");
  }

  @Test
  void aWholeStep_canBeRecorded_andAChunkNamesTheRoomThatIsMissing() {
    KvShape shape = new KvShape(2, 8, 4, 128, DType.BF16);
    try (KvStore kv = backend.newKvStore(shape, 1)) {
      kv.reserve(kv.open(), 1024);
      Batch batch = batch(1);
      Buffer rows = floats(1, 4, 128);
      Buffer q = floats(1, 8, 128);
      Step step = backend.record(() -> {
        backend.attention().advance().advance(kv, batch);
        backend.attention().append().append(kv, 1, batch, rows, rows);
        backend.attention().decode().attend(kv, 1, batch, q, null, q);
      });
      step.run();
      step.run();
      backend.kernels().stream().synchronize();
      List<String> once = List.of("kv_advance [1, 1, 1, 128]", "kv_append_bf16 [1, 1, 1, 256]",
          "decode_attention_128 [66, 4, 1, 128]");
      assertEquals(once, launched.subList(0, 3));
      assertEquals(once, launched.subList(3, 6));
      step.close();

      launched.clear();
      backend.attention().append().appendChunk(kv, 0, 0, 1021, floats(3, 4, 128),
          floats(3, 4, 128));
      backend.kernels().stream().synchronize();
      assertEquals(List.of("kv_append_bf16 [2, 1, 1, 256]"), launched);
      assertRefused(IllegalArgumentException.class, () -> backend.attention().append()
          .appendChunk(kv, 0, 0, 1022, floats(3, 4, 128), floats(3, 4, 128)), "1024");
      assertRefused(IndexOutOfBoundsException.class,
          () -> backend.attention().append().append(kv, 2, batch, rows, rows), "2");
    }
  }

  @Test
  void withOffload_rowsOfAStepAreSavedAtOnce_beforeTheNextStep_zonesAndReads() {
    KvShape shape = new KvShape(2, 8, 4, 128, DType.BF16);
    try (KvStore kv = backend.newKvStore(shape, 2, KvPlacement.HOST)) {
      int slot = kv.open();
      assertEquals(List.of(), launched); // there are none yet
      kv.reserve(slot, 1024);
      Batch batch = batch(2);
      Buffer rows = floats(2, 4, 128);
      backend.attention().advance().advance(kv, batch);
      backend.attention().append().append(kv, 1, batch, rows, rows);
      kv.read(0, slot, 0, new float[512], new float[512]);
      kv.setZones(slot, TokenZones.dense(1));
      backend.kernels().stream().synchronize();
    }
    assertEquals(List.of("kv_save [32, 2, 1, 256]", "kv_advance [1, 1, 1, 128]",
        "kv_append_bf16 [1, 1, 1, 256]", "kv_save [32, 1, 1, 256]", "kv_save [32, 1, 1, 256]"),
        launched);
  }
}
