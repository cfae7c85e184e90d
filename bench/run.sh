#!/bin/sh
# Builds what the benchmarks need, runs them, prints a table and writes
# bench/RESULTS.md.
#
#   BENCH_QUICK=1  less of everything, in under three minutes
#   BENCH_FULL=1   a store of ten million records as well
#   BENCH_ONLY=..  the steps to run, separated by spaces (bench/suite.py
#                  names them); RESULTS.md is left as it is
set -eu
cd "$(dirname "$0")/.."
test -d build-bench || meson setup build-bench --buildtype=release
ninja -C build-bench tombolo bench/bench_bare bench/bench_fill \
	bench/bench_json bench/bench_load
exec /usr/bin/python3 bench/suite.py
