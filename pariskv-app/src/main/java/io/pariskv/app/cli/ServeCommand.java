package io.pariskv.app.cli;

import io.pariskv.app.serve.LoadedModels;
import io.pariskv.app.serve.NamedModel;
import io.pariskv.app.serve.Termination;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.AttentionMethod;
import io.pariskv.server.ParisKvServer;
import io.pariskv.server.ServerSettings;
import io.pariskv.server.http.RequestLog;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Serves models over HTTP until a signal. */
@Command(name = "serve", mixinStandardHelpOptions = true, description = "Serve models over an OpenAI-compatible HTTP interface until SIGTERM; one line of JSON a request goes to standard error.")
public final class ServeCommand implements Callable<Integer> {
  /** For models to be closed after the last answer. */
  private static final Duration CLOSING = Duration.ofSeconds(30);

  @Spec
  private CommandSpec spec;
  @Option(names = "--model", required = true, paramLabel = "[NAME=]DIR", description = "Model directory as Hugging Face writes it, under its own name or another; may be repeated.")
  private List<String> models;
  @Option(names = "--context", paramLabel = "N", description = "Most tokens of a prompt and its answer (default: as many as fit).")
  private @Nullable Integer context;
  @Mixin
  private MethodOptions method;
  @Mixin
  private ServingOptions serving;
  @Mixin
  private LoadingOptions loading;

  @Override
  public Integer call() throws InterruptedException {
    AttentionMethod chosen = Usage.check(spec,
        () -> serving.counted(method.toMethod()));
    Usage.requirePositive(spec, "--context", context);
    LoadOptions options = loading.toLoadOptions(spec, context == null ? 0 : context);
    EngineOptions engine = Usage.check(spec, () -> serving.toEngineOptions(spec));
    List<NamedModel> named = Usage.check(spec,
        () -> models.stream().map(NamedModel::parse).toList());
    if (named.stream().map(NamedModel::name).distinct().count() < named.size()) {
      throw Usage.wrong(spec, "two models have one name; give another by NAME=DIR");
    }
    ServerSettings settings = serving.toServerSettings(spec);
    PrintWriter err = spec.commandLine().getErr();
    String warning = ServingOptions.warning(settings);
    if (warning != null) {
      err.println("pariskv: warning: " + warning);
    }
    try (Termination end = new Termination(serving.drain().plus(CLOSING))) {
      try (LoadedModels loaded = LoadedModels.load(named, options, chosen, engine,
          serving.cacheDirectory());
          ParisKvServer server = ParisKvServer.start(settings, loaded.served(),
              RequestLog.lines(err::println))) {
        loaded.notes().forEach(note -> err.println("pariskv: " + note));
        spec.commandLine().getOut().println(server.url() + " serves "
            + String.join("; ", loaded.descriptions()) + " (method " + chosen.name() + ")");
        end.await();
        server.drain(serving.drain());
      }
      end.succeeded();
    }
    return 0;
  }
}
