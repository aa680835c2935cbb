package io.pariskv.app.quality;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Keys that have what keys of language models have: a spectrum that falls off, a large common mean in a few
 * channels, norms that differ, and the rotation by position.
 *
 * @param name what they are
 * @param mean length of the common mean, in lengths of a usual deviation from it
 * @param spread standard deviation of the logarithm of the deviations' lengths
 * @param theta base of RoPE, 0 for none
 */
record SyntheticKeys(String name, double mean, double spread, double theta) {
  private static final int HEADS = 8;
  private static final int KV_HEADS = 2;
  private static final int GROUP = HEADS / KV_HEADS;
  private static final int WIDTH = 128;
  private static final KvShape SHAPE = new KvShape(1, HEADS, KV_HEADS, WIDTH, DType.BF16);
  private static final int CHUNK = 1_024;

  /** Exponent of the spectrum's power law. */
  private static final double DECAY = 0.5;

  /** Channels that share the mean. */
  private static final int MEAN_CHANNELS = 12;

  /** How much of a query is the direction of the one key that it looks for. */
  private static final double AIM = 0.35;

  /** {@code tokens} keys and {@code count} queries at the end of them. */
  KeysAndQueries draw(Backend backend, int tokens, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] means = new double[KV_HEADS][];
    double[][] scales = new double[KV_HEADS][];
    for (int head = 0; head < KV_HEADS; head++) {
      means[head] = common(random);
      scales[head] = spectrum(random);
    }
    int[] aims = random.ints(count, tokens / 10, tokens - tokens / 10).sorted().distinct()
        .toArray();
    List<double[][]> aimed = new ArrayList<>();
    KvStore kv = backend.newKvStore(SHAPE, 1);
    kv.open();
    kv.reserve(0, tokens);
    kv.setZones(0, TokenZones.dense(tokens));
    for (int from = 0; from < tokens; from += CHUNK) {
      float[] k = new float[Math.min(CHUNK, tokens - from) * KV_HEADS * WIDTH];
      for (int token = from; token < Math.min(from + CHUNK, tokens); token++) {
        double[][] deviations = new double[KV_HEADS][];
        for (int head = 0; head < KV_HEADS; head++) {
          deviations[head] = deviation(random, scales[head]);
          double[] key = key(deviations[head], means[head],
              Math.exp(spread * random.nextGaussian()));
          copy(rotate(key, token), k, (token - from) * KV_HEADS + head);
        }
        if (Arrays.binarySearch(aims, token) >= 0) {
          aimed.add(deviations);
        }
      }
      append(backend, kv, from, k);
    }
    List<KeysAndQueries.Query> queries = aimed.stream()
        .map(aim -> new KeysAndQueries.Query(0, query(random, aim, scales, tokens - 1))).toList();
    return new KeysAndQueries(name, kv, tokens, queries);
  }

  private static double[] key(double[] deviation, double[] mean, double length) {
    double[] key = new double[WIDTH];
    Arrays.setAll(key, j -> deviation[j] * length + mean[j]);
    return key;
  }

  private float[] query(SplittableRandom random, double[][] aim, double[][] scales,
      int position) {
    float[] q = new float[HEADS * WIDTH];
    double[] shared = new double[0];
    for (int head = 0; head < HEADS; head++) {
      int kvHead = head / GROUP;
      if (head % GROUP == 0) {
        shared = deviation(random, scales[kvHead]);
      }
      double[] own = deviation(random, scales[kvHead]);
      for (int j = 0; j < WIDTH; j++) {
        own[j] = 0.5 * own[j] + shared[j] + AIM * aim[kvHead][j];
      }
      copy(rotate(own, position), q, head);
    }
    return q;
  }

  private static void copy(double[] from, float[] to, int row) {
    for (int j = 0; j < WIDTH; j++) {
      to[row * WIDTH + j] = (float) from[j];
    }
  }

  /** A mean in a few channels, most of them of low frequency. */
  private double[] common(SplittableRandom random) {
    double[] common = new double[WIDTH];
    for (int i = 0; i < MEAN_CHANNELS; i++) {
      int pair = (int) (WIDTH / 2 * Math.sqrt(random.nextDouble()));
      common[pair + WIDTH / 2 * random.nextInt(2)] += random.nextGaussian();
    }
    double length = 0;
    for (double each : common) {
      length += each * each;
    }
    for (int j = 0; j < WIDTH; j++) {
      common[j] *= mean * Math.sqrt(WIDTH / length);
    }
    return common;
  }

  /** Standard deviations of the channels, shuffled, with a mean square of 1. */
  private static double[] spectrum(SplittableRandom random) {
    double[] scales = new double[WIDTH];
    double squares = 0;
    for (int i = 0; i < WIDTH; i++) {
      scales[i] = Math.pow(i + 1, -DECAY);
      squares += scales[i] * scales[i];
    }
    for (int i = WIDTH - 1; i >= 0; i--) {
      int other = random.nextInt(i + 1);
      double swapped = scales[i];
      scales[i] = scales[other];
      scales[other] = swapped;
    }
    for (int i = 0; i < WIDTH; i++) {
      scales[i] *= Math.sqrt(WIDTH / squares);
    }
    return scales;
  }

  private static double[] deviation(SplittableRandom random, double[] scales) {
    double[] x = new double[WIDTH];
    for (int j = 0; j < WIDTH; j++) {
      x[j] = scales[j] * random.nextGaussian();
    }
    return x;
  }

  /** RoPE, in place. */
  private double[] rotate(double[] x, int position) {
    for (int pair = 0; theta > 0 && pair < WIDTH / 2; pair++) {
      double angle = position * Math.pow(theta, -2.0 * pair / WIDTH);
      double a = x[pair];
      double b = x[pair + WIDTH / 2];
      x[pair] = a * Math.cos(angle) - b * Math.sin(angle);
      x[pair + WIDTH / 2] = b * Math.cos(angle) + a * Math.sin(angle);
    }
    return x;
  }

  private static void append(Backend backend, KvStore kv, int from, float[] k) {
    int rows = k.length / (KV_HEADS * WIDTH);
    try (Allocator memory = backend.newAllocator()) {
      Buffer positions = memory.allocate(DType.I32, rows);
      int[] numbers = IntStream.range(from, from + rows).toArray();
      backend.upload(MemorySegment.ofArray(numbers), positions);
      Buffer keys = memory.allocate(DType.F32, rows, KV_HEADS, WIDTH);
      backend.upload(MemorySegment.ofArray(k), keys);
      Batch batch = new Batch(rows, memory.allocate(DType.I32, rows), positions); // all of slot 0
      backend.attention().append().append(kv, 0, batch, keys, keys);
    }
  }
}
