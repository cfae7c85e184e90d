/*
 * What the jobs API says when something is wrong, in the shape of its errors.
 */
#include "jobs_fixture.h"

#include "api/jobs/caller.h"
#include "api/jobs/errors.h"

struct fixture {
	struct tb_arena *arena;
	struct tb_request req;
	struct tb_response res;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .arena = tb_arena_create(1 << 20) };
	assert_non_null(f.arena);
	f.req = (struct tb_request) {
		.method = TB_GET,
		.path = TB_STR("/sync/jobs/job9"),
		.route = TB_STR("/jobs/{id}"),
		.api = &tb_jobs_api,
		.arena = f.arena,
	};
	f.res = (struct tb_response) { .arena = f.arena };
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tb_response_empty(&f->res, 0);
	tb_arena_destroy(f->arena);
	return 0;
}

static struct tb_str header(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->res.n_headers; i++)
		if (tb_str_eq(f->res.headers[i].name, tb_str_z(name)))
			return f->res.headers[i].value;
	return TB_STR_NONE;
}

static void assert_answer(const struct fixture *f, unsigned status,
			  const char *body)
{
	struct tb_str text = tb_buf_str(&f->res.body);

	assert_int_equal(f->res.status, status);
	assert_string_equal(f->res.content_type,
			    "application/json; charset=utf-8");
	if (!tb_str_eq(text, tb_str_z(body)))
		fail_msg("%.*s is not %s", TB_STR_ARG(text), body);
}

static void again(struct fixture *f)
{
	tb_response_empty(&f->res, 0);
	f->res.n_headers = 0;
}

static void an_error_has_status_text_and_the_status_in_words(void **state)
{
	struct fixture *f = *state;

	tb_jobs_fail(&f->res, &f->req, 400, TB_STR("a \"text\""));
	assert_answer(f, 400,
		      "{\"statusCode\":400,\"message\":\"a \\\"text\\\"\","
		      "\"error\":\"Bad Request\"}");
	assert_string_equal(f->res.error_code, "bad_request");
	again(f);
	tb_jobs_fail(&f->res, &f->req, 409, TB_STR(TB_JOBS_IS_PAUSED));
	assert_answer(f, 409,
		      "{\"statusCode\":409,\"message\":\"Sync job is paused "
		      "already\",\"error\":\"Conflict\"}");
	again(f);
	tb_response_fail(&f->res, &f->req, TB_ERR_FULL);
	assert_answer(f, 503,
		      "{\"statusCode\":503,\"message\":\"the storage is "
		      "full\",\"error\":\"Service Unavailable\"}");
	assert_true(header(f, "Retry-After").n > 0);
}

static void a_path_that_is_none_is_named_with_its_method(void **state)
{
	struct fixture *f = *state;

	/* What a handler does not find is no path that is none. */
	tb_jobs_fail(&f->res, &f->req, 404, TB_STR(TB_JOBS_NOT_FOUND));
	assert_answer(f, 404,
		      "{\"statusCode\":404,\"message\":\"Sync job not "
		      "found\",\"error\":\"Not Found\"}");
	again(f);
	f->req.route = TB_STR_NONE;
	f->req.path = TB_STR("/sync/a\"b/%2F");
	f->req.method = TB_DELETE;
	tb_response_error(&f->res, &f->req, 404, NULL, TB_STR("not found"));
	assert_answer(f, 404,
		      "{\"statusCode\":404,\"message\":\"Cannot DELETE "
		      "/sync/a\\\"b/%2F\",\"error\":\"Not Found\"}");
	again(f);
	f->req.method = TB_METHOD_COUNT;
	tb_response_error(&f->res, &f->req, 404, NULL, TB_STR("not found"));
	assert_answer(f, 404,
		      "{\"statusCode\":404,\"message\":\"not found\","
		      "\"error\":\"Not Found\"}");
	/* It is for paths alone. */
	again(f);
	tb_response_error(&f->res, &f->req, 405, NULL, TB_STR("no"));
	assert_answer(f, 405,
		      "{\"statusCode\":405,\"message\":\"no\","
		      "\"error\":\"Method Not Allowed\"}");
}

static void refuse(struct fixture *f, enum tb_auth_failure failure)
{
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED,
					 .failure = failure,
					 .retry_after_s = 1800 };

	again(f);
	tb_jobs_refuse(&f->req, &f->res, &result);
}

static void whatever_is_wrong_with_a_token_is_unauthorized(void **state)
{
	static const enum tb_auth_failure failures[] = {
		TB_AUTH_MISSING,   TB_AUTH_MALFORMED, TB_AUTH_UNKNOWN,
		TB_AUTH_WRONG,     TB_AUTH_DISABLED,  TB_AUTH_HARDWARE,
		TB_AUTH_BAD_TOKEN, TB_AUTH_EXPIRED,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(failures); i++) {
		refuse(f, failures[i]);
		assert_answer(
			f, 401,
			"{\"statusCode\":401,\"message\":\"Unauthorized\"}");
		assert_true(tb_str_starts(header(f, "WWW-Authenticate"),
					  TB_STR("Bearer")));
	}
}

static void who_must_wait_is_told_how_long(void **state)
{
	struct fixture *f = *state;

	refuse(f, TB_AUTH_LIMITED);
	assert_int_equal(f->res.status, 429);
	assert_true(tb_str_eq(header(f, "Retry-After"), TB_STR("1800")));
	refuse(f, TB_AUTH_UNAVAILABLE);
	assert_int_equal(f->res.status, 503);
	assert_true(header(f, "Retry-After").n > 0);
}

#define FORBIDDEN                                                              \
	"{\"statusCode\":403,\"message\":\"Forbidden resource\","              \
	"\"error\":\"Forbidden\"}"

static void who_may_not_is_forbidden(void **state)
{
	struct fixture *f = *state;
	struct tb_principal caller = { .kind = TB_PRINCIPAL_USER,
				       .org_name = TB_STR("shops") };
	struct tb_header headers[] = { { TB_STR("OrgId"), TB_STR("") } };

	tb_jobs_forbid(&f->req, &f->res, TB_WHO_USER);
	assert_answer(f, 403, FORBIDDEN);
	f->req.principal = &caller;
	again(f);
	assert_false(tb_jobs_admit(&f->req, &f->res, TB_JOBS_READ));
	assert_answer(f, 400,
		      "{\"statusCode\":400,\"message\":\"orgid is required\","
		      "\"error\":\"Bad Request\"}");
	f->req.headers = headers;
	f->req.n_headers = 1;
	headers[0].value = TB_STR("shops");
	again(f);
	assert_false(tb_jobs_admit(&f->req, &f->res, TB_JOBS_READ));
	assert_answer(f, 403, FORBIDDEN);
	caller.is_admin = true;
	again(f);
	assert_true(tb_jobs_admit(&f->req, &f->res, TB_JOBS_DELETE));
	assert_int_equal(f->res.status, 0);
	headers[0].value = TB_STR("others");
	assert_false(tb_jobs_admit(&f->req, &f->res, TB_JOBS_READ));
	assert_answer(f, 403, FORBIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(an_error_has_status_text_and_the_status_in_words),
		TEST(a_path_that_is_none_is_named_with_its_method),
		TEST(whatever_is_wrong_with_a_token_is_unauthorized),
		TEST(who_must_wait_is_told_how_long),
		TEST(who_may_not_is_forbidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
