package io.pariskv.app.cli;

import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.PromptLogits;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Prints logits, for those who check one engine against another. */
@Command(name = "logits", mixinStandardHelpOptions = true, description = "Print the logits at some positions of a prompt, computed with full attention.")
public final class LogitsCommand implements Callable<Integer> {
  private static final int SHOWN = 5;

  @Spec
  private CommandSpec spec;
  @Mixin
  private ModelOptions model;

  @Option(names = "--ids-file", required = true, paramLabel = "FILE", description = "Token ids, separated by commas.")
  private Path idsFile;
  @Option(names = "--positions", required = true, paramLabel = "LIST", description = "Positions, separated by commas, from 0.")
  private String positions;
  @Option(names = "--json", description = "Print an object with all logits; otherwise the best five tokens are shown.")
  private boolean json;

  @Override
  public Integer call() {
    LoadOptions loading = model.toLoadOptions(spec);
    int[] wanted = Usage.check(spec, () -> Prompts.ids(positions, "--positions"));
    int[] ids = Prompts.ids(Prompts.read(idsFile), idsFile.toString());
    try (LanguageModel loaded = LanguageModel.load(model.model, loading)) {
      float[][] logits = PromptLogits.compute(loaded, ids, wanted);
      if (json) {
        spec.commandLine().getOut().println(toJson(wanted, logits));
      } else {
        print(wanted, logits, spec.commandLine().getOut());
      }
      return 0;
    }
  }

  private static ObjectNode toJson(int[] positions, float[][] logits) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    ArrayNode positionsNode = object.putArray("positions");
    ArrayNode logitsNode = object.putArray("logits");
    for (int i = 0; i < positions.length; i++) {
      positionsNode.add(positions[i]);
      ArrayNode row = logitsNode.addArray();
      for (float value : logits[i]) {
        row.add(value);
      }
    }
    return object;
  }

  /** For people: the best tokens of each position. */
  private static void print(int[] positions, float[][] logits, PrintWriter out) {
    for (int i = 0; i < positions.length; i++) {
      float[] row = logits[i];
      StringBuilder line = new StringBuilder("position " + positions[i] + ":");
      IntStream.range(0, row.length).boxed().sorted(Comparator.comparingDouble(id -> -row[id]))
          .limit(SHOWN)
          .forEach(id -> line.append(String.format(Locale.ROOT, "  %d %.5f", id, row[id])));
      out.println(line);
    }
  }
}
