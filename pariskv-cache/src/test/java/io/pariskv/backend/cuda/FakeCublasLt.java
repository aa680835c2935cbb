package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.pariskv.memory.Bf16;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * cuBLASLt as its functions show it: it multiplies in the memory of a {@link FakeDriver}, in stream order, and
 * refuses matrices that do not fit together. Names and parameters are those of {@code cublasLt.h}; all are
 * package-private so that {@link FakeCuda#add} finds them.
 */
final class FakeCublasLt {
  private static final int INVALID_VALUE = 7;
  private static final int EXECUTION_FAILED = 13;
  private static final long ALGORITHM = 0x1234_5678_9abc_def0L;

  private record Library() {
  }

  private record Preference(Map<Integer, Long> attributes) {
  }

  private record Product(int computeType, int scaleType, Map<Integer, Long> attributes) {
  }

  private record Layout(int type, long rows, long columns, long leading) {
    long bytes() {
      return ((columns - 1) * leading + rows) * elementBytes();
    }

    int elementBytes() {
      return type == CublasLt.R_16BF ? 2 : 4;
    }

    float get(MemorySegment memory, long row, long column) {
      long at = column * leading + row;
      return type == CublasLt.R_16BF
          ? Bf16.toFloat(memory.getAtIndex(JAVA_SHORT, at))
          : memory.getAtIndex(JAVA_FLOAT, at);
    }
  }

  int major = 13;
  /** What the next choice of an algorithm comes to. */
  int found = 1;
  int state;

  private final FakeDriver device;

  FakeCublasLt(FakeDriver device) {
    this.device = device;
  }

  int cublasLtGetProperty(int type, MemorySegment value) {
    return FakeDriver.giveInt(value, type == 0 ? major : type);
  }

  int cublasLtCreate(MemorySegment handle) {
    return FakeDriver.give(handle, device.open(new Library()));
  }

  /** Waits for the whole GPU, as NVIDIA documents it. */
  int cublasLtDestroy(long handle) {
    int waited = device.waitApart();
    return waited != 0 ? EXECUTION_FAILED : device.end(Library.class, handle);
  }

  int cublasLtMatmulDescCreate(MemorySegment product, int computeType, int scaleType) {
    return FakeDriver.give(product,
        device.open(new Product(computeType, scaleType, new HashMap<>())));
  }

  int cublasLtMatmulDescDestroy(long product) {
    return device.end(Product.class, product);
  }

  int cublasLtMatmulDescSetAttribute(long product, int attribute, MemorySegment value, long bytes) {
    return set(device.handle(Product.class, product).attributes, attribute, value, bytes,
        attribute == CublasLt.DESC_BIAS_POINTER ? 8 : 4);
  }

  int cublasLtMatmulPreferenceCreate(MemorySegment preference) {
    return FakeDriver.give(preference, device.open(new Preference(new HashMap<>())));
  }

  int cublasLtMatmulPreferenceDestroy(long preference) {
    return device.end(Preference.class, preference);
  }

  int cublasLtMatmulPreferenceSetAttribute(long preference, int attribute, MemorySegment value,
      long bytes) {
    return set(device.handle(Preference.class, preference).attributes, attribute, value, bytes,
        attribute == CublasLt.PREF_MAX_WORKSPACE_BYTES ? 8 : 4);
  }

  private static int set(Map<Integer, Long> attributes, int attribute, MemorySegment value,
      long bytes, long size) {
    if (bytes != size) {
      return INVALID_VALUE;
    }
    attributes.put(attribute, bytes == 8
        ? value.reinterpret(8).get(JAVA_LONG, 0)
        : (long) value.reinterpret(4).get(JAVA_INT, 0));
    return 0;
  }

  int cublasLtMatrixLayoutCreate(MemorySegment layout, int type, long rows, long columns,
      long leading) {
    return FakeDriver.give(layout, device.open(new Layout(type, rows, columns, leading)));
  }

  int cublasLtMatrixLayoutDestroy(long layout) {
    return device.end(Layout.class, layout);
  }

  int cublasLtMatmulAlgoGetHeuristic(long handle, long product, long a, long b, long c, long d,
      long preference, int wanted, MemorySegment results, MemorySegment count) {
    device.handle(Library.class, handle);
    Map<Integer, Long> demands = device.handle(Preference.class, preference).attributes;
    if (!fits(product, a, b, d) || c != d || wanted != 1
        || demands.getOrDefault(CublasLt.PREF_MAX_WORKSPACE_BYTES, 0L) < 1 << 20
        || demands.size() != 5) {
      return INVALID_VALUE;
    }
    MemorySegment result = results.reinterpret(CublasLt.HEURISTIC_BYTES);
    result.set(JAVA_LONG, 0, ALGORITHM);
    result.set(JAVA_INT, 72, state);
    return FakeDriver.giveInt(count, found);
  }

  private boolean fits(long product, long aLayout, long bLayout, long dLayout) {
    Product description = device.handle(Product.class, product);
    Layout a = device.handle(Layout.class, aLayout);
    Layout b = device.handle(Layout.class, bLayout);
    Layout d = device.handle(Layout.class, dLayout);
    return description.computeType == CublasLt.COMPUTE_32F
        && description.scaleType == CublasLt.R_32F
        && description.attributes.getOrDefault(CublasLt.DESC_TRANSA, 0L) == CublasLt.OP_T
        && a.rows == b.rows
        && a.columns == d.rows && b.columns == d.columns && a.type == b.type
        && d.type == CublasLt.R_32F && a.leading >= a.rows && b.leading >= b.rows
        && d.leading >= d.rows;
  }

  int cublasLtMatmul(long handle, long product, MemorySegment alpha, long a, long aLayout, long b,
      long bLayout, MemorySegment beta, long c, long cLayout, long d, long dLayout,
      MemorySegment algorithm, long workspace, long workspaceBytes, long stream) {
    device.handle(Library.class, handle);
    device.memory(workspace, workspaceBytes);
    if (!fits(product, aLayout, bLayout, dLayout) || c != d || cLayout != dLayout
        || alpha.reinterpret(4).get(JAVA_FLOAT, 0) != 1
        || algorithm.reinterpret(64).get(JAVA_LONG, 0) != ALGORITHM) {
      return INVALID_VALUE;
    }
    Map<Integer, Long> attributes = device.handle(Product.class, product).attributes;
    long bias = attributes.containsKey(CublasLt.DESC_EPILOGUE)
        ? attributes.getOrDefault(CublasLt.DESC_BIAS_POINTER, -1L)
        : 0;
    Layout left = device.handle(Layout.class, aLayout);
    Layout right = device.handle(Layout.class, bLayout);
    Layout result = device.handle(Layout.class, dLayout);
    float old = beta.reinterpret(4).get(JAVA_FLOAT, 0);
    int given = device.enqueue(stream,
        () -> multiply(left, device.memory(a, left.bytes()), right,
            device.memory(b, right.bytes()), bias, old, result,
            device.memory(d, result.bytes())));
    return given == 0 ? 0 : EXECUTION_FAILED;
  }

  private void multiply(Layout a, MemorySegment left, Layout b, MemorySegment right, long bias,
      float beta, Layout d, MemorySegment result) {
    for (long column = 0; column < d.columns; column++) {
      for (long row = 0; row < d.rows; row++) {
        double sum = bias == 0 ? 0 : device.memory(bias, 4 * d.rows).getAtIndex(JAVA_FLOAT, row);
        for (long i = 0; i < a.rows; i++) {
          sum += (double) a.get(left, i, row) * b.get(right, i, column);
        }
        long at = column * d.leading + row;
        sum += beta == 0 ? 0 : beta * result.getAtIndex(JAVA_FLOAT, at);
        result.setAtIndex(JAVA_FLOAT, at, (float) sum);
      }
    }
  }
}
