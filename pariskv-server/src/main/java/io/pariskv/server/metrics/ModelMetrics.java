package io.pariskv.server.metrics;

import io.pariskv.engine.CacheStatus;
import io.pariskv.engine.EngineStatus;
import io.pariskv.generate.GenerationResult;
import io.pariskv.server.model.ServedModel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What happens to the requests of one model. Thread-safe; nothing here waits. */
public final class ModelMetrics {
  private final ServedModel model;
  private final Histogram firstToken = new Histogram(Histogram.SECONDS);
  private final Histogram interToken = new Histogram(Histogram.SECONDS);
  private final Histogram wholeRequest = new Histogram(Histogram.SECONDS);
  private final Histogram queued = new Histogram(Histogram.SECONDS);
  private final Histogram prefill = new Histogram(Histogram.SECONDS);
  private final Histogram decode = new Histogram(Histogram.SECONDS);
  private final Histogram promptTokens = new Histogram(Histogram.TOKENS);
  private final Histogram generatedTokens = new Histogram(Histogram.TOKENS);
  private final Map<String, LongAdder> finished = new ConcurrentHashMap<>();
  private final LongAdder refused = new LongAdder();
  private final DoubleAdder attendedTokens = new DoubleAdder();
  private final DoubleAdder kvBytes = new DoubleAdder();
  private final DoubleAdder summaryBytes = new DoubleAdder();
  private final DoubleAdder fetchedBytes = new DoubleAdder();

  ModelMetrics(ServedModel model) {
    this.model = model;
  }

  /** Two tokens of an answer came this far apart. */
  public void interToken(double seconds) {
    interToken.add(seconds);
  }

  /** The queue was full. */
  public void refused() {
    refused.increment();
  }

  /**
   * A request has ended.
   *
   * @param reason as clients are told, or {@code abort} for one that was cancelled
   * @param result what came out, or null if it failed
   */
  public void ended(String reason, RequestTimes times, @Nullable GenerationResult result) {
    finished.computeIfAbsent(reason, _ -> new LongAdder()).increment();
    add(queued, times.queued());
    add(prefill, times.prefill());
    add(firstToken, times.firstToken());
    add(decode, times.decode());
    wholeRequest.add(times.whole());
    if (result != null) {
      promptTokens.add(result.promptTokens());
      generatedTokens.add(result.tokens().size());
      int steps = result.decodeSteps();
      attendedTokens.add(result.attendedTokensMean() * steps);
      kvBytes.add(result.kvBytesPerToken() * steps);
      summaryBytes.add(result.summaryBytesPerToken() * steps);
      Double fetched = result.fetchedBytesPerToken();
      fetchedBytes.add(fetched == null ? 0 : fetched * steps);
    }
  }

  private static void add(Histogram histogram, double seconds) {
    if (!Double.isNaN(seconds)) { // a request that ended before it came so far
      histogram.add(seconds);
    }
  }

  /** When a client that found the queue full may hope for a place: as long as requests take, shared by the places. */
  public int retryAfterSeconds() {
    EngineStatus now = model.engine().status();
    double mean = wholeRequest.mean();
    return (int) Math.clamp(Math.ceil(mean / Math.max(1, now.places())), 1, 60);
  }

  void write(PrometheusText out) {
    String labels = PrometheusText.label("model_name", model.id());
    writeStatus(out, labels, model.engine().status());
    writeCaches(out, labels, model.engine().cacheStatus());
    out.family("request_success_total", "counter", "Requests that ended, by reason.");
    for (String reason : new String[]{"stop", "length", "tool_calls", "abort", "error"}) {
      finished.computeIfAbsent(reason, _ -> new LongAdder());
    }
    finished.forEach((reason, count) -> out.sample("request_success_total",
        labels + "," + PrometheusText.label("finished_reason", reason), count));
    counter(out, labels, "requests_refused_total", "Requests refused, the queue being full.",
        refused);
    counter(out, labels, "attended_tokens_total",
        "Tokens that decode steps attended, mean over layers.", attendedTokens);
    counter(out, labels, "kv_read_bytes_total", "Bytes of K and V that decode steps read.",
        kvBytes);
    counter(out, labels, "summary_read_bytes_total",
        "Bytes of key summaries that decode steps read.", summaryBytes);
    counter(out, labels, "pcie_fetched_bytes_total",
        "Bytes of selected rows that came from host memory to a GPU.", fetchedBytes);
    histogram(out, labels, firstToken, "time_to_first_token_seconds",
        "From a request's arrival to its first token.");
    histogram(out, labels, interToken, "inter_token_latency_seconds",
        "From a token to the next of the same answer.");
    histogram(out, labels, wholeRequest, "e2e_request_latency_seconds",
        "From a request's arrival to its end.");
    histogram(out, labels, queued, "request_queue_time_seconds",
        "From a request's arrival to the start of its prefill.");
    histogram(out, labels, prefill, "request_prefill_time_seconds",
        "From the start of prefill to the first token.");
    histogram(out, labels, decode, "request_decode_time_seconds",
        "From the first token to the last.");
    histogram(out, labels, promptTokens, "request_prompt_tokens", "Tokens of a prompt.");
    histogram(out, labels, generatedTokens, "request_generation_tokens", "Tokens of an answer.");
  }

  private static void writeStatus(PrometheusText out, String labels, EngineStatus now) {
    gauge(out, labels, "num_requests_running", "Requests that prefill or decode.",
        now.prefilling() + now.decoding());
    gauge(out, labels, "num_requests_waiting", "Requests in the queue.", now.waiting());
    gauge(out, labels, "num_requests_prefilling", "Requests whose prompt is being read.",
        now.prefilling());
    gauge(out, labels, "num_places", "Most requests that run at once.", now.places());
    gauge(out, labels, "kv_cache_usage_perc", "Share of the tokens that caches may hold, 0 to 1.",
        now.roomTokens() == 0 ? 0 : (double) now.heldTokens() / now.roomTokens());
    gauge(out, labels, "kv_cache_tokens", "Tokens in the caches.", now.heldTokens());
    counter(out, labels, "prompt_tokens_total", "Tokens of prompts.", now.promptTokens());
    counter(out, labels, "generation_tokens_total", "Tokens chosen.", now.generatedTokens());
    counter(out, labels, "prefix_cache_queries_total",
        "Tokens of prompts that were looked for in a cache.", now.promptTokens());
    counter(out, labels, "prefix_cache_hits_total", "Those of them that were found.",
        now.cachedTokens());
    counter(out, labels, "requests_ended_total", "Requests that the engine ended.", now.ended());
    counter(out, labels, "requests_failed_total", "Requests at which the engine failed.",
        now.failed());
  }

  private static void writeCaches(PrometheusText out, String labels, CacheStatus now) {
    gauge(out, labels, "kept_prefix_tokens", "Tokens kept of requests that ended.",
        now.keptTokens());
    out.family("kv_cache_bytes", "gauge", "Bytes of K, V and summaries of keys, by memory.");
    out.sample("kv_cache_bytes", labels + "," + PrometheusText.label("memory", "gpu"),
        now.gpuBytes());
    out.sample("kv_cache_bytes", labels + "," + PrometheusText.label("memory", "host"),
        now.hostBytes());
  }

  private static void gauge(PrometheusText out, String labels, String name, String help,
      Number value) {
    out.family(name, "gauge", help).sample(name, labels, value);
  }

  private static void counter(PrometheusText out, String labels, String name, String help,
      Number value) {
    out.family(name, "counter", help).sample(name, labels, value);
  }

  private static void histogram(PrometheusText out, String labels, Histogram values, String name,
      String help) {
    values.write(out.family(name, "histogram", help), name, labels);
  }
}
