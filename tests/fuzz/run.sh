#!/usr/bin/env bash
# Runs each fuzz target of a build directory for a while, as many at once as
# there are processors, each with its dictionary and a corpus of its own that is
# thrown away. Fails when one does; the input that did it is kept and named.
#
#   tests/fuzz/run.sh BUILD_DIR [SECONDS_PER_TARGET]
#
# The build directory is made by
#   CC=clang meson setup BUILD_DIR -Dfuzz=true \
#     -Db_sanitize=address,undefined -Db_lundef=false
set -eu

if [ $# -lt 1 ] || [ ! -d "$1/tests/fuzz" ]; then
	echo "usage: $0 BUILD_DIR [SECONDS_PER_TARGET]" >&2
	exit 2
fi
build=$1
seconds=${2:-60}
here=$(dirname "$0")
work=$(mktemp -d)
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
trap 'rm -rf "$work"' EXIT

# What no mutation would hit on: whole gzip bodies, with their checksums.
mkdir "$work/gunzip"
for text in '' x 'some text, some text, some text'; do
	{
		printf '\005'
		printf '%s' "$text" | gzip -n
	} >"$work/gunzip/${#text}"
done
# And whole zone files, whose counts must fit.
mkdir "$work/zone"
for name in Africa/Casablanca Asia/Kathmandu Etc/UTC Europe/Berlin; do
	cp "/usr/share/zoneinfo/$name" "$work/zone/${name#*/}"
done
# And a configuration with a source of each type.
mkdir "$work/sources"
cp "$here/../../examples/shop.yaml" "$work/sources"
# And jobs, of which each member comes behind others that are good.
mkdir "$work/spec"
cat >"$work/spec/full" <<'END'
{"name":"a","type":"entity","priority":"high","data":{"source":"shopify",
"target":"office","entity":"orders","filters":{"updatedSince":
"2023-01-01T00:00:00Z","collections":["a","b"]}},"options":{"concurrency":5,
"retryOnFail":true,"maxRetries":3}}
END
cat >"$work/spec/scheduled" <<'END'
{"name":"a","type":"scheduled","data":{"source":"local","target":"office"},
"schedule":{"startAt":"2023-01-15T00:00:00Z","repeat":"daily","time":"00:00",
"timezone":"Europe/Berlin","missed":"skip","mode":"incremental"}}
END

# Fuzzes one target; what is left in $work/passed or $work/failed counts it.
fuzz() {
	local target=$1 name=${1##*/fuzz_}
	mkdir -p "$work/$name"
	if "$target" -max_total_time="$seconds" -dict="$here/$name.dict" \
		-max_len=4096 -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$build/$name-" "$work/$name" \
		>"$work/$name.log" 2>&1; then
		touch "$work/passed/$name"
		echo "$name: $(grep '^Done' "$work/$name.log")"
	else
		touch "$work/failed/$name"
		cat "$work/$name.log"
		echo "$name: FAILED" >&2
	fi
}
export -f fuzz
export build seconds here work

mkdir "$work/passed" "$work/failed"
find "$build/tests/fuzz" -maxdepth 1 -name 'fuzz_*' -type f -executable -print0 |
	sort -z | xargs -0 -P "$(nproc)" -I '{}' bash -c 'fuzz "$1"' fuzz '{}'
passed=$(find "$work/passed" -type f | wc -l)
failed=$(find "$work/failed" -type f | wc -l)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
