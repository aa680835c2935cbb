package io.pariskv.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code gpu/run-tests} names each test class that has something to test on a GPU, so that none is forgotten there. */
class GpuTestListTest {
  private static final Pattern RUNS_ON_A_GPU = Pattern
      .compile("TestBackends|Fixtures\\.(CUDA|backends)|pariskv\\.testBackend");
  private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

  @Test
  void everyClassThatIsAboutAGpu_isNamedOnce_andEveryNameIsAClass() throws IOException {
    Set<String> all = new TreeSet<>();
    Set<String> about = new TreeSet<>();
    try (Stream<Path> modules = Files.list(ROOT)) {
      for (Path sources : modules.map(module -> module.resolve("src/test/java"))
          .filter(Files::isDirectory).toList()) {
        all.addAll(classesOf(sources, file -> true));
        about.addAll(classesOf(sources, file -> RUNS_ON_A_GPU.matcher(text(file)).find()));
      }
    }
    List<String> named = Files.readAllLines(ROOT.resolve("gpu/run-tests")).stream()
        .filter(line -> line.matches("io\\.pariskv\\.[a-zA-Z.]*Test")).toList();

    about.removeAll(named);
    assertEquals(Set.of(), about, "not in gpu/run-tests");
    assertEquals(List.of(), named.stream().filter(name -> !all.contains(name)).toList());
    assertEquals(named.stream().distinct().toList(), named);
  }

  private static Set<String> classesOf(Path sources, Predicate<Path> chosen) throws IOException {
    try (Stream<Path> files = Files.walk(sources)) {
      return files.filter(file -> file.toString().endsWith("Test.java")).filter(chosen)
          .map(file -> sources.relativize(file).toString().replace(".java", "")
              .replaceAll("[/\\\\]", "."))
          .filter(name -> !name.equals(GpuTestListTest.class.getName()))
          .collect(Collectors.toSet());
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
