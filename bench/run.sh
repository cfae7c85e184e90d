#!/bin/sh
# Builds what the benchmarks need, runs them, prints a table and writes
# bench/RESULTS.md.
#
#   BENCH_QUICK=1  less of everything, in under ten minutes
#   BENCH_FULL=1   a store of ten million records and a history of five million
#                  events as well
#   BENCH_ONLY=..  the steps to run, separated by spaces (bench/suite_*.py name
#                  them); RESULTS.md is left as it is
#
# What realtime and jobs are measured against comes from npm's registry, into
# temporary folders.
set -eu
cd "$(dirname "$0")/.."
test -d build-bench || meson setup build-bench --buildtype=release
ninja -C build-bench tombolo bench/bench_acl bench/bench_auth \
	bench/bench_bare bench/bench_bare_broadcast bench/bench_bare_http \
	bench/bench_fill bench/bench_json bench/bench_load \
	bench/bench_load_realtime bench/bench_unaudited \
	tests/interop/realtime_test_server
exec /usr/bin/python3 bench/suite.py
