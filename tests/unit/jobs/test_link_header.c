#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "jobs/fetch/link_header.h"

/* A value, and its next target: "" none, NULL INVALID. */
static const struct {
	const char *value;
	const char *next;
} rows[] = {
	{ "", "" },
	{ " ", "" },
	{ ",", "" },
	{ " , ,\t", "" },
	{ "</a>", "" },
	{ "</a>; rel=next", "/a" },
	{ "</a>;rel=next", "/a" },
	{ "</a> ;\trel = next ", "/a" },
	{ "</a>; rel=\"next\"", "/a" },
	{ "</a>; REL=NeXt", "/a" },
	{ "</a>; rel=\"prev next\"", "/a" },
	{ "</a>; rel=\"next  last\"", "/a" },
	{ "</a>; rel=\"nextish\"", "" },
	{ "</a>; rel=\"next,last\"", "" },
	{ "</a>; rel*=next", "" },
	{ "</a>; rev=next", "" },
	{ "</a>; rel", "" },
	{ "</a>; rel=", "" },
	{ "</a>; title=\"rel=next\"", "" },
	{ "</a>; title=\"; rel=next, </b>; rel=next\"", "" },
	{ "</a>; title=\"a\\\"; rel=next\"; rel=prev", "" },
	{ "</a>; title=\"\\\\\"; rel=next", "/a" },
	/* "occurrences after the first MUST be ignored" (RFC 8288, 3.3) */
	{ "</a>; rel=prev; rel=next", "" },
	{ "</a>; rel=next; rel=prev", "/a" },
	{ "</a>; rel=prev, </b>; rel=next", "/b" },
	{ "</a>; rel=prev ,, </b?x=1,2;3>; x; rel=next, </c>; rel=next",
	  "/b?x=1,2;3" },
	{ "</a>; anchor=\"/x\"; rel=next, </b>; rel=next", "/b" },
	{ "<https://h/p?q=<x>; rel=next", "https://h/p?q=<x" },
	/* Behind what was looked for nothing counts. */
	{ "</a>; rel=next, nonsense", "/a" },
	{ "</a", NULL },
	{ "/a; rel=next", NULL },
	{ "<>; rel=next", NULL },
	{ "</a> </b>; rel=next", NULL },
	{ "</a>; rel=next x", NULL },
	{ "</a>; rel=\"next", NULL },
	{ "</a>; rel=\"next\\\"", NULL },
	{ "</a>; rel=\"prev\"x, </b>; rel=next", NULL },
	{ "</a>; rel=prev, b", NULL },
	{ "\"</a>; rel=next\"", NULL },
	{ "nonsense", NULL },
};

static void the_next_page_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_str next = TB_STR("untouched");
		enum tb_err err =
			tb_link_header_next(tb_str_z(rows[i].value), &next);

		if (rows[i].next == NULL) {
			assert_int_equal(err, TB_ERR_INVALID);
			assert_true(tb_str_eq(next, TB_STR("untouched")));
			continue;
		}
		assert_int_equal(err, TB_OK);
		if (!tb_str_eq(next, tb_str_z(rows[i].next)))
			fail_msg("%s: %.*s", rows[i].value, TB_STR_ARG(next));
	}
}

static void no_header_has_none(void **state)
{
	struct tb_str next = TB_STR("x");

	(void)state;
	assert_int_equal(tb_link_header_next(TB_STR_NONE, &next), TB_OK);
	assert_int_equal(next.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_page_is_found),
		cmocka_unit_test(no_header_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
