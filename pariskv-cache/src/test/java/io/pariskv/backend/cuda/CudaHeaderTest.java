package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The fake functions have the parameters that {@code cuda.h} declares, and so does the binding, which is
 * compared with the fake. Runs where a CUDA toolkit is installed.
 */
class CudaHeaderTest {

  @Test
  void fakeFunctions_haveTheParametersOfTheHeader() throws IOException {
    Optional<Path> header = header();
    assumeTrue(header.isPresent(), "no cuda.h in CUDA_HOME or /usr/local/cuda: nothing to compare");
    // The first part declares what programs get; below, old versions are declared for the library itself.
    String text = Files.readString(header.get()).split("__CUDA_API_VERSION_INTERNAL\\)\n", 2)[0];

    int compared = 0;
    for (Method method : functions()) {
      if (method.getName().startsWith("cu")) {
        String symbol = method.getName();
        String name = symbol.replaceFirst("_v2$|WithFlags$", "");
        assertEquals(declared(text, name), parameters(method), symbol);
        assertEquals(symbol, name.equals("cuEventElapsedTime") ? symbol : exported(text, name));
        compared++;
      }
    }
    assertTrue(compared > 40, compared + " functions compared");
  }

  /** The fake's methods, those of its memory included. */
  private static List<Method> functions() {
    return Stream.of(FakeDriver.class, FakeStreams.class, FakeMemory.class)
        .flatMap(type -> Stream.of(type.getDeclaredMethods()))
        .filter(method -> !Modifier.isAbstract(method.getModifiers()) && !method.isSynthetic())
        .toList();
  }

  private static Optional<Path> header() {
    return Stream.of(System.getenv().getOrDefault("CUDA_HOME", ""), "/usr/local/cuda")
        .map(home -> Path.of(home, "include", "cuda.h")).filter(Files::isReadable).findFirst();
  }

  /** The name that {@code cuda.h} gives a function in the library, by a macro of the plain name. */
  private static String exported(String header, String name) {
    Matcher macro = Pattern.compile("#define " + name + " +(?:__CUDA_API_PT[SDZ]+\\()?(\\w+)")
        .matcher(header);
    return macro.find() ? macro.group(1) : name;
  }

  private static List<String> declared(String header, String name) {
    Matcher prototype = Pattern.compile("CUresult CUDAAPI " + name + "\\(([^)]*)\\);")
        .matcher(header);
    assertTrue(prototype.find(), () -> "cuda.h does not declare " + name);
    List<String> kinds = new ArrayList<>();
    for (String parameter : prototype.group(1).split(",")) {
      if (!parameter.isBlank() && !parameter.strip().equals("void")) {
        kinds.add(kind(parameter.strip()));
      }
    }
    return kinds;
  }

  /** Our type of a parameter: host pointers are segments, handles and device addresses longs. */
  private static String kind(String parameter) {
    if (parameter.contains("*")) {
      return "MemorySegment";
    }
    String type = parameter.replace("const ", "").replaceFirst("\\s*\\w+$", "").strip();
    return switch (type) {
      case "int", "unsigned int", "CUdevice", "CUresult" -> "int";
      case "unsigned char" -> "byte";
      case "size_t", "unsigned long long", "CUdeviceptr" -> "long";
      case "CUcontext", "CUstream", "CUevent", "CUmodule", "CUfunction", "CUgraph",
          "CUgraphExec" ->
        "long";
      case "CUdevice_attribute", "CUfunction_attribute", "CUstreamCaptureMode" -> "int";
      default -> "unknown type " + type;
    };
  }

  private static List<String> parameters(Method method) {
    boolean freesHost = method.getName().equals("cuMemFreeHost"); // the address of a segment
    return Arrays.stream(method.getParameterTypes())
        .map(type -> freesHost ? "MemorySegment" : type.getSimpleName()).toList();
  }
}
