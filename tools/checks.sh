#!/usr/bin/env bash
# House rules that a machine can see. Prints each line that breaks one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

failed=0
function_lines_max=70
file_lines_max=1000

# Calls that are never right, and calls that only base may make.
never='sprintf|vsprintf|strcpy|strcat|strncat|stpcpy|gets|atoi|atol|atoll|atof|strtok|alloca'
base_only='malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf|aligned_alloc|reallocarray'

report() { # message, then lines on standard input
	local lines
	lines=$(cat)
	[ -n "$lines" ] || return 0
	echo "$1"
	printf '  %s\n' "${lines//$'\n'/$'\n'  }"
	failed=1
}

# The C sources without their comments, as file:line:text.
code() {
	git ls-files --cached --others --exclude-standard "$@" |
		while read -r file; do
			[ -f "$file" ] || continue
			awk -v file="$file" '
			{
				line = $0
				out = ""
				while (line != "") {
					if (inside) {
						at = index(line, "*/")
						if (!at) { line = ""; break }
						line = substr(line, at + 2)
						inside = 0
					} else {
						at = index(line, "/*")
						if (!at) { out = out line; line = ""; break }
						out = out substr(line, 1, at - 1)
						line = substr(line, at + 2)
						inside = 1
					}
				}
				print file ":" FNR ":" out
			}' "$file"
		done
}

sources=$(mktemp)
trap 'rm -f "$sources"' EXIT
code 'src/*.c' 'src/*.h' >"$sources"

grep -E ":.*\b($never)[[:space:]]*\(" "$sources" |
	report "Calls that are never right:"
grep -v '^src/base/' "$sources" |
	grep -E ":.*\b($base_only)[[:space:]]*\(" |
	report "Calls that only src/base may make (use base/alloc.h):"

git ls-files --cached --others --exclude-standard '*.c' '*.h' |
	xargs ctags --languages=C --kinds-C=f --fields=+ne -f - |
	awk -F'\t' -v max=$function_lines_max '
	{
		line = end = 0
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/) line = substr($i, 6)
			if ($i ~ /^end:/) end = substr($i, 5)
		}
		if (end - line + 1 > max)
			print $2 ":" line ": " $1 ": " end - line + 1 " lines"
	}' | report "Functions of more than $function_lines_max lines:"

git ls-files --cached --others --exclude-standard '*.c' '*.h' '*.py' '*.sh' |
	xargs wc -l |
	awk -v max=$file_lines_max '$2 != "total" && $1 > max {print $2 ": " $1}' |
	report "Files of more than $file_lines_max lines:"

grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -r src tests bench \
	--include='*.[ch]' --include='*.py' |
	report "Work that was left for later:"

exit $failed
