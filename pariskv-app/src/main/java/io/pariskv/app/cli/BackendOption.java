package io.pariskv.app.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Which machine computes. */
final class BackendOption {
  @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "auto, cuda, vector or scalar (default: ${DEFAULT-VALUE}).")
  private String backend;

  /** The name given, if this build has such a backend. */
  String name(CommandSpec spec) {
    return Usage.backend(spec, backend);
  }

  /** Whether the best of this machine was asked for. */
  boolean isAuto() {
    return backend.equals("auto");
  }
}
