package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;
import java.util.function.ToIntFunction;

/** How functions of the driver are found, called and checked; {@link CudaDriver} has the functions. */
abstract class DriverLibrary {
  /** Longest description of an error that is read. */
  private static final int MAX_TEXT = 4096;

  private final SymbolLookup library;
  private final DriverFunction cuGetErrorName;
  private final DriverFunction cuGetErrorString;

  DriverLibrary(SymbolLookup library) {
    this.library = library;
    this.cuGetErrorName = bind("cuGetErrorName");
    this.cuGetErrorString = bind("cuGetErrorString");
  }

  /**
   * The first of {@code symbols} that the library has, the newest version first.
   *
   * @throws InputException if it has none of them; the message names it and the driver that has it
   */
  final DriverFunction bind(String... symbols) {
    String name = symbols[0].replaceFirst("_v\\d$", "");
    for (String symbol : symbols) {
      Optional<MemorySegment> address = library.find(symbol);
      if (address.isPresent()) {
        return new DriverFunction(name, address.get());
      }
    }
    throw new InputException("the NVIDIA driver has no " + symbols[0]
        + "; update it to one of CUDA " + CudaDriver.version(CudaDriver.OLDEST_VERSION)
        + " or newer (550)");
  }

  /** The name of a result; an unknown one gets a name here too. */
  public final String cuGetErrorName(int code) {
    return errorText(cuGetErrorName, code, "CUDA_ERROR_UNKNOWN_TO_THIS_DRIVER");
  }

  /** The driver's description of a result. */
  public final String cuGetErrorString(int code) {
    return errorText(cuGetErrorString, code, "no description");
  }

  private static String errorText(DriverFunction function, int code, String unknown) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      int result = function.call(code, out);
      MemorySegment text = out.get(ADDRESS, 0);
      return result == 0 && text.address() != 0
          ? text.reinterpret(MAX_TEXT).getString(0)
          : unknown;
    }
  }

  /** Refuses a result other than success. */
  final void check(DriverFunction function, int code) {
    if (code != 0) {
      throw new CudaException(function.name(), code, cuGetErrorName(code), cuGetErrorString(code));
    }
  }

  /** What {@code call} leaves where its argument points. */
  final int intFrom(DriverFunction function, ToIntFunction<MemorySegment> call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      check(function, call.applyAsInt(out));
      return out.get(JAVA_INT, 0);
    }
  }

  /** The same for a handle, an address or a number of bytes. */
  final long longFrom(DriverFunction function, ToIntFunction<MemorySegment> call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      check(function, call.applyAsInt(out));
      return out.get(JAVA_LONG, 0);
    }
  }

  /** The same for a text about a device. */
  final String textFrom(DriverFunction function, int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_BYTE, 256);
      check(function, function.call(out, (int) out.byteSize(), device));
      return out.getString(0);
    }
  }
}
