package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * One C function that returns an {@code int}: its name and its address.
 *
 * <p>Handles are {@code static final}, one a signature, and take the address as their first argument. So
 * they are constants to the JIT, which compiles the call in place, while the address is a plain field that
 * comes from whichever library or fake was looked up. Letters name a signature: B byte, I int, J long (also
 * opaque handles and device addresses), A host memory. None is {@code critical}: any of these may block.
 *
 * @param name for messages, without a version
 * @param address where it is
 */
record DriverFunction(String name, MemorySegment address) {
  private static final MethodHandle NONE = of();
  private static final MethodHandle I = of(JAVA_INT);
  private static final MethodHandle J = of(JAVA_LONG);
  private static final MethodHandle A = of(ADDRESS);
  private static final MethodHandle AA = of(ADDRESS, ADDRESS);
  private static final MethodHandle AI = of(ADDRESS, JAVA_INT);
  private static final MethodHandle AJ = of(ADDRESS, JAVA_LONG);
  private static final MethodHandle IA = of(JAVA_INT, ADDRESS);
  private static final MethodHandle JA = of(JAVA_LONG, ADDRESS);
  private static final MethodHandle JI = of(JAVA_LONG, JAVA_INT);
  private static final MethodHandle JJ = of(JAVA_LONG, JAVA_LONG);
  private static final MethodHandle AAI = of(ADDRESS, ADDRESS, JAVA_INT);
  private static final MethodHandle AII = of(ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle AIJ = of(ADDRESS, JAVA_INT, JAVA_LONG);
  private static final MethodHandle AJA = of(ADDRESS, JAVA_LONG, ADDRESS);
  private static final MethodHandle AJI = of(ADDRESS, JAVA_LONG, JAVA_INT);
  private static final MethodHandle AJJ = of(ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle JII = of(JAVA_LONG, JAVA_INT, JAVA_INT);
  private static final MethodHandle JJI = of(JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle AJAA = of(ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
  private static final MethodHandle AJIJ = of(ADDRESS, JAVA_LONG, JAVA_INT, JAVA_LONG);
  private static final MethodHandle AJJJ = of(ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle AIJJJ = of(ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG,
      JAVA_LONG);
  private static final MethodHandle JAJJ = of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle JBJJ = of(JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle JIAJ = of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle JJAA = of(JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS);
  private static final MethodHandle JJJJ = of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle LAUNCH = of(JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
      JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
  private static final MethodHandle HEURISTIC = of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
      JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle MATMUL = of(JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG,
      JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG,
      JAVA_LONG, JAVA_LONG);

  private static MethodHandle of(MemoryLayout... parameters) {
    return Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_INT, parameters));
  }

  int call() {
    try {
      return (int) NONE.invokeExact(address);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(int a) {
    try {
      return (int) I.invokeExact(address, a);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a) {
    try {
      return (int) J.invokeExact(address, a);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a) {
    try {
      return (int) A.invokeExact(address, a);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, MemorySegment b) {
    try {
      return (int) AA.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, int b) {
    try {
      return (int) AI.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b) {
    try {
      return (int) AJ.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(int a, MemorySegment b) {
    try {
      return (int) IA.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, MemorySegment b) {
    try {
      return (int) JA.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, int b) {
    try {
      return (int) JI.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, long b) {
    try {
      return (int) JJ.invokeExact(address, a, b);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, MemorySegment b, int c) {
    try {
      return (int) AAI.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, int b, int c) {
    try {
      return (int) AII.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, int b, long c) {
    try {
      return (int) AIJ.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b, MemorySegment c) {
    try {
      return (int) AJA.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b, int c) {
    try {
      return (int) AJI.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b, long c) {
    try {
      return (int) AJJ.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, int b, int c) {
    try {
      return (int) JII.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, long b, int c) {
    try {
      return (int) JJI.invokeExact(address, a, b, c);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b, MemorySegment c, MemorySegment d) {
    try {
      return (int) AJAA.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b, int c, long d) {
    try {
      return (int) AJIJ.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, long b, long c, long d) {
    try {
      return (int) AJJJ.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(MemorySegment a, int b, long c, long d, long e) {
    try {
      return (int) AIJJJ.invokeExact(address, a, b, c, d, e);
    } catch (Throwable t) {
      throw notTheCallee(t);
    }
  }

  int call(long a, MemorySegment b, long c, long d) {
    try {
      return (int) JAJJ.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, byte b, long c, long d) {
    try {
      return (int) JBJJ.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, int b, MemorySegment c, long d) {
    try {
      return (int) JIAJ.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, long b, MemorySegment c, MemorySegment d) {
    try {
      return (int) JJAA.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  int call(long a, long b, long c, long d) {
    try {
      return (int) JJJJ.invokeExact(address, a, b, c, d);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  /** The signature of {@code cuLaunchKernel}. */
  int launch(long function, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ,
      int shared, long stream, MemorySegment parameters, MemorySegment extra) {
    try {
      return (int) LAUNCH.invokeExact(address, function, gridX, gridY, gridZ, blockX, blockY,
          blockZ, shared, stream, parameters, extra);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  /** The signature of {@code cublasLtMatmulAlgoGetHeuristic}. */
  int heuristic(long handle, long product, long a, long b, long c, long d, long preference,
      int wanted, MemorySegment results, MemorySegment found) {
    try {
      return (int) HEURISTIC.invokeExact(address, handle, product, a, b, c, d, preference, wanted,
          results, found);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  /** The signature of {@code cublasLtMatmul}. */
  int matmul(long handle, long product, MemorySegment alpha, long a, long aLayout, long b,
      long bLayout, MemorySegment beta, long c, long cLayout, long d, long dLayout,
      MemorySegment algorithm, long workspace, long workspaceBytes, long stream) {
    try {
      return (int) MATMUL.invokeExact(address, handle, product, alpha, a, aLayout, b, bLayout, beta,
          c, cLayout, d, dLayout, algorithm, workspace, workspaceBytes, stream);
    } catch (Throwable e) {
      throw notTheCallee(e);
    }
  }

  /** C functions throw nothing; what comes out is about the arguments, such as memory already freed. */
  private static RuntimeException notTheCallee(Throwable e) {
    return switch (e) {
      case RuntimeException unchecked -> unchecked;
      case Error error -> throw error;
      default -> new IllegalStateException("a native call threw a checked exception", e);
    };
  }
}
