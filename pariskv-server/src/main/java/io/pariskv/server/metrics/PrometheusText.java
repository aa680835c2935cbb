package io.pariskv.server.metrics;

import java.util.LinkedHashMap;
import java.util.Map;

/** Writes the text format of Prometheus, version 0.0.4: the samples of a metric stand together, whoever gave them. */
final class PrometheusText {
  static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private static final String PREFIX = "pariskv:";

  /* By name, in the order of first mention. */
  private final Map<String, StringBuilder> families = new LinkedHashMap<>();
  private StringBuilder family = new StringBuilder();

  /** The samples that follow are of this metric. */
  PrometheusText family(String name, String type, String help) {
    family = families.computeIfAbsent(name,
        _ -> new StringBuilder("# HELP ").append(PREFIX).append(name).append(' ').append(help)
            .append("\n# TYPE ").append(PREFIX).append(name).append(' ').append(type).append('\n'));
    return this;
  }

  /** @param labels such as {@code model_name="a"} */
  void sample(String name, String labels, Number value) {
    family.append(PREFIX).append(name).append('{').append(labels).append("} ")
        .append(number(value.doubleValue())).append('\n');
  }

  static String label(String name, String value) {
    return name + "=\"" + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n")
        + '"';
  }

  /** Whole numbers without a point. */
  static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  @Override
  public String toString() {
    return String.join("", families.values());
  }
}
