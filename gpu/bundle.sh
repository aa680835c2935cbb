#!/bin/sh
# Makes target/gpu-bundle: what a host with a GPU, but without Java, Maven or network, needs beside this
# repository's own files to run the tests and benchmarks of the CUDA backend. See gpu/README.md.
set -eu
home=$(cd "$(dirname -- "$0")/.." && pwd)
cd "$home"
bundle=$home/target/gpu-bundle
work=$home/target/gpu-work
limit=$((30 * 1024 * 1024))
most=$((60 * 1024 * 1024)) # with the repository's own files, which travel beside it
modules=java.base,java.logging,java.management,jdk.management,java.net.http,java.xml,jdk.httpserver,jdk.unsupported,jdk.incubator.vector
platform=linux-x86_64

java=$(./pariskv --print-java)
jdk=$(dirname "$(dirname "$java")")
for tool in xz zip unzip; do
  command -v "$tool" >/dev/null || { echo "gpu-bundle: $tool is needed; install it" >&2; exit 1; }
done

rm -rf "$bundle" "$work"
mkdir -p "$bundle" "$work/lib" "$work/console"

mvn -B -ntp -q package -DskipTests -Dspotless.check.skip -Dwarnings="${PARISKV_WARNINGS:--Werror}" \
  -pl pariskv-app -am
fatbin=pariskv-cache/target/classes/io/pariskv/backend/cuda/kernels.fatbin
[ -f "$fatbin" ] || { echo "gpu-bundle: built without CUDA kernels; nvcc of CUDA 12.4 or newer is needed" >&2; exit 1; }

"$jdk/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages --compress zip-0 \
  --output "$work/runtime" 2>/dev/null
! command -v strip >/dev/null || strip --strip-unneeded "$work"/runtime/lib/*.so "$work"/runtime/lib/*/*.so # a megabyte less

cp pariskv-app/target/pariskv-app.jar "$work/"
cp pariskv-app/target/lib/*.jar "$work/lib/"
rm "$work"/lib/commons-compress-*.jar # with it the tokenizers' library unpacks models that it downloads, which nothing here does
console=$(sed -n '/<artifactId>junit-bom</,/<version>/s:.*<version>\(.*\)</version>.*:\1:p' pom.xml)
mvn -B -ntp -q dependency:copy -Dartifact="org.junit.platform:junit-platform-console-standalone:$console" \
  -DoutputDirectory="$work/console"
# Stored instead of compressed, they compress better together; natives of other platforms stay out.
for jar in "$work"/lib/*.jar "$work"/console/*.jar; do
  mkdir "$work/open"
  (cd "$work/open" && unzip -q "$jar")
  for natives in "$work/open/native/lib" "$work/open/com/sun/jna"; do
    [ ! -d "$natives" ] || find "$natives" -mindepth 2 \( -name '*.so' -o -name '*.dylib' -o -name '*.dll' -o -name '*.jnilib' \) \
      ! -path "*/$platform/*" ! -path "*/linux-x86-64/*" -exec rm {} +
  done
  rm "$jar"
  (cd "$work/open" && zip -q -0 -r -X "$jar" .)
  rm -r "$work/open"
done
for module in cache core eval server app; do
  # Fixtures are the repository's own files, found by project.root; here only classes travel.
  mkdir -p "$work/tests/$module"
  (cd "pariskv-$module/target/test-classes" && find . -name '*.class' | tar -cf - -T -) | tar -xf - -C "$work/tests/$module"
done

git rev-parse HEAD > "$work/commit"
[ -z "$(git status --porcelain)" ] || echo "$(cat "$work/commit")-with-changes" > "$work/commit" # as records then say
# One block, so that all of it is compressed together: it and the tracked files stay below 60 MiB.
# One dictionary for all of it, and calls of machine code made alike: two hundredths smaller than -9.
tar -C "$work" -cf - . | xz -T1 --x86 --lzma2=preset=9e,dict=192MiB > "$bundle/pariskv.tar.xz"
cp gpu/run-record gpu/run-tests gpu/run-bench gpu/run-serve gpu/run-compare gpu/run-eval gpu/unpack.sh "$bundle/"
rm -rf "$work"

size=$(du -cb "$bundle"/* | tail -n 1 | cut -f1)
echo "gpu-bundle: $size bytes in target/gpu-bundle"
tracked=$(git ls-files -z | xargs -0 du -cb | tail -n 1 | cut -f1)
[ $((size + tracked)) -le "$most" ] || { echo "gpu-bundle: $((size + tracked)) bytes with what git tracks, more than $most; leave something out" >&2; exit 1; }
[ "$size" -le "$limit" ] || { echo "gpu-bundle: more than $limit bytes; leave something out" >&2; exit 1; }
