#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

_Noreturn void tb_bench_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

void tb_bench_must(enum tb_err err, const char *what)
{
	if (err == TB_OK)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, tb_err_text(err));
	exit(1);
}

int64_t tb_bench_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void add_text(const char **texts, const char *text)
{
	size_t i = 0;

	while (texts[i] != NULL)
		i++;
	if (i == TB_OPTION_TEXTS_MAX)
		tb_bench_die("an option is repeated too often");
	texts[i] = text;
}

static void set(const struct tb_bench_option *row, void *options,
		const char *text)
{
	void *at = (char *)options + row->offset;

	switch (row->kind) {
	case TB_OPTION_NUMBER:
		tb_bench_must(tb_str_to_u64(tb_str_z(text), at), row->name);
		break;
	case TB_OPTION_TEXT:
		*(const char **)at = text;
		break;
	case TB_OPTION_TEXTS:
		add_text(at, text);
		break;
	}
}

const char *tb_options_parse(int argc, char **argv,
			     const struct tb_bench_option *rows, size_t n,
			     void *options)
{
	const char *mode = "";
	int i = 1;

	if (i < argc && strncmp(argv[i], "--", 2) != 0)
		mode = argv[i++];
	for (; i < argc; i += 2) {
		size_t row = 0;

		while (row < n && (strncmp(argv[i], "--", 2) != 0 ||
				   strcmp(argv[i] + 2, rows[row].name) != 0))
			row++;
		if (row == n || i + 1 == argc)
			tb_bench_die("unknown option, or its value is missing");
		set(&rows[row], options, argv[i + 1]);
	}
	return mode;
}
