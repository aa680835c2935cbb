package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A library with the driver's functions, each a native entry point that ends in a method of {@link
 * FakeDriver}, and with those of another fake if need be. It notes every call, fails on demand, and can
 * lack symbols.
 *
 * <p>An exception in an upcall would end the JVM, so it is kept and thrown by {@link #close}.
 */
final class FakeCuda implements SymbolLookup, AutoCloseable {
  /** One call, with host addresses as {@code long}. */
  record Call(String function, List<Object> arguments) {
    @Override
    public String toString() {
      return function + arguments;
    }
  }

  private static final MethodHandle INVOKE;

  static {
    try {
      INVOKE = MethodHandles.lookup().findVirtual(FakeCuda.class, "invoke",
          MethodType.methodType(int.class, Object.class, Method.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("FakeCuda.invoke", e);
    }
  }

  private final Arena arena = Arena.ofShared();
  private final Map<String, MemorySegment> symbols = new HashMap<>();
  private final List<Call> calls = new ArrayList<>();
  private final Map<String, int[]> failures = new HashMap<>();
  private final FakeDriver device = new FakeDriver(arena);
  private @Nullable Throwable broken;

  FakeCuda() {
    add(device);
  }

  /** Adds the functions of another library: the methods of {@code fake} that begin with cu. */
  FakeCuda add(Object fake) {
    for (Method method : fake.getClass().getDeclaredMethods()) {
      if (method.getName().startsWith("cu") && !Modifier.isPrivate(method.getModifiers())
          && !method.isSynthetic()) {
        symbols.put(method.getName(), stub(fake, method));
      }
    }
    return this;
  }

  private MemorySegment stub(Object fake, Method method) {
    MemoryLayout[] layouts = Arrays.stream(method.getParameterTypes()).map(FakeCuda::layout)
        .toArray(MemoryLayout[]::new);
    MethodHandle target = MethodHandles.insertArguments(INVOKE, 0, this, fake, method)
        .asCollector(Object[].class, layouts.length)
        .asType(MethodType.methodType(int.class, method.getParameterTypes()));
    return Linker.nativeLinker().upcallStub(target, FunctionDescriptor.of(JAVA_INT, layouts),
        arena);
  }

  private static MemoryLayout layout(Class<?> type) {
    return switch (type.getName()) {
      case "byte" -> JAVA_BYTE;
      case "int" -> JAVA_INT;
      case "long" -> JAVA_LONG;
      default -> ADDRESS;
    };
  }

  /** Where every stub ends. */
  synchronized int invoke(Object fake, Method method, Object[] arguments) {
    String name = method.getName();
    calls.add(new Call(name, Arrays.stream(arguments)
        .map(each -> each instanceof MemorySegment host ? (Object) host.address() : each)
        .toList()));
    int[] failure = failures.get(name); // {calls to let pass, code, calls to fail}
    if (failure != null && failure[0]-- <= 0 && failure[2]-- > 0) {
      return failure[1];
    }
    try {
      return (int) method.invoke(fake, arguments);
    } catch (InvocationTargetException e) {
      broken = e.getCause();
    } catch (ReflectiveOperationException | RuntimeException e) {
      broken = e;
    }
    return 999;
  }

  @Override
  public Optional<MemorySegment> find(String name) {
    return Optional.ofNullable(symbols.get(name));
  }

  /** What the functions do. */
  FakeDriver device() {
    return device;
  }

  /** Leaves out a symbol; only what is bound afterwards sees it. */
  FakeCuda without(String symbol) {
    if (symbols.remove(symbol) == null) {
      throw new IllegalArgumentException("there is no " + symbol);
    }
    return this;
  }

  /** Adds another name for a symbol. */
  FakeCuda alias(String symbol, String as) {
    symbols.put(as, find(symbol).orElseThrow());
    return this;
  }

  /** The next call of {@code function} fails. */
  synchronized void fail(String function, int code) {
    fail(function, code, 0, 1);
  }

  /** Calls of {@code function} fail {@code times} times after {@code passing} that do not. */
  synchronized void fail(String function, int code, int passing, int times) {
    failures.put(function, new int[]{passing, code, times});
  }

  /** All calls so far, oldest first. */
  synchronized List<Call> calls() {
    return List.copyOf(calls);
  }

  /** The names of all calls since {@link #forget}. */
  synchronized List<String> names() {
    return calls.stream().map(Call::function).toList();
  }

  /** How often {@code function} was called. */
  long count(String function) {
    return names().stream().filter(function::equals).count();
  }

  /** How many kernels were launched or captured, overlapped or not. */
  long launches() {
    return names().stream().filter(name -> name.startsWith("cuLaunchKernel")).count();
  }

  /** Starts the list of calls anew. */
  synchronized void forget() {
    calls.clear();
  }

  /** A driver bound to this library. */
  CudaDriver driver() {
    return new CudaDriver(this);
  }

  /** An open context on its only GPU. */
  CudaContext context() {
    CudaDriver driver = driver();
    return CudaContext.open(driver, CudaDevice.of(driver, 0));
  }

  @Override
  public void close() {
    arena.close();
    if (broken != null) {
      throw new AssertionError("a fake function failed", broken);
    }
  }
}
