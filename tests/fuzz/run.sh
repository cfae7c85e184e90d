#!/bin/sh
# Runs each fuzz target of a build directory for a while, each with its
# dictionary and a corpus of its own that is thrown away. Fails when one does;
# the input that did it is kept and named.
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

passed=0
failed=0
for target in "$build"/tests/fuzz/fuzz_*; do
	[ -f "$target" ] && [ -x "$target" ] || continue
	name=${target##*/fuzz_}
	mkdir -p "$work/$name"
	if "$target" -max_total_time="$seconds" -dict="$here/$name.dict" \
		-max_len=4096 -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$build/$name-" "$work/$name" \
		>"$work/log" 2>&1; then
		passed=$((passed + 1))
		echo "$name: $(grep '^Done' "$work/log")"
	else
		failed=$((failed + 1))
		cat "$work/log"
		echo "$name: FAILED" >&2
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
