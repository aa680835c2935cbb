package io.pariskv.backend.cuda;

import io.pariskv.backend.AttentionStages;
import io.pariskv.backend.Backend;
import io.pariskv.backend.HashStages;
import io.pariskv.backend.LayerStages;
import io.pariskv.backend.QuantizerStages;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.backend.SelectionStages;
import io.pariskv.backend.Stages;
import io.pariskv.backend.Step;
import io.pariskv.backend.Stopwatch;
import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The first visible NVIDIA GPU; {@code CUDA_VISIBLE_DEVICES} chooses another.
 *
 * <p>All stages work on one stream. The platform thread that opened the backend drives it until another
 * one calls {@link #bind}. Closing frees whatever is still open on the GPU.
 */
public final class CudaBackend implements Backend {
  /** Large, so that matrix products run at full speed and streaming K and V back from the host is hidden. */
  private static final int PREFILL_CHUNK = 4096;

  /** Matmuls of more rows round them to bf16; see {@code MatMul.roundsInputs}. */
  private static final int EXACT_ROWS = 16;

  private final CudaContext context;
  private final CudaStream stream;
  private final StagingRing ring;
  private final Kernels kernels;
  private final KvPlacement placement;
  private final CublasLtSearch.Found cublasLt;
  private final Stages stages;
  private final int mostCachedRows;

  /**
   * Opens the GPU and tests it.
   *
   * @throws InputException if it {@linkplain #unusable cannot be used}
   */
  public CudaBackend() {
    this(KvPlacement.DEVICE);
  }

  /**
   * Opens the GPU and tests it.
   *
   * @param placement where K and V live unless said otherwise
   * @throws InputException if it {@linkplain #unusable cannot be used}
   */
  public CudaBackend(KvPlacement placement) {
    this(CudaDriver.load(), KernelImage.load(), CublasLtSearch.ofThisMachine(), placement);
  }

  /** With a driver of its own, without cuBLASLt. */
  CudaBackend(CudaDriver driver, @Nullable KernelImage image) {
    this(driver, image, CublasLtSearch.none(), KvPlacement.DEVICE);
  }

  /** With a driver and a search of its own. */
  CudaBackend(CudaDriver driver, @Nullable KernelImage image, CublasLtSearch search,
      KvPlacement placement) {
    this.placement = placement;
    String refusal = CudaRefusal.of(driver, image);
    if (refusal != null || image == null) {
      throw new InputException("backend cuda cannot be used: " + refusal);
    }
    context = CudaContext.open(driver, CudaDevice.of(driver, 0));
    try {
      stream = CudaStream.open(context);
      ring = StagingRing.open(stream);
      kernels = new Kernels(CudaModule.load(context, image), stream, ring);
      SelfTest.run(kernels, ring);
      cublasLt = search.open(stream);
      stages = newStages(kernels, cublasLt.handle());
      mostCachedRows = CudaRowLookup.mostRows(kernels);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, context::close);
      throw e;
    }
  }

  private static Stages newStages(Kernels kernels, @Nullable CublasLtHandle cublasLt) {
    CudaRmsNorm rmsNorm = new CudaRmsNorm(kernels);
    CudaMatMul matMul = new CudaMatMul(kernels, cublasLt);
    CudaSwiGlu swiGlu = new CudaSwiGlu(kernels);
    LayerStages layers = new LayerStages(new CudaEmbedding(kernels), rmsNorm, matMul,
        new CudaNormedMatMul(rmsNorm, matMul, swiGlu), new CudaRotary(kernels), swiGlu,
        new CudaTokenSampler(kernels), new CudaRandomFill(kernels));
    CudaKvAppend append = new CudaKvAppend(kernels);
    AttentionStages attention = new AttentionStages(new CudaKvAdvance(kernels), append,
        new CudaQkvPreparation(kernels, append), new CudaPrefillAttention(kernels),
        new CudaDecodeAttention(kernels), new CudaPerHeadAttention(kernels));
    RetrievalStages retrieval = new RetrievalStages(new CudaKeyCentre(kernels),
        new CudaKeyEncoder(kernels),
        new CudaQueryBlocks(kernels), new CudaCentroidTiers(kernels),
        new CudaCollisionVote(kernels), new CudaCentroidScores(kernels),
        new CudaScoreVote(kernels),
        new CudaBucketTopK(kernels), new CudaRerank(kernels), new CudaTopK(kernels),
        new CudaHeadBlocks(kernels), new CudaHeadVotes(kernels), new CudaHeadScores(kernels),
        new CudaValueNorms(kernels), new CudaAdaptiveTopK(kernels));
    SelectionStages selection = new SelectionStages(new CudaPageBounds(kernels),
        new CudaKeyScores(kernels),
        new CudaPageScores(kernels), new CudaHeadWeights(kernels), new CudaZoneTopK(kernels),
        new CudaSelectionCounts(kernels));
    QuantizerStages quantizer = new QuantizerStages(new CudaKeySample(kernels),
        new CudaCodebookTraining(kernels), new CudaKeyCoding(kernels),
        new CudaCodeScores(kernels));
    HashStages hashes = new HashStages(new CudaKeyMean(kernels), new CudaKeyHashing(kernels),
        new CudaHashSampling(kernels));
    return new Stages(layers, attention, retrieval, selection, quantizer, hashes);
  }

  /**
   * Why this backend cannot be used here, in words, or null if nothing speaks against it. Opens no context: a GPU that is
   * full, or held by another program, fails only in opening.
   */
  public static @Nullable String unusable() {
    return CudaRefusal.unusable(CudaDriver::load, KernelImage.load());
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public String description() {
    return device().toString();
  }

  /** The GPU. */
  public CudaDevice device() {
    return context.device();
  }

  /**
   * The cuBLASLt that multiplies the many rows of a prompt, path and version; or why there is none and what
   * to do, in one line. Without one kernels of our own do it, more slowly.
   */
  public String cublasLt() {
    return cublasLt.description();
  }

  @Override
  public Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("bus", PciLink.describe(device().pci()));
    facts.put("cublasLt", cublasLt.description());
    return facts;
  }

  @Override
  public List<String> shortcomings() {
    return cublasLt.handle() != null ? List.of() : List.of("cuBLASLt " + cublasLt.description());
  }

  @Override
  public void bind() {
    context.bind();
  }

  /** What stages launch with. */
  Kernels kernels() {
    return kernels;
  }

  @Override
  public Allocator newAllocator() {
    return new DeviceAllocator(stream);
  }

  /** A new owner of page-locked host memory that stages read in place; the caller closes it. */
  public Allocator newPinnedAllocator() {
    return new PinnedAllocator(context);
  }

  @Override
  public KvStore newKvStore(KvShape shape, int slots, KvPlacement placement, int cachedRows) {
    return new CudaKvStore(kernels, shape, slots, placement == KvPlacement.HOST, cachedRows);
  }

  @Override
  public int mostCachedRows() {
    return mostCachedRows;
  }

  @Override
  public KvPlacement kvPlacement() {
    return placement;
  }

  @Override
  public KeyIndex newKeyIndex(KvShape shape, int slots, Coarse coarse) {
    return new CudaKeyIndex(kernels, shape, slots, coarse);
  }

  /** {@inheritDoc} What is not made in few launches is made stage by stage, with the same result. */
  @Override
  public Retrieval newRetrieval(KeyIndex index, RetrievalSize size, Grouping grouping) {
    return grouping == Grouping.PER_HEAD && index.coarse() == Coarse.SCORES
        && CudaHeadRetrieval.fits(kernels)
            ? new CudaHeadRetrieval(kernels, CudaKeyIndex.of(index), size, retrieval().topK())
            : Backend.super.newRetrieval(index, size, grouping);
  }

  @Override
  public ZoneTable newZoneTable(KvShape shape, int slots, DType dtype, int width,
      int tokensPerRow) {
    return new CudaZoneTable(kernels, shape, slots, dtype, width, tokensPerRow);
  }

  @Override
  public Retrieval newRetrieval(KeyIndex index, RetrievalSize size) {
    return switch (index.coarse()) {
      case TIERS -> new CudaRetrieval(kernels, CudaKeyIndex.of(index), size);
      case SCORES -> new CudaScoreRetrieval(kernels, CudaKeyIndex.of(index), size);
    };
  }

  /** {@inheritDoc} Device and pinned buffers are readable as they are. */
  @Override
  public Buffer place(Buffer host, Allocator allocator) {
    if (host.placement() != Buffer.Placement.HOST) {
      return host;
    }
    long[] axes = new long[host.shape().rank()];
    for (int i = 0; i < axes.length; i++) {
      axes[i] = host.shape().axis(i);
    }
    Buffer copy = allocator.allocate(host.dtype(), axes);
    upload(host.segment(), copy);
    return copy;
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    context.requireNotRecording("upload");
    requireReachable(target);
    requireSameSize(source.byteSize(), target.byteSize());
    ring.upload(source, target.address());
  }

  @Override
  public void download(Buffer source, MemorySegment target) {
    context.requireNotRecording("download");
    requireReachable(source);
    requireSameSize(source.byteSize(), target.byteSize());
    ring.download(source.address(), target);
  }

  private static void requireReachable(Buffer buffer) {
    if (buffer.placement() == Buffer.Placement.HOST) {
      throw new IllegalArgumentException(
          buffer + " is in pageable host memory; allocate it with this backend's allocator");
    }
  }

  private static void requireSameSize(long source, long target) {
    if (source != target) {
      throw new IllegalArgumentException("cannot copy " + source + " bytes into " + target);
    }
  }

  /**
   * {@inheritDoc} The step becomes a CUDA graph in its second run; the first launches the stages one by
   * one. Uploads and downloads inside are refused.
   */
  @Override
  public Step record(Runnable body) {
    return new CudaStep(stream, body);
  }

  @Override
  public Stopwatch newStopwatch() {
    return new CudaStopwatch(stream);
  }

  @Override
  public long cacheBytes() {
    return device().l2Bytes();
  }

  @Override
  public Stages stages() {
    return stages;
  }

  @Override
  public MemoryPlan plan() {
    return MemoryPlan.in(MemoryPlace.GPU);
  }

  @Override
  public MemoryPlan planWeights(MemoryPlan plan, long bytes) {
    return plan.with("weights", bytes);
  }

  @Override
  public MemoryPlan planKv(MemoryPlan plan, KvShape shape, int slots, int tokens, int chunk,
      KvPlacement at) {
    return CudaMemory.planKv(plan, shape, slots, tokens, chunk, at);
  }

  @Override
  public MemoryPlan planRowCache(MemoryPlan plan, KvShape shape, int slots, int cachedRows) {
    long bytes = cachedRows == 0 ? 0 : slots * CudaRowCache.bytes(shape, cachedRows);
    return bytes == 0 ? plan : plan.with("row cache", bytes);
  }

  @Override
  public int prefillChunk(boolean exact) {
    return exact ? EXACT_ROWS : PREFILL_CHUNK;
  }

  @Override
  public AvailableMemory available() {
    return CudaMemory.available(context.memory());
  }

  @Override
  public void close() {
    context.close();
  }
}
