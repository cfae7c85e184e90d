#!/usr/bin/env bash
# Runs the public test suites of Engine.IO and Socket.IO against our realtime
# layer. Fails unless all of their tests pass.
#
#   tests/interop/run_suites.sh SERVER ENGINE_IO_CHECKOUT SOCKET_IO_CHECKOUT
#
# SERVER is the program realtime_test_server; the checkouts are of the
# repositories engine.io-protocol and socket.io-protocol, of which only
# test-suite/ is read. What the suites need (npm) is installed into a temporary
# folder; they suppose a server on port 3000.
set -eu

if [ $# -ne 3 ]; then
	echo "usage: $0 SERVER ENGINE_IO_CHECKOUT SOCKET_IO_CHECKOUT" >&2
	exit 2
fi
server=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
pid=
stop() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	[ -z "$pid" ] || wait "$pid" || true
	pid=
}
trap 'stop; rm -rf "$work"' EXIT

# Starts the server with these options and waits until it listens.
start() {
	"$server" port=3000 "$@" >"$work/server.log" &
	pid=$!
	while ! grep -q '^port 3000' "$work/server.log"; do
		kill -0 "$pid" || { cat "$work/server.log" >&2; exit 1; }
		sleep 0.05
	done
}

# Name, checkout, options of the server.
run() {
	local name=$1 checkout=$2
	shift 2
	cp -r "$checkout/test-suite" "$work/$name"
	(
		cd "$work/$name"
		npm install --no-audit --no-fund >"$work/npm.log" 2>&1 &&
			npm install --no-audit --no-fund --no-save ws@8.23 \
				>"$work/npm.log" 2>&1
	) || { cat "$work/npm.log" >&2; return 1; }
	start "$@"
	if (cd "$work/$name" && npx mocha \
		--require "$here/later_events.cjs" test-suite.js); then
		echo "$name: passed"
	else
		echo "$name: FAILED"
		failed=1
	fi
	stop
}

failed=0
run engine.io "$2" engine=1
run socket.io "$3"
exit $failed
