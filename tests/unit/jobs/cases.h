/*
 * Cases that another program worked out: lines of fields with `|` between them,
 * in a file that is named on the command line.
 */
#ifndef TB_TESTS_JOBS_CASES_H
#define TB_TESTS_JOBS_CASES_H

/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"

#define CASE_FIELDS_MAX 8
/* Wrong ones that are shown. */
#define CASES_SHOWN_MAX 20

struct test_case {
	struct tb_str line;
	struct tb_str fields[CASE_FIELDS_MAX];
	size_t n_fields;
};

/* False: the case is wrong. */
typedef bool case_check_fn(const struct test_case *c);

static inline int64_t case_number(const struct test_case *c, size_t field)
{
	int64_t v = 0;

	assert_true(field < c->n_fields);
	assert_int_equal(tb_str_to_i64(c->fields[field], &v), TB_OK);
	return v;
}

static inline void case_split(struct test_case *c)
{
	struct tb_str rest = c->line;

	c->n_fields = 0;
	while (rest.p && c->n_fields < CASE_FIELDS_MAX)
		c->fields[c->n_fields++] = tb_str_cut(&rest, '|');
	assert_null(rest.p);
}

/* Checks every line of a file, of which there must be so many at least. */
static inline void check_cases(const char *path, size_t min,
			       case_check_fn *check)
{
	FILE *file = fopen(path, "re");
	char line[512];
	size_t n = 0;
	size_t n_wrong = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct test_case c = { .line = tb_str_z(line) };

		assert_true(tb_str_ends(c.line, TB_STR("\n")));
		c.line.n--;
		case_split(&c);
		n++;
		if (!check(&c) && ++n_wrong <= CASES_SHOWN_MAX)
			print_error("wrong: %.*s\n", TB_STR_ARG(c.line));
	}
	fclose(file);
	if (n_wrong > 0)
		fail_msg("%zu of %zu cases are wrong", n_wrong, n);
	if (n < min)
		fail_msg("only %zu cases", n);
}

#endif
