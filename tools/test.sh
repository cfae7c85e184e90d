#!/usr/bin/env bash
# Builds and runs every test: meson's (unit, store, simulation), then the API
# tests against the program that was built, then real Socket.IO clients against
# it, for which npm's registry must be reached. The last line counts them all.
#
#   tools/test.sh [BUILD [MESON-OPTION...]]
#
# TB_SUITES narrows the suites (unit, or of it only threads; store, sim, api,
# interop), TB_PYTEST the API tests (an expression for pytest -k).
# TB_PROTOCOL_SUITES names the two checkouts of the public test suites
# (tests/interop/run_suites.sh), which then run, too. TB_JOBS says how many files
# of the API tests run at once (4, since they wait for servers most of the time),
# and TB_TIMEOUT multiplies the time that each of meson's tests may take.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=${1:-build}
shift || true
log=$build/test-logs
suites=()
for suite in ${TB_SUITES:-}; do
	suites+=(--suite "$suite")
done

setup() {
	if [ -f "$build/build.ninja" ]; then
		meson configure "$build" -Dtests=enabled "$@"
	else
		meson setup "$build" -Dtests=enabled "$@"
	fi
}

said=$(setup "$@") && ninja -C "$build" || {
	echo "$said" | tail -n 20
	echo "the build failed"
	echo "0 passed, 1 failed"
	exit 1
}
mkdir -p "$log"
rm -f "$log"/*
status=0

meson test -C "$build" --no-rebuild --print-errorlogs \
	--timeout-multiplier "${TB_TIMEOUT:-1}" "${suites[@]}" || status=1
cp "$build/meson-logs/testlog.json" "$log/meson.json" 2>/dev/null

export TOMBOLO=$PWD/$build/tombolo
export TB_HTTP_TEST_SERVER=$PWD/$build/tests/unit/http/http_test_server
export TB_REALTIME_TEST_SERVER=$PWD/$build/tests/interop/realtime_test_server
export TB_CONNECTOR_TEST_CLIENT=$PWD/$build/tests/unit/jobs/connector_test_client

# A suite of pytest's, which is its folder's name as well.
run_pytest() { # suite, argument...
	local suite=$1
	shift
	[ -z "${TB_SUITES:-}" ] || [[ " $TB_SUITES " == *" $suite "* ]] ||
		return 0
	/usr/bin/python3 -m pytest -q -n "${TB_JOBS:-4}" \
		--junitxml="$log/$suite.xml" "$@" "tests/$suite" || status=1
	[ -f "$log/$suite.xml" ] || {
		echo "the tests of $suite did not run"
		status=1
	}
}

run_pytest api --dist loadfile ${TB_PYTEST:+"-k$TB_PYTEST"}
run_pytest interop
if [ -n "${TB_PROTOCOL_SUITES:-}" ]; then
	# shellcheck disable=SC2086
	tests/interop/run_suites.sh "$TB_REALTIME_TEST_SERVER" \
		$TB_PROTOCOL_SUITES || status=1
fi

/usr/bin/python3 tools/count_tests.py "$log" $status || status=1
exit $status
