package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.CodeScores;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * {@link CodeScores} on all cores: the products of queries and centroids with a lane a centroid, then key by key plain
 * look-ups in them, which are in a core's nearest caches; a vector's gather is no faster there.
 */
final class VectorCodeScores implements CodeScores {
  /** Keys of a task: those of a slab. */
  private static final int RANGE = TokenSlabs.SLAB_TOKENS;

  private static final int LANES = Species.FLOATS.length();

  private final Workers workers;

  VectorCodeScores(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, ProductQuantizer quantizer,
      ZoneTable codebooks, ZoneTable codes, Buffer scores) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    quantizer.requireCodebooks(shape, codebooks);
    quantizer.requireCodes(shape, codes);
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    int most = ZoneItems.most(store, batch);
    scores.requireAtLeast("scores", DType.F32, batch.rows(), shape.heads(), most);
    int pairs = batch.rows() * shape.kvHeads(); // KV heads of all rows
    int group = shape.groupSize();
    float[][] products = new float[pairs * group][];
    workers.run(pairs, pair -> {
      int row = pair / shape.kvHeads();
      if (ZoneItems.keys(store, batch, row) > 0) {
        CentroidTable centroids = CentroidTable.read(quantizer, shape.headDim(),
            HostZoneTable.of(codebooks)
                .row(layer, ZoneItems.slot(batch, row), pair % shape.kvHeads(), 0).address());
        for (int head = pair * group; head < (pair + 1) * group; head++) {
          products[head] = products(q.address() + 4L * head * shape.headDim(), centroids);
        }
      }
    });
    int ranges = Math.ceilDiv(most, RANGE);
    workers.run(pairs * ranges, task -> {
      int pair = task / ranges;
      int row = pair / shape.kvHeads();
      int first = task % ranges * RANGE;
      int count = Math.min(RANGE, ZoneItems.keys(store, batch, row) - first);
      if (count <= 0) {
        return;
      }
      int[] places = places(quantizer, count, HostZoneTable.of(codes)
          .row(layer, ZoneItems.slot(batch, row), pair % shape.kvHeads(), first).address());
      float[] sums = new float[count];
      for (int head = pair * group; head < (pair + 1) * group; head++) {
        add(products[head], places, quantizer.subvectors(), sums);
        Floats.write(sums, 0, 1, ZoneItems.address(scores, head) + 4L * first, count);
      }
    });
  }

  /** The inner product of each centroid with its part of the query, {@code [subvectors][stride]}. */
  private static float[] products(long query, CentroidTable centroids) {
    int stride = centroids.stride();
    float[] products = new float[centroids.quantizer().subvectors() * stride];
    for (int j = 0; j * stride < products.length; j++) {
      for (int c = 0; c < stride; c += LANES) {
        FloatVector sum = FloatVector.zero(Species.FLOATS);
        for (int i = 0; i < centroids.width(); i++) {
          sum = FloatVector.fromArray(Species.FLOATS, centroids.numbers(), centroids.at(j, i) + c)
              .fma(FloatVector.broadcast(Species.FLOATS,
                  Raw.getFloat(query + 4L * (j * centroids.width() + i))), sum);
        }
        sum.intoArray(products, j * stride + c);
      }
    }
    return products;
  }

  /** Where the products of a range of keys are, {@code [subvectors][count]}. */
  private static int[] places(ProductQuantizer quantizer, int count, long codes) {
    int subvectors = quantizer.subvectors();
    int stride = CentroidTable.stride(quantizer);
    int[] places = new int[subvectors * count];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < subvectors; j++) {
        int code = Byte.toUnsignedInt(
            Raw.ALL.get(ValueLayout.JAVA_BYTE, codes + (long) i * subvectors + j));
        places[j * count + i] = j * stride + code;
      }
    }
    return places;
  }

  private static void add(float[] products, int[] places, int subvectors, float[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] = products[places[i]];
    }
    for (int j = 1; j < subvectors; j++) {
      int from = j * sums.length;
      for (int i = 0; i < sums.length; i++) {
        sums[i] += products[places[from + i]];
      }
    }
  }
}
