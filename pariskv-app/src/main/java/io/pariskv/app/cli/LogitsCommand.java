package io.pariskv.app.cli;

import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.PromptLogits;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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
  @Spec
  private CommandSpec spec;
  @Mixin
  private ModelOptions model;

  @Option(names = "--ids-file", required = true, paramLabel = "FILE", description = "Token ids, separated by commas.")
  private Path idsFile;
  @Option(names = "--positions", required = true, paramLabel = "LIST", description = "Positions, separated by commas, from 0.")
  private String positions;
  @Option(names = "--json", description = "Print an object with positions and logits (the only format).")
  private boolean json;

  @Override
  public Integer call() {
    LoadOptions loading = Usage.check(spec, model::toLoadOptions);
    int[] wanted = Usage.check(spec, () -> Prompts.ids(positions, "--positions"));
    int[] ids = Prompts.ids(Prompts.read(idsFile), idsFile.toString());
    try (LanguageModel loaded = LanguageModel.load(model.model, loading)) {
      float[][] logits = PromptLogits.compute(loaded, ids, wanted);
      ObjectNode object = Json.MAPPER.createObjectNode();
      ArrayNode positionsNode = object.putArray("positions");
      ArrayNode logitsNode = object.putArray("logits");
      for (int i = 0; i < wanted.length; i++) {
        positionsNode.add(wanted[i]);
        ArrayNode row = logitsNode.addArray();
        for (float value : logits[i]) {
          row.add(value);
        }
      }
      spec.commandLine().getOut().println(object);
      return 0;
    }
  }
}
