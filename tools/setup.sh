#!/usr/bin/env bash
# Installs what is missing from Debian's packages. Says what it installs, asks
# for sudo only where it must, and changes nothing that is already there.
#
#   tools/setup.sh build|test|bench|ci
set -euo pipefail

# package, and how to see that what it brings is there already
build_needs='
gcc                  command:gcc
meson                command:meson
ninja-build          command:ninja
pkg-config           command:pkg-config
libc6-dev            header:stdio.h
libsodium-dev        pkg-config:libsodium
libjwt-dev           pkg-config:libjwt
libyaml-dev          pkg-config:yaml-0.1
libmicrohttpd-dev    pkg-config:libmicrohttpd
libsqlite3-dev       pkg-config:sqlite3
libdeflate-dev       pkg-config:libdeflate
zlib1g-dev           pkg-config:zlib
libwslay-dev         header:wslay/wslay.h
nettle-dev           pkg-config:nettle
libcurl4-openssl-dev pkg-config:libcurl
tzdata               file:/usr/share/zoneinfo/Europe/Berlin
'
test_needs='
libcmocka-dev        pkg-config:cmocka
libjansson-dev       pkg-config:jansson
python3-pytest       python:pytest
python3-pytest-xdist python:xdist
python3-requests     python:requests
python3-socketio     python:socketio
python3-websocket    python:websocket
nodejs               command:node
npm                  command:npm
curl                 command:curl
openssl              command:openssl
jq                   command:jq
'
bench_needs='
nginx-light          command:nginx
redis-server         command:redis-server
nodejs               command:node
npm                  command:npm
'
ci_needs='
clang                command:clang
clang-format         command:clang-format
clang-tidy           command:clang-tidy
libclang-rt-dev      fuzzer:clang
universal-ctags      command:ctags
git                  command:git
'

usage() {
	echo "usage: tools/setup.sh build|test|bench|ci" >&2
	exit 2
}

needs() {
	case "$1" in
	build) echo "$build_needs" ;;
	test) echo "$build_needs$test_needs" ;;
	bench) echo "$build_needs$bench_needs" ;;
	ci) echo "$build_needs$test_needs$ci_needs" ;;
	*) usage ;;
	esac
}

# clang's run-time libraries come in a package of their own.
fuzzer_links() {
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		"$1" -x c -fsanitize=fuzzer,address -o /dev/null - 2>/dev/null
}

# True if the thing itself is there, whoever installed it.
is_usable() {
	local name=${1#*:}
	case "$1" in
	command:*) PATH="$PATH:/usr/sbin" command -v "$name" >/dev/null ;;
	pkg-config:*) pkg-config --exists "$name" 2>/dev/null ;;
	python:*) /usr/bin/python3 -c "import $name" 2>/dev/null ;;
	fuzzer:*) fuzzer_links "$name" ;;
	file:*) [ -e "$name" ] ;;
	header:*) echo "#include <$name>" | cc -E - >/dev/null 2>&1 ;;
	esac
}

# The packages that are missing, one a line.
missing() {
	local package probe
	while read -r package probe; do
		[ -z "$package" ] || is_usable "$probe" || echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "This must run as root, and there is no sudo: $*" >&2
		exit 1
	fi
}

[ $# = 1 ] || usage
wanted=$(needs "$1")
packages=$(echo "$wanted" | missing)
[ -n "$packages" ] || exit 0
# shellcheck disable=SC2086
set -- $packages

if ! command -v apt-get >/dev/null; then
	echo "Missing here, by the names that Debian has for them:" >&2
	printf '  %s\n' "$@" >&2
	echo "Install what corresponds to them on this system." >&2
	exit 1
fi
echo "Installing from the system's packages: $*"
export DEBIAN_FRONTEND=noninteractive
as_root apt-get update -qq
as_root apt-get install -y -qq --no-install-recommends "$@"
