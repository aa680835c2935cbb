# Sourced by the run scripts: unpacks the bundle once and says where things are.
bundle=$(cd "$(dirname -- "$0")" && pwd)
home=${PARISKV_HOME:-$(cd "$bundle/../.." && pwd)} # the repository's own files
[ -f "$home/models/recall-12m/config.json" ] && [ -d "$home/docs/performance/gpu" ] || {
  echo "${0##*/}: $home has not the repository's own files; set PARISKV_HOME to where they are" >&2
  exit 2
}
place=${PARISKV_GPU_DIR:-${TMPDIR:-/tmp}/pariskv-gpu}
stamp=$(cksum < "$bundle/pariskv.tar.xz")
mkdir -p "${place%/*}"
exec 9> "$place.lock" # two scripts that begin at once unpack once
flock 9
if [ "$(cat "$place/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
  rm -rf "$place" && mkdir -p "$place"
  xz -dc -T0 "$bundle/pariskv.tar.xz" | tar -xf - -C "$place"
  echo "$stamp" > "$place/.stamp"
fi
exec 9>&-
commit=$(cat "$place/commit")
java=$place/runtime/bin/java
flags="--add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC"

gpu_name() { # and its driver, as records have them
  nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1
}

pariskv() { # the command line, as ./pariskv starts it
  "$java" $flags -Xmx"${PARISKV_HEAP:-2g}" -Dpariskv.home="$home" -Dpariskv.commit="$commit" -jar "$place/pariskv-app.jar" "$@"
}
