/*
 * What the events API says when something is wrong, and of its own health.
 */
#include "../kernel/inline_core.h"

#include "api/events/errors.h"
#include "api/events/events.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "base/assert.h"
#include "codec/json.h"

#define S_US 1000000

struct fixture {
	struct inline_core ic;
	struct tb_request req;
	struct tb_response res;
};

static int setup(void **state)
{
	static struct fixture f;

	inline_core_init(&f.ic);
	f.req = (struct tb_request) {
		.route = TB_STR("/events"),
		.now_us = f.ic.now_us,
		.api = &tb_events_api,
		.arena = f.ic.arena,
	};
	f.res = (struct tb_response) { .arena = f.ic.arena };
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_response_empty(&f->res, 0);
	inline_core_fini(&f->ic);
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
	assert_int_equal(f->res.status, status);
	assert_string_equal(f->res.content_type,
			    "application/json; charset=utf-8");
	assert_true(tb_str_eq(tb_buf_str(&f->res.body), tb_str_z(body)));
}

static void again(struct fixture *f)
{
	tb_response_empty(&f->res, 0);
	f->res.n_headers = 0;
}

static void refuse(struct fixture *f, enum tb_auth_failure failure)
{
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED,
					 .failure = failure,
					 .retry_after_s = 1800 };

	again(f);
	tb_events_refuse(&f->req, &f->res, &result);
}

static void test_an_error_is_an_object_with_its_text(void **state)
{
	struct fixture *f = *state;

	tb_events_fail(&f->res, &f->req, 400, "a \"text\"");
	assert_answer(f, 400, "{\"error\":\"a \\\"text\\\"\"}");
	assert_string_equal(f->res.error_code, "bad_request");
	tb_response_fail(&f->res, &f->req, TB_ERR_FULL);
	assert_answer(f, 503, "{\"error\":\"the storage is full\"}");
}

static void test_an_error_may_name_an_event(void **state)
{
	struct fixture *f = *state;

	tb_events_fail_event(&f->res, &f->req, 409, TB_EVENTS_EXISTS,
			     TB_STR("a\"b"));
	assert_answer(f, 409,
		      "{\"error\":\"Event already exists\","
		      "\"eventUuid\":\"a\\\"b\"}");
	assert_string_equal(f->res.error_code, "conflict");
}

static void test_without_a_header_one_is_required(void **state)
{
	static const enum tb_auth_failure failures[] = { TB_AUTH_MISSING,
							 TB_AUTH_MALFORMED };
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(failures); i++) {
		refuse(f, failures[i]);
		assert_answer(f, 401,
			      "{\"error\":\"Authorization header required\"}");
		assert_true(tb_str_starts(header(f, "WWW-Authenticate"),
					  TB_STR("Bearer")));
	}
}

static void test_whatever_is_wrong_with_a_token_is_told_alike(void **state)
{
	static const enum tb_auth_failure failures[] = {
		TB_AUTH_UNKNOWN,  TB_AUTH_WRONG,     TB_AUTH_DISABLED,
		TB_AUTH_HARDWARE, TB_AUTH_BAD_TOKEN, TB_AUTH_EXPIRED,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(failures); i++) {
		refuse(f, failures[i]);
		assert_answer(f, 401,
			      "{\"error\":\"Invalid or expired token\"}");
		assert_true(tb_str_starts(header(f, "WWW-Authenticate"),
					  TB_STR("Bearer")));
	}
}

static void test_who_must_wait_is_told_how_long(void **state)
{
	struct fixture *f = *state;

	refuse(f, TB_AUTH_LIMITED);
	assert_int_equal(f->res.status, 429);
	assert_true(tb_str_eq(header(f, "Retry-After"), TB_STR("1800")));
	refuse(f, TB_AUTH_UNAVAILABLE);
	assert_int_equal(f->res.status, 503);
	assert_true(header(f, "Retry-After").n > 0);
}

static void test_who_is_no_administrator_is_unauthorized(void **state)
{
	struct fixture *f = *state;

	tb_events_forbid(&f->req, &f->res, TB_WHO_USER);
	assert_answer(f, 403, "{\"error\":\"Insufficient permissions\"}");
	again(f);
	tb_events_forbid(&f->req, &f->res, TB_WHO_ADMIN);
	assert_answer(f, 401,
		      "{\"error\":\"Administrator privileges required\"}");
}

/* ---- health ---- */

static void ask_health(struct fixture *f, struct tb_core *core,
		       int64_t started_us)
{
	struct tb_events events = { .core = core, .started_us = started_us };

	again(f);
	assert_true(tb_events_get_health(&events, &f->req, &f->res));
}

static void test_health_is_as_it_is_printed(void **state)
{
	struct fixture *f = *state;

	ask_health(f, f->ic.core, f->ic.now_us - 123 * S_US - 999999);
	assert_answer(f, 200,
		      "{\"status\":\"healthy\","
		      "\"timestamp\":\"2023-11-14T22:13:20Z\","
		      "\"version\":\"" TB_VERSION "\",\"uptime\":123}");
}

static void test_a_clock_that_was_set_back_gives_no_uptime(void **state)
{
	struct fixture *f = *state;
	struct tb_json json;
	uint64_t uptime = 1;

	ask_health(f, f->ic.core, f->ic.now_us + 5 * S_US);
	MUST(tb_json_parse(f->ic.arena, tb_buf_str(&f->res.body), NULL, &json,
			   NULL));
	MUST(tb_json_u64(tb_json_get(tb_json_root(&json), TB_STR("uptime")),
			 &uptime));
	assert_int_equal(uptime, 0);
}

static bool is_never_writable(void *ctx)
{
	(void)ctx;
	return false;
}

static void test_a_store_that_takes_nothing_more_is_ill(void **state)
{
	struct fixture *f = *state;
	struct tb_core_options options = {
		.store = f->ic.store,
		.committer = { .submit = inline_core_submit,
			       .ctx = &f->ic,
			       .is_writable = is_never_writable },
		.now_us = inline_core_now_us,
		.now_ctx = &f->ic,
	};
	struct tb_core *ill;

	MUST(tb_core_create(&options, &ill));
	ask_health(f, ill, f->ic.now_us);
	tb_core_destroy(ill);
	assert_answer(f, 503,
		      "{\"status\":\"unhealthy\","
		      "\"timestamp\":\"2023-11-14T22:13:20Z\","
		      "\"version\":\"" TB_VERSION "\",\"uptime\":0}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_error_is_an_object_with_its_text),
		TEST(test_an_error_may_name_an_event),
		TEST(test_without_a_header_one_is_required),
		TEST(test_whatever_is_wrong_with_a_token_is_told_alike),
		TEST(test_who_must_wait_is_told_how_long),
		TEST(test_who_is_no_administrator_is_unauthorized),
		TEST(test_health_is_as_it_is_printed),
		TEST(test_a_clock_that_was_set_back_gives_no_uptime),
		TEST(test_a_store_that_takes_nothing_more_is_ill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
