package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.cuda.FakeDriver.Launched;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.SimHash;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqBudget;
import io.pariskv.method.PqCache;
import io.pariskv.method.Quest;
import io.pariskv.method.WindowAttention;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.retrieve.RetrievalSize;
import io.pariskv.testing.Buffers;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * GPUs differ in the shared memory of a block: 99 KiB (compute capability 8.6, 8.9, 12), 163 KiB (8.0) or 227 KiB (9.0,
 * 10). The fake one refuses what is more, so what runs here fits; and it says which kernels were launched with how much.
 */
class SharedMemoryTest {
  private static final ZoneSettings ZONES = new ZoneSettings(4, 8, 16, 0);
  private static final int TOKENS = 48;

  private final FakeCuda fake = new FakeCuda();

  @AfterEach
  void nothingLeaks() {
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private CudaBackend open(int kib) {
    fake.device().sharedOfBlock = kib << 10;
    return new CudaBackend(fake.driver(), new KernelImage(new byte[64], 13_000));
  }

  private static List<AttentionMethod> methods() {
    List<AttentionMethod> methods = new ArrayList<>(List.of(new FullAttention(),
        new WindowAttention(ZONES), new Quest(ZONES, 32, 16, 0, Grouping.PER_HEAD),
        new Quest(ZONES, 32, 16, 0, Grouping.MEAN),
        new MagicPig(ZONES, new SimHash(16, 3), true, 0),
        new PqCache(new PqBudget.Tokens(ZONES, 10), new ProductQuantizer(16, 2))));
    for (Grouping grouping : Grouping.values()) {
      methods.add(new ExactTopK(ZONES, 10, grouping));
      for (Coarse coarse : Coarse.values()) {
        for (Double share : new Double[]{null, 0.5}) {
          methods.add(new ParisKv(new ParisKvConfig(ZONES, new RetrievalBudget(10, null, null,
              RetrievalBudget.Candidates.PUBLISHED, share), coarse, grouping)));
        }
      }
    }
    return methods;
  }

  private static boolean serves(AttentionMethod method, KvShape shape) {
    try {
      method.check(shape);
      return true;
    } catch (InputException e) {
      return false; // another test's
    }
  }

  /** A prompt, and a step of two sequences. */
  private static void run(CudaBackend backend, KvShape shape, AttentionMethod method, int tokens,
      KvPlacement placement) {
    RowCacheSize cache = method.selectedKeys() == 0
        ? RowCacheSize.OFF
        : new RowCacheSize(backend.mostCachedRows());
    try (CachePool pool = new CachePool(backend, shape, method, 2, placement, cache);
        KvCache first = pool.open();
        KvCache second = pool.open()) {
      for (KvCache sequence : List.of(first, second)) {
        try (Rows rows = sequence.prefill(tokens)) {
          pass(backend, shape, rows, tokens);
          rows.commit();
        }
      }
      try (DecodeBatch batch = pool.batch(List.of(first, second))) {
        batch.prepare();
        pass(backend, shape, batch, 2);
        batch.commit();
      }
      backend.kernels().stream().synchronize();
    }
  }

  private static void pass(CudaBackend backend, KvShape shape, Rows rows, int count) {
    try (Buffers buffers = new Buffers(backend)) {
      rows.begin();
      rows.append(0, buffers.empty(DType.F32, count, shape.kvHeads(), shape.headDim()),
          buffers.empty(DType.F32, count, shape.kvHeads(), shape.headDim()));
      rows.attend(0, buffers.empty(DType.F32, count, shape.heads(), shape.headDim()),
          buffers.empty(DType.F32, count, shape.heads(), shape.headDim()));
    }
  }

  private static void runAll(CudaBackend backend, int headDim, int group) {
    KvShape shape = new KvShape(1, 2 * group, 2, headDim, group == 4 ? DType.F32 : DType.BF16);
    for (AttentionMethod method : methods()) {
      if (serves(method, shape)) {
        run(backend, shape, method, TOKENS, group == 4 ? KvPlacement.DEVICE : KvPlacement.HOST);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"99, 1", "99, 84", "163, 108", "227, 132"})
  void everyMethod_hasItsPromptsAndSteps_onEveryGpu(int kib, int multiprocessors) {
    fake.device().multiprocessors = multiprocessors;
    fake.device().l2 = 2 << 20;
    boolean all = multiprocessors == 84;
    try (CudaBackend backend = open(kib)) {
      for (int headDim : all ? new int[]{16, 32, 64, 96, 128, 256} : new int[]{256}) {
        for (int group : all && headDim >= 128 ? new int[]{1, 4, 20} : new int[]{4, 20}) {
          runAll(backend, headDim, group);
        }
      }
      Set<String> launched = fake.device().launched.stream().map(Launched::kernel)
          .collect(Collectors.toCollection(TreeSet::new));
      assertTrue(
          launched.containsAll(List.of("row_cache", "retrieval_vote", "retrieval_score_vote",
              "retrieval_select", "prefill_attention_256",
              "decode_attention_bf16", "per_head_attention_f32", "code_scores", "hash_weights_f32",
              "key_hashing_bf16", "page_scores_bf16", "key_encoder_f32", "codebook_begin_bf16",
              "adaptive_top_k", "score_vote", "collision_vote", "head_weights")),
          launched::toString);
      assertEquals(kib > 99, launched.contains("retrieval_head_vote"));
    }
  }

  @Test
  void theLargestCodebooks_fitOnEveryGpu() {
    try (CudaBackend backend = open(99)) {
      run(backend, new KvShape(1, 8, 2, 256, DType.BF16),
          new PqCache(new PqBudget.Tokens(ZONES, 10),
              new ProductQuantizer(ProductQuantizer.MOST_SUBVECTORS, ProductQuantizer.MOST_BITS)),
          400, KvPlacement.DEVICE);
      assertEquals(List.of(16 * (16 * 256 + 256)), fake.device().launched.stream()
          .filter(each -> each.kernel().equals("code_scores")).map(Launched::shared).toList());
    }
  }

  /** The launches of one retrieval of 130,000 keys for 8 KV heads. */
  private List<Launched> retrieve(int kib, int headDim, Coarse coarse, Grouping grouping) {
    KvShape shape = new KvShape(1, 32, 8, headDim, DType.BF16);
    RetrievalBudget budget = new RetrievalBudget(100, null, null);
    try (CudaBackend backend = open(kib);
        Buffers buffers = new Buffers(backend);
        KeyIndex index = backend.newKeyIndex(shape, 1, coarse);
        Retrieval retrieval = backend.newRetrieval(index,
            new RetrievalSize(1, 131_072, budget.candidates(131_072), 100), grouping)) {
      index.setBudget(0, budget.fields(130_000));
      fake.device().launched.clear();
      retrieval.retrieve(0, new Batch(1, buffers.of(new int[1], 1), buffers.of(new int[1], 1)),
          buffers.empty(DType.F32, 1, shape.heads(), headDim));
      return List.copyOf(fake.device().launched);
    }
  }

  /** Where the histograms of two tiles do not fit, a block has one tile: as many tiles, so the same votes. */
  @ParameterizedTest
  @CsvSource({
      "227, 128, SCORES, retrieval_score_vote, 16, 131072",
      "163, 128, SCORES, retrieval_score_vote, 16, 131072",
      " 99, 128, SCORES, retrieval_score_vote, 32,  98304",
      " 99,  16, SCORES, retrieval_score_vote, 32,  98304",
      "227, 256, TIERS,  retrieval_vote,       16, 114944",
      "163, 256, TIERS,  retrieval_vote,       16, 114944",
      " 99, 256, TIERS,  retrieval_vote,       32,  90240",
      "227, 128, TIERS,  retrieval_vote,       16,  90368",
      " 99, 128, TIERS,  retrieval_vote,       16,  90368"})
  void aBlockThatVotes_hasTheTilesThatFit(int kib, int headDim, Coarse coarse, String kernel,
      int blocks, int shared) {
    List<Launched> launched = retrieve(kib, headDim, coarse, Grouping.MEAN);
    assertEquals(List.of(new Launched(kernel, blocks, shared)),
        launched.stream().filter(each -> each.kernel().equals(kernel)).toList());
    assertEquals(coarse == Coarse.TIERS ? 3 : 2, launched.size(), launched::toString);
    assertEquals("retrieval_select", launched.getLast().kernel());
  }

  @Test
  void retrievalPerHead_isFiveLaunchesWhereTheyFit_andStageByStageElsewhere() {
    for (int kib : new int[]{227, 163}) {
      List<Launched> launched = retrieve(kib, 128, Coarse.SCORES, Grouping.PER_HEAD);
      assertEquals(List.of("retrieval_head_vote", "retrieval_head_combine",
          "retrieval_head_estimates", "retrieval_head_weights", "top_k"),
          launched.stream().map(each -> each.kernel().replace("top_k_parts", "top_k")).distinct()
              .toList());
      assertEquals(new Launched("retrieval_head_vote", 32, 98_304), launched.getFirst());
    }
    List<String> staged = retrieve(99, 128, Coarse.SCORES, Grouping.PER_HEAD).stream()
        .map(Launched::kernel).toList();
    assertTrue(staged.containsAll(List.of("head_blocks", "score_vote", "head_votes", "rerank",
        "head_scores", "top_k")), staged::toString);
    assertFalse(staged.contains("retrieval_head_vote"), staged::toString);
  }

  /** Retrievals of several head sizes may be open together. */
  @Test
  void aRetrievalThatNeedsLess_takesNothingFromOneThatNeedsMore() {
    retrieve(227, 256, Coarse.TIERS, Grouping.MEAN);
    try (CudaBackend backend = open(227)) {
      CudaFunction vote = backend.kernels().function("retrieval_vote");
      vote.allowShared(114_944).allowShared(90_368);
      assertEquals(114_944, fake.device().allowedShared("retrieval_vote"));
    }
  }

  @Test
  void rowsThatCanBeLookedUp_areAsManyAsFit() {
    for (int kib : new int[]{227, 163}) {
      try (CudaBackend backend = open(kib)) {
        assertEquals(RowCacheSize.MOST, backend.mostCachedRows());
        assertEquals(151_552, fake.device().allowedShared("row_cache"));
      }
    }
    try (CudaBackend backend = open(99)) {
      assertEquals(10_271, backend.mostCachedRows());
      assertEquals(101_120, fake.device().allowedShared("row_cache"));
    }
  }

  /** What a user asks for is refused before K and V are there; what is chosen for one fits. */
  @Test
  void aRowCache_thatDoesNotFit_isRefused_andAutoTakesWhatDoes() {
    KvShape shape = new KvShape(1, 8, 2, 64, DType.BF16);
    AttentionMethod many = new ExactTopK(ZONES, 10_000, Grouping.MEAN);
    AttentionMethod tooMany = new ExactTopK(ZONES, 12_000, Grouping.MEAN);
    try (CudaBackend backend = open(99)) {
      assertRefused(InputException.class, () -> new CachePool(backend, shape, many, 1,
          KvPlacement.HOST, new RowCacheSize(16_384)), "row-cache 16384", "10271", "auto or off");
      assertRefused(InputException.class, () -> new CachePool(backend, shape, tooMany, 1,
          KvPlacement.HOST, new RowCacheSize(12_000)), "row-cache 12000", "10271", "give off");
      assertRefused(IllegalArgumentException.class,
          () -> backend.newKvStore(shape, 1, KvPlacement.HOST, 10_272), "10272", "10271",
          "--row-cache");
      try (CachePool pool = new CachePool(backend, shape, many, 1, KvPlacement.HOST)) {
        assertEquals(10_271, pool.cachedRows());
      }
      try (CachePool pool = new CachePool(backend, shape, tooMany, 1, KvPlacement.HOST)) {
        assertEquals(0, pool.cachedRows());
      }
      attendAll(backend, shape, 10_271);
      assertEquals(new Launched("row_cache", 2, 101_120), fake.device().launched.stream()
          .filter(each -> each.kernel().equals("row_cache")).findFirst().orElseThrow());
    }
  }

  /** Attention over as many selected rows as a cache has. */
  private static void attendAll(CudaBackend backend, KvShape shape, int rows) {
    try (CudaKvStore store = new CudaKvStore(backend.kernels(), shape, 1, true, rows);
        Buffers buffers = new Buffers(backend)) {
      store.open();
      backend.attention().decode().attend(store, 0,
          new Batch(1, buffers.of(new int[1], 1), buffers.of(new int[1], 1)),
          buffers.empty(DType.F32, 1, shape.heads(), shape.headDim()),
          new Selection(buffers.empty(DType.I32, 1, shape.kvHeads(), rows),
              buffers.empty(DType.I32, 1, shape.kvHeads())),
          buffers.empty(DType.F32, 1, shape.heads(), shape.headDim()));
    }
  }

  @Test
  void lessThanEverySuchGpuHas_isRefused_beforeAnythingIsOpened() {
    assertRefused(InputException.class, () -> open(96), "Fake GPU", "98304", "101376",
        "--backend vector");
    assertEquals(0, fake.count("cuDevicePrimaryCtxRetain"));
  }
}
