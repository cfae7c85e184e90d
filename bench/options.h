/*
 * The command lines of the benchmark programs: a table of options that are
 * read into a struct. What is wrong ends the program with a line on standard
 * error, and so does everything else in these programs that cannot go on.
 */
#ifndef TB_BENCH_OPTIONS_H
#define TB_BENCH_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TB_OPTION_TEXTS_MAX 63

enum tb_bench_option_kind {
	TB_OPTION_NUMBER, /* uint64_t */
	TB_OPTION_TEXT,   /* const char * */
	TB_OPTION_TEXTS,  /* const char *[TB_OPTION_TEXTS_MAX + 1], NULL-ended;
			   * the option may be repeated */
};

struct tb_bench_option {
	const char *name;
	enum tb_bench_option_kind kind;
	size_t offset;
};

/* A row for the member of the same name. */
#define TB_OPTION(type, member, what)                                          \
	{                                                                      \
#member, TB_OPTION_##what, offsetof(type, member)              \
	}

/* Reads "MODE --name value ..."; returns the mode, "" when there is none. The
 * texts are borrowed from argv. */
const char *tb_options_parse(int argc, char **argv,
			     const struct tb_bench_option *rows, size_t n,
			     void *options);

/* Says what happened and ends the program. */
_Noreturn void tb_bench_die(const char *what);
/* The same unless `err` is OK. */
void tb_bench_must(enum tb_err err, const char *what);

/* The time that only rises. */
int64_t tb_bench_now_us(void);

#endif
