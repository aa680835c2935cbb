/**
 * NVIDIA GPUs, through the driver alone: {@code libcuda.so.1} bound by hand, kernels from a fatbin inside
 * the jar.
 *
 * <p>Three layers. {@link io.pariskv.backend.cuda.CudaDriver} has one method a C function and knows
 * nothing of lifetimes. Owners ({@code CudaContext}, {@code CudaStream}, {@code CudaModule}, {@code
 * CudaGraph}, the allocators) close what they opened and refuse use after that, or from a thread that does
 * not drive the context. {@link io.pariskv.backend.cuda.CudaBackend} hands out stages. How a call gets to
 * a kernel, and how to add one: {@code src/main/cuda/README.md}.
 */
@NullMarked
package io.pariskv.backend.cuda;

import org.jspecify.annotations.NullMarked;
