package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.StepCost;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times decode attention of one layer over random K and V: every method has a cache of its own, and
 * their steps take turns, so that a slow spell of the machine meets all of them.
 *
 * <p>Beside the methods, {@code read} is a plain parallel read of as much memory as K and V take: the
 * ceiling of full attention.
 */
public final class DecodeBench {
  /** Tokens filled in one pass. */
  private static final int FILL = 1024;

  private static final int WARM_UP = 20;

  private DecodeBench() {
  }

  /** One line: a method at a context. */
  public record Row(String method, int context, double msMedian, double msP95, long bytesRead,
      double attendedTokens) {
    /** Bytes read a second of the median step. */
    public double gigabytesPerSecond() {
      return bytesRead / msMedian / 1e6;
    }
  }

  /** All lines, and what they were measured on. */
  public record Report(String backend, String description, KvShape shape, List<Row> rows) {
  }

  /** One thing that is timed. */
  private interface Subject extends AutoCloseable {
    String name();

    void step();

    StepCost cost();

    @Override
    void close();
  }

  /** Runs the benchmark; contexts one after another. */
  public static Report run(String backendName, KvShape shape, List<Integer> contexts,
      List<AttentionMethod> methods, int steps, long seed) {
    try (Backend backend = Backends.open(backendName)) {
      List<Row> rows = new ArrayList<>();
      for (int context : contexts) {
        requireMemory(backend, shape, context, methods);
        rows.addAll(measure(backend, shape, context, methods, steps, seed));
      }
      return new Report(backend.name(), backend.description(), shape, rows);
    }
  }

  private static void requireMemory(Backend backend, KvShape shape, int context,
      List<AttentionMethod> methods) {
    MemoryPlan plan = backend.plan().with("memory to read", shape.bytes(context), MemoryPlace.HOST);
    for (AttentionMethod method : methods) {
      plan = method.plan(backend.planKv(plan, shape, 1, context, FILL, backend.kvPlacement()),
          shape, 1, context);
    }
    plan.requireFits(backend.available(), "lower --context or measure one method at a time");
  }

  private static List<Row> measure(Backend backend, KvShape shape, int context,
      List<AttentionMethod> methods, int steps, long seed) {
    List<Subject> subjects = new ArrayList<>();
    try {
      for (AttentionMethod method : methods) {
        subjects.add(new CacheSubject(backend, shape, context, method, seed));
      }
      subjects.add(new ReadSubject(shape.bytes(context), context));
      double[][] millis = new double[subjects.size()][steps];
      for (int step = -WARM_UP; step < steps; step++) {
        for (int i = 0; i < subjects.size(); i++) {
          long start = System.nanoTime();
          subjects.get(i).step();
          if (step >= 0) {
            millis[i][step] = (System.nanoTime() - start) / 1e6;
          }
        }
      }
      List<Row> rows = new ArrayList<>();
      for (int i = 0; i < subjects.size(); i++) {
        StepCost cost = subjects.get(i).cost();
        Arrays.sort(millis[i]);
        rows.add(new Row(subjects.get(i).name(), context, millis[i][steps / 2],
            millis[i][Math.min(steps - 1, steps * 95 / 100)], cost.kvBytes() + cost.summaryBytes(),
            cost.attendedTokens()));
      }
      return rows;
    } finally {
      subjects.forEach(Subject::close);
    }
  }

  /** Decode steps of one method on its own cache. */
  private static final class CacheSubject implements Subject {
    private final Backend backend;
    private final Allocator memory;
    private final CachePool pool;
    private final KvCache cache;
    private final RecordedDecode decode;
    private final Buffer q;
    private final Buffer out;
    private final float[] result;

    CacheSubject(Backend backend, KvShape shape, int context, AttentionMethod method, long seed) {
      this.backend = backend;
      memory = backend.newAllocator();
      pool = new CachePool(backend, shape, method, 1);
      cache = pool.open();
      q = memory.allocate(DType.F32, 1, shape.heads(), shape.headDim());
      out = memory.allocate(DType.F32, 1, shape.heads(), shape.headDim());
      result = new float[shape.heads() * shape.headDim()];
      Buffer k = memory.allocate(DType.F32, 1, shape.kvHeads(), shape.headDim());
      Buffer v = memory.allocate(DType.F32, 1, shape.kvHeads(), shape.headDim());
      new RandomRows(backend, memory, shape, Math.min(context, FILL), seed).fill(cache, context);
      backend.layers().randomFill().fill(q, seed, 1);
      backend.layers().randomFill().fill(k, ~seed, 1);
      backend.layers().randomFill().fill(v, ~seed - 1, 1);
      decode = new RecordedDecode(backend, cache.step(), batch -> {
        batch.begin();
        batch.append(0, k, v);
        batch.attend(0, q, out);
      });
    }

    @Override
    public String name() {
      return pool.method().name();
    }

    @Override
    public void step() {
      decode.step();
      backend.download(out, MemorySegment.ofArray(result)); // waits where a step runs by itself
      decode.commit();
    }

    @Override
    public StepCost cost() {
      return cache.stepCost();
    }

    @Override
    public void close() {
      decode.close();
      cache.close();
      pool.close();
      memory.close();
    }
  }

  /** A plain parallel read. */
  private static final class ReadSubject implements Subject {
    private final ParallelRead read;
    private final int context;

    ReadSubject(long bytes, int context) {
      this.read = new ParallelRead(bytes);
      this.context = context;
    }

    @Override
    public String name() {
      return "read";
    }

    @Override
    public void step() {
      read.run();
    }

    @Override
    public StepCost cost() {
      return new StepCost(0, context, read.bytes(), 0);
    }

    @Override
    public void close() {
      read.close();
    }
  }
}
