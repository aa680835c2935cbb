package io.pariskv.backend.host;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** How much memory the host can still give. */
public final class HostMemory {
  private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s*(\\d{1,15}) kB");

  private HostMemory() {
  }

  /**
   * Bytes that can be allocated without swapping: what Linux calls available, which counts caches that
   * can be dropped, and never more than what is free under the container's limit. Where the system does
   * not say, the free physical memory.
   */
  public static long availableBytes() {
    long free = ManagementFactory
        .getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
            ? system.getTotalMemorySize() - usedHere()
            : Long.MAX_VALUE;
    return Math.min(free, linuxAvailable().orElse(free));
  }

  private static long usedHere() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  private static Optional<Long> linuxAvailable() {
    Path file = Path.of("/proc/meminfo");
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines.map(AVAILABLE::matcher).filter(Matcher::lookingAt)
          .map(matcher -> Long.parseLong(matcher.group(1)) * 1024).findFirst();
    } catch (IOException e) {
      return Optional.empty(); // the total above still bounds it
    }
  }
}
