package io.pariskv.backend.host;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** How much memory the host has, and can still give. */
public final class HostMemory {
  private static final Path SYSTEM = Path.of("/proc/meminfo");
  private static final Path PROCESS = Path.of("/proc/self/status");

  private HostMemory() {
  }

  /**
   * Bytes that can be allocated without swapping: what Linux calls available, which counts caches that
   * can be dropped, never more than the {@linkplain #totalBytes total} less what this process holds, and never more
   * than its container leaves to all processes in it. Where the system does not say, the second.
   */
  public static long availableBytes() {
    long free = Math.min(Math.max(0, totalBytes() - heldBytes()),
        Cgroup.ofThisProcess().availableBytes().orElse(Long.MAX_VALUE));
    return Math.min(free, kibibytes(SYSTEM, "MemAvailable").orElse(free));
  }

  /** All physical memory, or the limit of the container that this process runs in. */
  public static long totalBytes() {
    return ManagementFactory
        .getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
            ? system.getTotalMemorySize()
            : Long.MAX_VALUE;
  }

  /** Of this process: memory that is no file's, pinned memory included; where the system does not say, the heap. */
  private static long heldBytes() {
    Runtime runtime = Runtime.getRuntime();
    return kibibytes(PROCESS, "RssAnon").orElse(runtime.totalMemory() - runtime.freeMemory());
  }

  /** Bytes of a line such as {@code MemAvailable: 1024 kB}. */
  private static Optional<Long> kibibytes(Path file, String name) {
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    Pattern line = Pattern.compile(name + ":\\s*(\\d{1,15}) kB");
    try (Stream<String> lines = Files.lines(file, StandardCharsets.ISO_8859_1)) {
      return lines.map(line::matcher).filter(Matcher::lookingAt)
          .map(matcher -> Long.parseLong(matcher.group(1)) * 1024).findFirst();
    } catch (IOException e) {
      return Optional.empty(); // the total above still bounds it
    }
  }
}
