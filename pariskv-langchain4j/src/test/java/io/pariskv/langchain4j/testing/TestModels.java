package io.pariskv.langchain4j.testing;

import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The bundled model, as it is and with another chat template. */
public final class TestModels {
  /** The bundled model's directory. */
  public static final Path RECALL = root().resolve("models/recall-12m");

  private TestModels() {
  }

  private static Path root() {
    return Path.of(System.getProperty("project.root", "..")).toAbsolutePath();
  }

  /** The bundled model, for conversations of some length. */
  public static LanguageModel recall() {
    return LanguageModel.load(RECALL, LoadOptions.defaults().withContext(4096));
  }

  /** The bundled model with a template of the core's fixtures, which have the tags of the families replaced. */
  public static LanguageModel withTemplate(Path directory, String name) throws IOException {
    try (Stream<Path> files = Files.list(RECALL)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        Files.copy(file, directory.resolve(file.getFileName().toString()));
      }
    }
    Path template = root()
        .resolve("pariskv-core/src/test/resources/jinja/templates/" + name + ".jinja");
    Files.writeString(directory.resolve("chat_template.jinja"), Files.readString(template)
        .replace("<call>", "<tool_call>").replace("</call>", "</tool_call>"));
    return LanguageModel.load(directory, LoadOptions.defaults().withContext(4096));
  }

  /** What stands between two marks, each time. */
  public static List<String> between(String text, String open, String close) {
    return Stream.of(text.split(java.util.regex.Pattern.quote(open))).skip(1)
        .map(rest -> rest.substring(0, Math.max(0, rest.indexOf(close))).strip()).toList();
  }
}
