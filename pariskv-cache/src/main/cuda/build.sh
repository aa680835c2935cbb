#!/bin/sh
# Compiles every .cu file beside this script into one fatbin: build.sh <classes directory> <work directory>
#
# Writes io/pariskv/backend/cuda/kernels.fatbin and kernels.properties below the classes directory, only when a
# source, this script or nvcc changed. Without nvcc it says so and succeeds: the jar then has no CUDA kernels.
set -eu
sources=$(cd "$(dirname -- "$0")" && pwd)
target=$1/io/pariskv/backend/cuda
work=$2

find_nvcc() {
  for candidate in "${CUDA_HOME:-/nonexistent}/bin/nvcc" "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc; do
    if [ -x "$candidate" ]; then
      echo "$candidate"
      return
    fi
  done
}

nvcc=$(find_nvcc)
if [ -z "$nvcc" ]; then
  echo "[WARNING] no nvcc on the PATH, in CUDA_HOME or in /usr/local/cuda: built without CUDA kernels"
  rm -f "$target/kernels.fatbin" "$target/kernels.properties" # of an earlier build: they may not match the sources
  exit 0
fi
toolkit=$("$nvcc" --version | sed -n 's/.*release \([0-9]*\.[0-9]*\).*/\1/p')

if [ -z "$toolkit" ]; then
  echo "[ERROR] $nvcc --version names no release; set CUDA_HOME to a CUDA toolkit of 12.4 or newer" >&2
  exit 1
fi

# Uncompressed, so that kernels are found by name in it; the jar compresses anyway.
flags="-std=c++17 -O3 --no-compress --Werror all-warnings
  -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_80,code=compute_80"

# nvcc itself appends NVCC_APPEND_FLAGS, such as -lineinfo for compute-sanitizer.
stamp="$toolkit $flags ${NVCC_APPEND_FLAGS:-} $(cat "$sources"/*.cu "$sources"/*.cuh "$sources/build.sh" | cksum) $(ls "$sources")"
if [ -f "$target/kernels.fatbin" ] && [ -f "$work/stamp" ] && [ "$(cat "$work/stamp")" = "$stamp" ]; then
  exit 0
fi

# One translation unit, so that one fatbin with PTX comes out (device linking makes no PTX). Each file is inside a
# namespace of its own: helpers of the same name do not meet; entries are extern "C", so equal names are an error.
mkdir -p "$target" "$work"
{
  echo '#include "pariskv.cuh"'
  for file in "$sources"/*.cu; do
    name=$(basename "$file" .cu)
    printf 'namespace %s_cu {\n#include "%s.cu"\n}\n' "$name" "$name"
  done
} > "$work/kernels.cu"

echo "[INFO] nvcc $toolkit compiles the CUDA kernels"
rm -f "$work/stamp"
# shellcheck disable=SC2086 # flags are words
"$nvcc" $flags --threads 3 -I "$sources" -fatbin -o "$work/kernels.fatbin" "$work/kernels.cu"
mv "$work/kernels.fatbin" "$target/kernels.fatbin"
printf 'toolkit=%s\n' "$toolkit" > "$target/kernels.properties"
echo "$stamp" > "$work/stamp"
