package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Step;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.MagicPig;
import io.pariskv.method.PqBudget;
import io.pariskv.method.PqCache;
import io.pariskv.method.Quest;
import io.pariskv.method.WindowAttention;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a step of the methods beside ParisKV launches, on the fake GPU. */
class CudaSelectionStagesTest {
  private static final KvShape SHAPE = new KvShape(2, 8, 2, 128, DType.BF16);
  private static final ZoneSettings ZONES = new ZoneSettings(4, 64, 64, 0);

  private final FakeCuda fake = new FakeCuda();
  private final List<String> launched = new ArrayList<>();
  private final CudaBackend backend;
  private final Allocator memory;

  CudaSelectionStagesTest() {
    KernelSources.files().forEach(file -> KernelSources.entries(file).forEach((name, sizes) -> {
      if (name.matches("(decode|per_head|key_|code|page|head_|zone|query_hash|hash_).*")) {
        fake.device().kernel(name, sizes, run -> launched.add(name));
      }
    }));
    backend = new CudaBackend(fake.driver(), new KernelImage(new byte[64], 13_000));
    memory = backend.newAllocator();
  }

  @AfterEach
  void nothingLeaks() {
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  static Stream<Arguments> steps() {
    return Stream.of(
        Arguments.of(new WindowAttention(ZONES),
            List.of("decode_attention_128", "decode_attention_128")),
        Arguments.of(new ExactTopK(ZONES, 50, Grouping.PER_HEAD),
            twice("key_scores_bf16", "head_maxima", "head_sums", "head_weights", "zone_top_k",
                "decode_attention_128")),
        Arguments.of(
            new PqCache(new PqBudget.Tokens(ZONES, 50), new ProductQuantizer(4, 8)),
            twice("code_scores", "head_maxima", "head_sums", "head_weights", "zone_top_k",
                "decode_attention_128")),
        Arguments.of(new MagicPig(ZONES, new SimHash(10, 150), true, 0),
            twice("query_hash", "hash_collisions_4", "hash_weights_bf16",
                "per_head_attention_bf16")),
        Arguments.of(new Quest(null, 128, 16, 1, Grouping.PER_HEAD), // its first layer is dense
            List.of("decode_attention_128", "page_scores_bf16", "zone_top_k",
                "per_head_attention_bf16")));
  }

  /** In each of the two layers. */
  private static List<String> twice(String... kernels) {
    return Stream.of(kernels, kernels).flatMap(Stream::of).toList();
  }

  @ParameterizedTest
  @MethodSource("steps")
  void aStep_isRecordedOnce_andThenNeitherAllocatesNorCopies(AttentionMethod method,
      List<String> expected) {
    try (CachePool pool = new CachePool(backend, SHAPE, method, 1); KvCache cache = pool.open()) {
      prefill(cache, 1_500);
      Buffer q = memory.allocate(DType.F32, 1, SHAPE.heads(), SHAPE.headDim());
      try (DecodeBatch batch = cache.step()) {
        batch.prepare();
        fake.forget();
        try (Step step = backend.record(() -> {
          batch.begin();
          for (int layer = 0; layer < SHAPE.layers(); layer++) {
            batch.attend(layer, q, q);
          }
        })) {
          step.run();
          backend.kernels().stream().synchronize();
          launched.clear();
          fake.forget();
          step.run();
          step.run();
          backend.kernels().stream().synchronize();
          assertEquals(expected, launched.subList(0, expected.size()));
          assertEquals(2 * expected.size(), launched.size());
          assertEquals(0, fake.count("cuMemAlloc_v2"));
          assertEquals(2, fake.count("cuGraphLaunch"));
        }
      }
    }
  }

  private void prefill(KvCache cache, int tokens) {
    Buffer rows = memory.allocate(DType.F32, tokens, SHAPE.kvHeads(), SHAPE.headDim());
    try (Rows chunk = cache.prefill(tokens)) {
      chunk.begin();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        chunk.append(layer, rows, rows);
      }
      chunk.commit();
    }
  }
}
