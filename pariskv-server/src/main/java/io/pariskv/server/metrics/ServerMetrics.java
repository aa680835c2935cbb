package io.pariskv.server.metrics;

import io.pariskv.server.model.ServedModel;
import io.pariskv.server.model.ServedModels;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** All that a server counts. Thread-safe. */
public final class ServerMetrics {
  private final Map<String, ModelMetrics> models = new LinkedHashMap<>();
  /* Labels of a route and a status, of which there are few. */
  private final Map<String, LongAdder> replies = new ConcurrentHashMap<>();

  /** Nothing has happened yet. */
  public ServerMetrics(ServedModels served) {
    for (ServedModel model : served.all()) {
      models.put(model.id(), new ModelMetrics(model));
    }
  }

  /** Of one of the server's models. */
  public ModelMetrics of(ServedModel model) {
    return Objects.requireNonNull(models.get(model.id()), "a model of another server");
  }

  /** A request has been replied to. */
  public void replied(String route, int status) {
    String labels = PrometheusText.label("route", route) + ","
        + PrometheusText.label("status", status == 0 ? "none" : Integer.toString(status));
    replies.computeIfAbsent(labels, _ -> new LongAdder()).increment();
  }

  /** Of {@link #text}. */
  public static String contentType() {
    return PrometheusText.CONTENT_TYPE;
  }

  /** What Prometheus reads. */
  public byte[] text() {
    PrometheusText out = new PrometheusText();
    models.values().forEach(model -> model.write(out));
    out.family("http_requests_total", "counter", "Requests by route and status.");
    new TreeMap<>(replies).forEach(
        (labels, count) -> out.sample("http_requests_total", labels, count));
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }
}
