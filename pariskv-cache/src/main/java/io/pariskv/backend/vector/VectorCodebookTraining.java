package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.CodebookTraining;
import io.pariskv.index.KeySample;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.memory.Buffer;

/** {@link CodebookTraining} on vectors and all cores: a task has some rows, and sums of its own. */
final class VectorCodebookTraining implements CodebookTraining {
  private static final int TASKS_OF_WORKER = 4;
  private static final int LEAST_ROWS_OF_TASK = 128;

  private final Workers workers;
  private float[] rows = new float[0];

  VectorCodebookTraining(Workers workers) {
    this.workers = workers;
  }

  /** The rows of a task that a centroid has: their sums, {@code [centroids][width]}, and how many they are. */
  private record Sums(long[] sums, int[] counts) {
    void add(Sums other) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += other.sums[i];
      }
      for (int c = 0; c < counts.length; c++) {
        counts[c] += other.counts[c];
      }
    }
  }

  @Override
  public void train(Buffer keys, ProductQuantizer quantizer, int layer, int slot, int kvHead,
      ZoneTable codebooks) {
    int n = CodebookTraining.require(keys, quantizer, codebooks);
    int headDim = codebooks.shape().headDim();
    CentroidTable centroids = CentroidTable.empty(quantizer, headDim);
    int width = centroids.width();
    rows = Floats.grown(rows, (long) n * width);
    for (int j = 0; j < quantizer.subvectors(); j++) {
      long from = keys.address() + (long) j * width * keys.dtype().bytes();
      for (int i = 0; i < n; i++) {
        Floats.read(keys.dtype(), from + (long) i * headDim * keys.dtype().bytes(), rows,
            i * width, width);
      }
      begin(n, j, centroids);
      double scale = scale(n * width);
      for (int round = 0; round < ITERATIONS; round++) {
        average(n, j, scale, centroids);
      }
    }
    centroids.write(HostZoneTable.of(codebooks).row(layer, slot, kvHead, 0).address());
  }

  /** Takes rows that differ. */
  private void begin(int n, int j, CentroidTable centroids) {
    int wanted = centroids.quantizer().centroids();
    long step = CodebookTraining.step(n);
    int taken = 0;
    for (int i = 0; i < n && taken < wanted; i++) {
      int row = (int) ((KeySample.SEED + i * step) % n);
      if (!known(row, j, taken, centroids)) {
        put(row, j, taken++, centroids);
      }
    }
    for (; taken < wanted; taken++) {
      put((int) (KeySample.SEED % n), j, taken, centroids);
    }
  }

  private boolean known(int row, int j, int taken, CentroidTable centroids) {
    int width = centroids.width();
    for (int c = 0; c < taken; c++) {
      int i = 0;
      while (i < width && rows[row * width + i] == centroids.numbers()[centroids.at(j, i) + c]) {
        i++;
      }
      if (i == width) {
        return true;
      }
    }
    return false;
  }

  private void put(int row, int j, int c, CentroidTable centroids) {
    for (int i = 0; i < centroids.width(); i++) {
      centroids.numbers()[centroids.at(j, i) + c] = rows[row * centroids.width() + i];
    }
  }

  private double scale(int count) {
    float largest = 0;
    for (int i = 0; i < count; i++) {
      float magnitude = Math.abs(rows[i]);
      largest = Float.isFinite(magnitude) ? Math.max(largest, magnitude) : largest;
    }
    return Math.scalb(1.0, 35 - Math.getExponent(largest));
  }

  /** One round. */
  private void average(int n, int j, double scale, CentroidTable centroids) {
    int width = centroids.width();
    int tasks = Math.min(Math.ceilDiv(n, LEAST_ROWS_OF_TASK), TASKS_OF_WORKER * workers.count());
    int range = Math.ceilDiv(n, tasks);
    Sums[] sums = new Sums[tasks];
    workers.run(tasks, task -> {
      int first = Math.min(task * range, n);
      sums[task] = sums(first, Math.min(first + range, n), j, scale, centroids);
    });
    for (int task = 1; task < tasks; task++) {
      sums[0].add(sums[task]);
    }
    for (int c = 0; c < sums[0].counts.length; c++) {
      int count = sums[0].counts[c];
      for (int i = 0; i < width && count > 0; i++) {
        double mean = (double) sums[0].sums[c * width + i] / count;
        centroids.numbers()[centroids.at(j, i) + c] = (float) (mean / scale);
      }
    }
  }

  private Sums sums(int from, int to, int j, double scale, CentroidTable centroids) {
    int width = centroids.width();
    int wanted = centroids.quantizer().centroids();
    Sums own = new Sums(new long[wanted * width], new int[wanted]);
    CentroidTable.Scratch scratch = new CentroidTable.Scratch();
    for (int row = from; row < to; row++) {
      int c = centroids.nearest(j, rows, row * width, scratch);
      own.counts[c]++;
      for (int i = 0; i < width; i++) {
        float x = rows[row * width + i];
        own.sums[c * width + i] += Float.isFinite(x) ? (long) Math.rint(x * scale) : 0;
      }
    }
    return own;
  }
}
