package io.pariskv.backend.cuda;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Shared memory that kernels declare themselves, in bytes, so that a fake driver knows what a block has beside what a
 * launch asks for: as {@code nvcc -Xptxas -v} says, and {@link KernelImageTest} where there is one. Others declare none.
 */
final class StaticShared {
  private static final Map<String, Integer> BYTES = """
      49152 matmul_tiles
      42048 sampler_draw
      41216 sampler_masses
      33824 adaptive_top_k
      33792 matmul_gated_16 matmul_rows_16
      32768 hash_collisions_4 hash_collisions_8
      17664 codebook_assign_bf16 codebook_assign_f32 key_coding_bf16 key_coding_f32
      16896 matmul_gated_8 matmul_rows_8
      9360 bucket_top_k_threshold
      8464 top_k top_k_parts zone_top_k
      8448 matmul_tiles_f16 matmul_tiles_f32
      8192 key_centre_bf16 key_centre_f32
      4224 hash_weights_bf16 hash_weights_f32
      4160 retrieval_head_vote
      4096 key_mean_bf16 key_mean_f32
      3664 retrieval_select
      1552 per_head_attention_bf16 per_head_attention_f32
      1168 head_votes
      1040 retrieval_score_vote
      1024 selection_counts
      464 retrieval_head_estimates
      384 head_scores
      320 matmul_few_2 matmul_few_gated_2 rerank
      272 decode_attention_128 decode_attention_64
      256 head_sums row_cache sampler_largest
      160 key_encoder_bf16 key_encoder_f32 matmul_few_1 matmul_few_gated_1
      144 codebook_begin_bf16 codebook_begin_f32
      128 bucket_top_k_write centroid_scores head_maxima rms_norm_wide
      32 retrieval_table
      16 decode_attention_bf16 decode_attention_f32 kv_save
      """.lines().map(line -> line.split(" "))
      .flatMap(words -> Arrays.stream(words).skip(1)
          .map(kernel -> Map.entry(kernel, Integer.valueOf(words[0]))))
      .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, Math::addExact,
          TreeMap::new));

  private StaticShared() {
  }

  /** Of one kernel. */
  static int of(String kernel) {
    return BYTES.getOrDefault(kernel, 0);
  }

  /** Of all kernels that declare any. */
  static Map<String, Integer> all() {
    return BYTES;
  }
}
