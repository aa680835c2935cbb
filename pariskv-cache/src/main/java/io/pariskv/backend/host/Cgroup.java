package io.pariskv.backend.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * What the control groups (version 2) around this process leave of their limits: a container's processes share one. Files
 * are read each time; what cannot be read sets no limit.
 */
record Cgroup(Path root, Path membership) {

  /** Of this process. */
  static Cgroup ofThisProcess() {
    return new Cgroup(Path.of("/sys/fs/cgroup"), Path.of("/proc/self/cgroup"));
  }

  /** Bytes that the group, or one above it, still allows; empty without a limit. */
  OptionalLong availableBytes() {
    OptionalLong least = OptionalLong.empty();
    Path group = group();
    while (group != null && group.startsWith(root)) {
      OptionalLong left = left(group);
      if (left.isPresent() && left.getAsLong() < least.orElse(Long.MAX_VALUE)) {
        least = left;
      }
      group = group.getParent();
    }
    return least;
  }

  /** The group's directory; in a container without a namespace of its own its path is the host's, and not there. */
  private Path group() {
    for (String line : lines(membership)) {
      if (line.startsWith("0::/")) {
        Path group = root.resolve(line.substring("0::/".length())).normalize();
        return group.startsWith(root) && Files.isDirectory(group) ? group : root;
      }
    }
    return root;
  }

  /** Files that are cached count as used, but are dropped when memory is short: also a model's weights, which are mapped. */
  private static OptionalLong left(Path group) {
    OptionalLong limit = number(group, "memory.max", "");
    OptionalLong used = number(group, "memory.current", "");
    if (limit.isEmpty() || used.isEmpty()) {
      return OptionalLong.empty();
    }
    long cached = number(group, "memory.stat", "inactive_file ").orElse(0)
        + number(group, "memory.stat", "active_file ").orElse(0);
    long held = Math.max(0, used.getAsLong() - cached);
    return OptionalLong.of(Math.max(0, limit.getAsLong() - held));
  }

  /** The number of a line that begins so; none if there is no such line, or it says {@code max}. */
  private static OptionalLong number(Path group, String file, String begin) {
    return lines(group.resolve(file)).stream()
        .filter(line -> line.startsWith(begin)
            && line.substring(begin.length()).matches("\\d{1,18}"))
        .mapToLong(line -> Long.parseLong(line.substring(begin.length()))).findFirst();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.isReadable(file)
          ? Files.readAllLines(file, StandardCharsets.ISO_8859_1)
          : List.of();
    } catch (IOException e) {
      return List.of(); // the machine's memory still bounds it
    }
  }
}
