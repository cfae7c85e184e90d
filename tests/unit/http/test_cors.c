#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/assert.h"
#include "http/cors.h"
#include "http/method.h"

static const struct tb_str allowed[] = { { "https://a.example", 17 },
					 { "http://b.example:81", 19 } };

static enum tb_cors judge(const char *origin, bool is_loopback_allowed)
{
	return tb_cors_judge(tb_str_z(origin), allowed, TB_ARRAY_LEN(allowed),
			     is_loopback_allowed);
}

static void an_origin_is_allowed_by_the_list_alone(void **state)
{
	(void)state;
	assert_int_equal(judge(NULL, false), TB_CORS_SAME);
	assert_int_equal(judge("https://a.example", false), TB_CORS_ALLOWED);
	assert_int_equal(judge("http://b.example:81", false), TB_CORS_ALLOWED);
	assert_int_equal(judge("http://a.example", false), TB_CORS_FOREIGN);
	assert_int_equal(judge("https://a.example:81", false), TB_CORS_FOREIGN);
	assert_int_equal(judge("https://a.example.evil", false),
			 TB_CORS_FOREIGN);
	assert_int_equal(judge("null", false), TB_CORS_FOREIGN);
	assert_int_equal(judge("", false), TB_CORS_FOREIGN);
	assert_int_equal(judge("http://localhost:3000", false),
			 TB_CORS_FOREIGN);
}

static void loopback_origins_are_allowed_where_that_is_said(void **state)
{
	(void)state;
	assert_int_equal(judge("http://localhost:3000", true), TB_CORS_ALLOWED);
	assert_int_equal(judge("https://a.example", true), TB_CORS_ALLOWED);
	assert_int_equal(judge("http://evil.example", true), TB_CORS_FOREIGN);
}

struct fixture {
	struct tb_arena *arena;
	struct tb_header headers[3];
	struct tb_request req;
	struct tb_response res;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){
		.arena = tb_arena_create(1 << 16),
		.headers = {
			{ TB_STR("Origin"), TB_STR("https://a.example") },
			{ TB_STR("Access-Control-Request-Method"),
			  TB_STR("PUT") },
			{ TB_STR("Access-Control-Request-Headers"),
			  TB_STR("authorization,x-a") },
		},
	};
	f.req = (struct tb_request) { .method = TB_OPTIONS,
				      .headers = f.headers,
				      .n_headers = 3,
				      .arena = f.arena };
	f.res.arena = f.arena;
	*state = &f;
	return f.arena ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tb_arena_destroy(f->arena);
	return 0;
}

static void a_preflight_is_options_with_an_origin_and_a_method(void **state)
{
	struct fixture *f = *state;

	assert_true(tb_cors_is_preflight(&f->req));
	f->req.n_headers = 1;
	assert_false(tb_cors_is_preflight(&f->req));
	f->req.n_headers = 3;
	f->req.method = TB_GET;
	assert_false(tb_cors_is_preflight(&f->req));
}

static struct tb_str granted(const struct tb_response *res, const char *name)
{
	size_t i;

	for (i = 0; i < res->n_headers; i++)
		if (tb_str_eq(res->headers[i].name, tb_str_z(name)))
			return res->headers[i].value;
	return TB_STR_NONE;
}

static void an_allowed_preflight_is_granted_methods_and_headers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tb_cors_answer_preflight(&f->req, TB_CORS_ALLOWED,
						  tb_method_bit(TB_GET) |
							  tb_method_bit(TB_PUT),
						  &f->res),
			 TB_OK);
	assert_int_equal(f->res.status, 204);
	assert_true(tb_str_eq(granted(&f->res, "Access-Control-Allow-Methods"),
			      TB_STR("GET, PUT")));
	assert_true(tb_str_eq(granted(&f->res, "Access-Control-Allow-Headers"),
			      TB_STR("authorization,x-a")));
	assert_true(granted(&f->res, "Access-Control-Max-Age").n > 0);
}

static void a_foreign_preflight_is_granted_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tb_cors_answer_preflight(&f->req, TB_CORS_FOREIGN,
						  tb_method_bit(TB_GET),
						  &f->res),
			 TB_OK);
	assert_int_equal(f->res.status, 204);
	assert_int_equal(f->res.n_headers, 0);
}

static void a_list_of_headers_without_end_is_not_granted(void **state)
{
	struct fixture *f = *state;
	char endless[600];

	memset(endless, 'x', sizeof(endless));
	f->headers[2].value = tb_str(endless, sizeof(endless));
	assert_int_equal(tb_cors_answer_preflight(&f->req, TB_CORS_ALLOWED,
						  tb_method_bit(TB_GET),
						  &f->res),
			 TB_OK);
	assert_null(granted(&f->res, "Access-Control-Allow-Headers").p);
}

static void methods_are_parsed_and_listed_by_their_names(void **state)
{
	struct fixture *f = *state;
	unsigned all = (1u << TB_METHOD_COUNT) - 1;
	struct tb_str list;

	assert_int_equal(tb_method_parse(TB_STR("DELETE")), TB_DELETE);
	assert_int_equal(tb_method_parse(TB_STR("get")), TB_METHOD_COUNT);
	assert_int_equal(tb_method_parse(TB_STR("")), TB_METHOD_COUNT);
	assert_int_equal(tb_method_list(f->arena, all, &list), TB_OK);
	assert_true(tb_str_eq(
		list, TB_STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")));
	assert_int_equal(tb_method_list(f->arena, 0, &list), TB_OK);
	assert_int_equal(list.n, 0);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_origin_is_allowed_by_the_list_alone),
		cmocka_unit_test(
			loopback_origins_are_allowed_where_that_is_said),
		WITH(a_preflight_is_options_with_an_origin_and_a_method),
		WITH(an_allowed_preflight_is_granted_methods_and_headers),
		WITH(a_foreign_preflight_is_granted_nothing),
		WITH(a_list_of_headers_without_end_is_not_granted),
		WITH(methods_are_parsed_and_listed_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
