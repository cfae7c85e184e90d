# The commands that a person types; meson and ninja do the work.
#
#   make run      set up, build, and serve the demo on http://127.0.0.1:8000
#   make build    set up and build: build/tombolo
#   make test     set up, build, and run every test
#   make bench    measure; writes bench/RESULTS.md
#   make format   format the C sources
#   make check    layers, house rules, format
#   make clean    take the build away (not the data in var/)

SHELL := /bin/bash
BUILD := build
# More for meson, as MESON_ARGS="-Dbuildtype=release -Dwerror=true".
MESON_ARGS :=

.PHONY: run build test bench format check clean

run: build
	exec $(BUILD)/tombolo serve --demo

build:
	@tools/setup.sh build
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD)
	@ninja -C $(BUILD) tombolo

test:
	@tools/setup.sh test
	@tools/test.sh $(BUILD) $(MESON_ARGS)

bench:
	@tools/setup.sh bench
	@bench/run.sh

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

check:
	@tools/layers.sh
	@tools/checks.sh
	@git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

clean:
	rm -rf $(BUILD) build-*
