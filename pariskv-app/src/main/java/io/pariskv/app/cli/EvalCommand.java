package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.run.Compared;
import io.pariskv.eval.run.DataFingerprint;
import io.pariskv.eval.run.Evaluation;
import io.pariskv.eval.run.MethodChoice;
import io.pariskv.eval.run.ModelFingerprint;
import io.pariskv.eval.run.PromptEncoder;
import io.pariskv.eval.run.ResultFile;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Workload;
import io.pariskv.eval.run.Workloads;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares attention methods by what a model answers through them. */
@Command(name = "eval", mixinStandardHelpOptions = true, subcommands = EvalReportCommand.class, description = "Put questions of several lengths to a model through several attention methods, and write a report. --method and --k may name several with commas; the default of --method is here full,pariskv,window.")
public final class EvalCommand implements Callable<Integer> {
  private static final String METHODS = "full,pariskv,window";
  private static final int MAX_LENGTH = 1 << 24;
  private static final int MAX_SAMPLES = 100_000;
  private static final int MAX_JOBS = 64;
  private static final int MAX_MINUTES = 100_000;

  @Spec
  private CommandSpec spec;
  @Parameters(arity = "0..1", paramLabel = "TASK[,TASK]", split = ",", description = "recall-tasks (for the bundled model: recall-number, recall-list, recall-path), ruler or one of its 13, longbench-v2, aime, gpqa, math500, retrieval (what methods select while the model writes: the bundled one a long path, another one the continuation of --data, or of our own prose), perplexity (of --data).")
  private List<String> tasks = new ArrayList<>();
  @Option(names = "--model", paramLabel = "DIR", description = "Model directory as Hugging Face writes it.")
  private @Nullable Path model;
  @Mixin
  private MethodOptions method;
  @Option(names = "--lengths", paramLabel = "N", split = ",", defaultValue = "4096,8192", description = "Most tokens of a sample with its answer; several with commas (default: ${DEFAULT-VALUE}).")
  private List<Integer> lengths;
  @Option(names = "--samples", paramLabel = "N", defaultValue = "5", description = "Samples of each task, length and method (default: ${DEFAULT-VALUE}).")
  private int samples;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the samples (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--out", paramLabel = "DIR", defaultValue = "eval-results", description = "Where samples and report go (default: ${DEFAULT-VALUE}).")
  private Path out;
  @Option(names = "--resume", description = "Go on with the samples that DIR has.")
  private boolean resume;
  @Option(names = "--data", paramLabel = "FILE", description = "A text in UTF-8 for perplexity and retrieval; for other tasks the directory with their files.")
  private @Nullable Path data;
  @Option(names = "--new-tokens", paramLabel = "N", description = "Tokens that retrieval writes or perplexity judges a sample (default: "
      + Workloads.Settings.NEW_TOKENS
      + "), or the most that an answer in an exam has (default: 128 in longbench-v2, 32768 in math500, 38912 in aime and gpqa).")
  private @Nullable Integer newTokens;
  @Option(names = "--question", paramLabel = "HOW", description = "fed: through decode steps, so that the method has to find what is asked for; prefilled: with the text, as published scores are (default: fed in recall-tasks, prefilled in ruler and longbench-v2).")
  private @Nullable String question;
  @Option(names = "--every", paramLabel = "N", description = "Look in every N-th step at what methods select, beside exact attention (default: 16 in retrieval, else never).")
  private @Nullable Integer every;
  @Option(names = "--jobs", paramLabel = "N", defaultValue = "1", description = "Samples that are answered side by side, each with the model in memory once more: a small model leaves most of a GPU idle (default: ${DEFAULT-VALUE}). Times are then those of a busy machine.")
  private int jobs;
  @Option(names = "--minutes", paramLabel = "N", description = "End after so long, with as many samples of each task and length as there was time for; --resume goes on.")
  private @Nullable Double minutes;
  @Option(names = "--raw", description = "Give prompts to the model as they are, without the chat template.")
  private boolean raw;
  @Mixin
  private LoadingOptions loading;

  @Override
  public Integer call() {
    Path directory = model;
    if (directory == null || tasks.isEmpty()) {
      throw Usage.wrong(spec, tasks.isEmpty()
          ? "give a task, such as recall-tasks"
          : "--model is missing; give a model directory");
    }
    lengths.forEach(length -> Usage.requireRange(spec, "--lengths", length, MAX_LENGTH));
    Usage.requireRange(spec, "--samples", samples, MAX_SAMPLES);
    Usage.requireRange(spec, "--jobs", jobs, MAX_JOBS);
    Double limit = minutes;
    if (limit != null && !(limit > 0 && limit <= MAX_MINUTES)) {
      throw Usage.wrong(spec, "--minutes " + limit + " must be above 0 and at most " + MAX_MINUTES);
    }
    Map<Integer, Compared> compared = Usage.check(spec, this::compared);
    List<Workload> workloads = Usage.check(spec,
        () -> Workloads.named(tasks, new Workloads.Settings(data, newTokens, every,
            question == null ? null : Protocol.of(question))));
    Evaluation.Plan plan = new Evaluation.Plan(workloads, lengths, compared::get, samples, seed);
    Evaluation.Pace pace = limit == null
        ? Evaluation.Pace.toTheEnd()
        : Evaluation.Pace.seconds(Math.round(60 * limit));
    try (LanguageModel loaded = load(directory, workloads)) {
      SampleLine.Origin origin = new SampleLine.Origin(loaded.name(),
          ModelFingerprint.of(directory), loaded.backend().name(), Version.text());
      try (ResultFile file = ResultFile.open(out, settings(plan, compared, loaded, origin),
          resume)) {
        run(plan, file, origin, pace, directory, loaded);
        return EvalSummary.print(file.lines(), out, spec.commandLine().getOut());
      }
    }
  }

  /** By length, since some methods' settings depend on it; 0 for samples that come as they are. */
  private Map<Integer, Compared> compared() {
    Map<Integer, Compared> compared = new LinkedHashMap<>();
    Stream.concat(lengths.stream(), Stream.of(0)).forEach(length -> {
      MethodOptions.Labelled labelled = method.toLabelledMethods(METHODS, length);
      compared.put(length, new Compared(labelled.methods().entrySet().stream()
          .map(each -> new MethodChoice(each.getKey(), each.getValue())).toList(),
          labelled.refused()));
    });
    return compared;
  }

  private void run(Evaluation.Plan plan, ResultFile file, SampleLine.Origin origin,
      Evaluation.Pace pace, Path directory, LanguageModel loaded) {
    PrintWriter err = spec.commandLine().getErr();
    try {
      Evaluation evaluation = new Evaluation(plan, file, origin, pace, Terminal.progress(err));
      LoadOptions options = loading.toLoadOptions(spec, loaded.plan().context());
      EvalJobs.run(evaluation, jobs, new PromptEncoder(loaded, raw),
          () -> LanguageModel.load(directory, options));
      if (evaluation.left() > 0) {
        spec.commandLine().getOut().println("ended after " + minutes + " minutes, "
            + evaluation.left() + " samples before the end; --resume goes on");
      }
    } finally {
      Terminal.endProgress(err);
    }
  }

  /** With room for the longest samples; if that is not to be had, for the longest that fit. */
  private LanguageModel load(Path directory, List<Workload> workloads) {
    List<Integer> longestFirst = Stream
        .concat(lengths.stream(), workloads.stream().map(Workload::tokens))
        .filter(length -> length > 0).distinct().sorted(Comparator.reverseOrder()).toList();
    LoadOptions options = loading.toLoadOptions(spec, 0);
    for (int tried = 0;; tried++) {
      try {
        return LanguageModel.load(directory, options.withContext(longestFirst.get(tried)));
      } catch (InputException e) { // cells that are too long are refused one by one, with the reason
        if (tried == longestFirst.size() - 1) {
          throw e;
        }
      }
    }
  }

  private static boolean isExam(Workload workload) {
    return workload.tokens() > 0 || workload.name().equals("longbench-v2");
  }

  /** Such as {@code fed}, or {@code recall-path fed, vt prefilled} if they differ. */
  private static String protocols(List<Workload> workloads) {
    List<Workload> asking = workloads.stream().filter(each -> each.protocol() != null).toList();
    List<String> different = asking.stream().map(each -> String.valueOf(each.protocol()))
        .distinct().toList();
    return different.size() < 2
        ? String.join("", different)
        : asking.stream().map(each -> each.name() + " " + each.protocol())
            .collect(Collectors.joining(", "));
  }

  private Map<String, String> settings(Evaluation.Plan plan, Map<Integer, Compared> compared,
      LanguageModel loaded, SampleLine.Origin origin) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("model", origin.model());
    settings.put("model_sha256", origin.modelSha256());
    settings.put("backend", origin.backend());
    settings.put("kv_dtype", loaded.kvShape().dtype().toString());
    settings.put("tasks", plan.workloads().stream().map(Workload::name)
        .collect(Collectors.joining(",")));
    settings.put("lengths", plan.lengths().stream().map(String::valueOf)
        .collect(Collectors.joining(",")));
    settings.put("samples", Integer.toString(plan.samples()));
    settings.put("seed", Long.toString(plan.seed()));
    settings.put("new_tokens",
        String.valueOf(newTokens == null ? Workloads.Settings.NEW_TOKENS : newTokens));
    if (newTokens != null && plan.workloads().stream().anyMatch(EvalCommand::isExam)) {
      settings.put("exam_tokens", newTokens.toString()); // without it there, an exam's own number
    }
    settings.put("every", String.valueOf(every));
    settings.put("question", protocols(plan.workloads()));
    settings.put("data", String.valueOf(data));
    settings.put("data_sha256", DataFingerprint.of(data));
    settings.put("template", raw ? "raw" : "chat");
    Set<String> labels = new LinkedHashSet<>();
    compared.forEach((length, each) -> each.methods().forEach(choice -> {
      labels.add(choice.label());
      String name = "method " + choice.label();
      if (!settings.computeIfAbsent(name, _ -> choice.settings()).equals(choice.settings())) {
        settings.put(name + " at " + length, choice.settings());
      }
    }));
    settings.put("methods", String.join(",", labels));
    return settings;
  }
}
