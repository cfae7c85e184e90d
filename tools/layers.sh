#!/usr/bin/env bash
# Which folder may include what. Includes go down only:
#
#   base <- codec <- kernel <- store <- engine
#                           <- auth <- http <- hub <- api <- app
#                 <- realtime <------------- hub
#                           <- jobs <------------- api
#
# An API sees requests, responses and the kernel; never another API, a store,
# the engine, or the HTTP library. Prints each line that breaks a rule.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

failed=0

# folder, and the folders of src/ that its files may include
ours() {
	case "$1" in
	base) echo base ;;
	codec) echo base codec ;;
	realtime) echo base codec realtime ;;
	kernel) echo base codec kernel ;;
	store) echo base codec kernel store ;;
	engine) echo base codec kernel store engine ;;
	auth) echo base codec kernel auth ;;
	http) echo base codec kernel auth http ;;
	hub) echo base codec kernel auth http realtime hub ;;
	jobs) echo base codec kernel jobs ;;
	api) echo base codec kernel jobs auth http hub api ;;
	app) echo base codec kernel store engine jobs auth http hub api app ;;
	*) echo "layers.sh: no rule for src/$1" >&2 && exit 1 ;;
	esac
}

# a library's header, and the only folders that may include it
theirs='
microhttpd.h src/http
sqlite3.h    src/store/sqlite
jwt.h        src/auth
sodium.h     src/codec src/auth
zlib.h       src/codec
libdeflate.h src/codec
yaml.h       src/app
wslay/wslay.h src/hub
nettle/sha1.h src/codec
curl/curl.h   src/jobs
'

# The kernel is pure: no clock, no files, no network, no randomness (stdio.h
# is there for snprintf).
kernel_headers=' limits.h pthread.h stdarg.h stdatomic.h stdbool.h stddef.h '
kernel_headers+='stdint.h stdio.h stdlib.h string.h '

complain() { # file:line, what
	echo "$1: $2"
	failed=1
}

# Lines "file:line folder/header.h" of the includes with this bracket.
includes() {
	grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*$1" -r "$2" \
		--include='*.[ch]' |
		sed -E 's/^([^:]+:[0-9]+):.*include[[:space:]]*["<]([^">]+)[">].*/\1 \2/'
}

for folder in src/*/; do
	folder=${folder#src/}
	folder=${folder%/}
	allowed=" $(ours "$folder") " || exit 1
	while read -r where header; do
		[[ "$allowed" == *" ${header%%/*} "* ]] ||
			complain "$where" "src/$folder must not include $header"
	done < <(includes '"' "src/$folder")
done

for api in src/api/*/; do
	name=$(basename "$api")
	while read -r where header; do
		[[ "$header" =~ ^api/([^/]+)/ ]] || continue
		[ "${BASH_REMATCH[1]}" = "$name" ] ||
			complain "$where" "an API must not include another: $header"
	done < <(includes '"' "$api")
done

while read -r header folders; do
	[ -n "$header" ] || continue
	while read -r where found; do
		[ "$found" = "$header" ] || continue
		for folder in $folders; do
			[[ "$where" == "$folder/"* ]] && continue 2
		done
		complain "$where" "only $folders may include <$header>"
	done < <(includes '<' src)
done <<<"$theirs"

while read -r where header; do
	[[ "$kernel_headers" == *" $header "* ]] ||
		complain "$where" "the kernel must not include <$header>"
done < <(includes '<' src/kernel)

exit $failed
