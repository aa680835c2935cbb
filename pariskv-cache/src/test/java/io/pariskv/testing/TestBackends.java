package io.pariskv.testing;

import io.pariskv.backend.Backend;
import io.pariskv.backend.cuda.CudaBackend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.backend.vector.VectorBackend;
import io.pariskv.index.Coarse;
import io.pariskv.kv.KvPlacement;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.provider.Arguments;

/**
 * The backends that stage tests run over. Each test gets its own, which JUnit closes after it; but under a
 * checker, which takes seconds to open one, all share two.
 */
public final class TestBackends {
  private static final List<Supplier<Backend>> BACKENDS = chosen();

  private TestBackends() {
  }

  /**
   * The CPU's, unless {@code pariskv.testBackend} is {@code cuda}: then the GPU alone, with K and V in
   * device memory and offloaded. A run with a vector width of its own is about that width alone.
   */
  private static List<Supplier<Backend>> chosen() {
    if (onGpu()) {
      if (checked()) {
        Backend device = unclosed(new CudaBackend(KvPlacement.DEVICE));
        Backend host = unclosed(new CudaBackend(KvPlacement.HOST));
        return List.of(() -> device, () -> host);
      }
      new CudaBackend().description(); // stays open: the GPU's context is made once, not once a test
      return List.of(() -> new CudaBackend(KvPlacement.DEVICE),
          () -> new CudaBackend(KvPlacement.HOST));
    }
    return System.getProperty("pariskv.vectorBits") == null
        ? List.of(TestBackends::vector, ScalarBackend::new)
        : List.of(TestBackends::vector);
  }

  /** The same but for {@code close}, which does nothing. */
  private static Backend unclosed(Backend backend) {
    return (Backend) Proxy.newProxyInstance(Backend.class.getClassLoader(),
        new Class<?>[]{Backend.class}, (proxy, method, arguments) -> {
          try {
            return "close".equals(method.getName()) ? null : method.invoke(backend, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        });
  }

  /** Whether this run is about the GPU alone. */
  public static boolean onGpu() {
    return "cuda".equals(System.getProperty("pariskv.testBackend"));
  }

  /** Whether a checker slows the GPU down, so that the same kernels in fewer steps have to do. */
  public static boolean checked() {
    return Boolean.getBoolean("pariskv.checked");
  }

  private static Backend vector() {
    return new VectorBackend(2);
  }

  /** Every backend. */
  public static Stream<Named<Backend>> all() {
    return BACKENDS.stream().map(Supplier::get).map(TestBackends::named);
  }

  /** Those that are compared with the oracle, which is not compared with itself. */
  private static Stream<Named<Backend>> compared() {
    return onGpu() ? all() : Stream.of(named(vector()));
  }

  private static Named<Backend> named(Backend backend) {
    return Named.of(backend.name() + ", " + backend.description(), backend);
  }

  /** Every backend with each of {@code cases}. */
  public static Stream<Arguments> with(Stream<?> cases) {
    return cases.flatMap(each -> all().map(backend -> Arguments.of(backend, each)));
  }

  /** The same for what does no more than compare with the scalar backend. */
  public static Stream<Arguments> comparedWith(Stream<?> cases) {
    return cases.flatMap(each -> compared().map(backend -> Arguments.of(backend, each)));
  }

  /** The same with each kind of index. */
  public static Stream<Arguments> comparedWithCoarse(Stream<?> cases) {
    return cases.flatMap(each -> Stream.of(Coarse.values())
        .flatMap(coarse -> compared().map(backend -> Arguments.of(backend, each, coarse))));
  }

  /** Every backend with each of {@code cases} and each kind of index. */
  public static Stream<Arguments> withCoarse(Stream<?> cases) {
    return cases.flatMap(each -> Stream.of(Coarse.values())
        .flatMap(coarse -> all().map(backend -> Arguments.of(backend, each, coarse))));
  }

  /** The same for stages that know no K and V, whose place is then nothing to try: a GPU once. */
  public static Stream<Arguments> withoutKv(Stream<?> cases) {
    Supplier<Backend> first = BACKENDS.getFirst();
    return onGpu()
        ? cases.map(each -> Arguments.of(named(first.get()), each))
        : with(cases);
  }

  /** Every backend with each of {@link Size#all}. */
  public static Stream<Arguments> withSizes() {
    return with(Size.all());
  }

  /** All with each of {@link Size#longest} where {@linkplain #takesLongSizes they run}: on a CPU they take minutes. */
  public static Stream<Arguments> withLongSizes() {
    return takesLongSizes() ? with(Size.longest()) : Stream.empty();
  }

  /** {@link #with}, and {@link Size#longest} as well where {@linkplain #takesLongSizes they run}. */
  public static Stream<Arguments> withLong(Stream<Size> cases) {
    return with(takesLongSizes() ? Stream.concat(cases, Size.longest()) : cases);
  }

  /** Whether cases of 131,071 tokens run: on a GPU, but not under a checker that slows it down; on a CPU when asked for. */
  public static boolean takesLongSizes() {
    return onGpu() ? !checked() : Boolean.getBoolean("pariskv.long");
  }
}
