package io.pariskv.backend.cuda;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Looks for {@code libcublasLt} and starts it. What the system property {@code pariskv.cublaslt} or the
 * environment variable {@code PARISKV_CUBLASLT} names is used, or is an error; {@code none} does without.
 * If neither is set the first library that runs here is taken: by the system's own search, then from
 * {@code CUDA_HOME} and the places where CUDA and Debian put it.
 */
final class CublasLtSearch {
  private static final String PROPERTY = "pariskv.cublaslt";
  private static final String VARIABLE = "PARISKV_CUBLASLT";
  private static final String NONE = "none";
  private static final int OLDEST_MAJOR = 12;
  private static final List<String> NAMES = List.of("libcublasLt.so.13", "libcublasLt.so.12",
      "libcublasLt.so");

  /**
   * What was found.
   *
   * @param handle to multiply with, or null
   * @param description for a person: the library and its version, or why there is none and what to do
   */
  record Found(@Nullable CublasLtHandle handle, String description) {
  }

  private final String demanded;
  private final List<String> folders;
  private final Function<String, SymbolLookup> loader;

  /**
   * A search of its own.
   *
   * @param property value of the system property, or null
   * @param environment environment variables
   * @param loader opens a library by name or path, as {@link SymbolLookup#libraryLookup} does
   */
  CublasLtSearch(@Nullable String property, Map<String, String> environment,
      Function<String, SymbolLookup> loader) {
    this.demanded = Objects.requireNonNullElse(property, environment.getOrDefault(VARIABLE, ""));
    String home = environment.getOrDefault("CUDA_HOME", "");
    this.folders = Stream.of(home.isEmpty() ? "" : home + "/lib64", "/usr/local/cuda/lib64",
        "/usr/lib/x86_64-linux-gnu").filter(folder -> !folder.isEmpty()).toList();
    this.loader = loader;
  }

  /** The search on this machine. */
  static CublasLtSearch ofThisMachine() {
    return new CublasLtSearch(System.getProperty(PROPERTY), System.getenv(),
        library -> SymbolLookup.libraryLookup(library, Arena.global()));
  }

  /** A search that finds nothing. */
  static CublasLtSearch none() {
    return new CublasLtSearch(NONE, Map.of(), library -> {
      throw new IllegalArgumentException(library);
    });
  }

  /**
   * Searches. The handle belongs to the stream's context.
   *
   * @throws InputException if a library is demanded that cannot be used
   */
  Found open(CudaStream stream) {
    if (demanded.equals(NONE)) {
      return new Found(null, "not used, as -D" + PROPERTY + " or " + VARIABLE + " says");
    }
    if (demanded.isEmpty()) {
      return search(stream);
    }
    try {
      return start(stream, demanded);
    } catch (IllegalArgumentException | InputException | CudaException e) {
      throw new InputException("cuBLASLt " + demanded + ", which -D" + PROPERTY + " or " + VARIABLE
          + " names, cannot be used: " + e.getMessage()
          + "; name a libcublasLt.so of CUDA 12 or 13, or none to do without", e);
    }
  }

  private Found search(CudaStream stream) {
    List<String> candidates = new ArrayList<>(NAMES);
    folders.forEach(folder -> NAMES.forEach(name -> candidates.add(folder + "/" + name)));
    StringBuilder refused = new StringBuilder();
    for (String candidate : candidates) {
      try {
        return start(stream, candidate);
      } catch (InputException | CudaException e) {
        refused.append("; ").append(candidate).append(": ").append(e.getMessage());
      } catch (IllegalArgumentException notThere) {
        // the next one may be
      }
    }
    return new Found(null, "not found as " + String.join(", ", NAMES)
        + " by the system's search and in " + String.join(", ", folders) + refused
        + "; prompts take several times as long without: install cuBLAS of CUDA 12 or 13, or name "
        + "its libcublasLt.so in " + VARIABLE);
  }

  private Found start(CudaStream stream, String library) {
    CublasLt calls = new CublasLt(loader.apply(library));
    int major = calls.cublasLtGetProperty(CublasLt.MAJOR_VERSION);
    String version = major + "." + calls.cublasLtGetProperty(CublasLt.MINOR_VERSION) + "."
        + calls.cublasLtGetProperty(CublasLt.PATCH_LEVEL);
    if (major < OLDEST_MAJOR) {
      throw new InputException("it is version " + version + ", " + OLDEST_MAJOR
          + " or newer is needed");
    }
    return new Found(CublasLtHandle.open(stream, calls), library + ", version " + version);
  }
}
