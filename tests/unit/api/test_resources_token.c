/*
 * Logging in to the resources API and refreshing, without a socket: what each
 * body is answered, and that whatever fails, the answer says so.
 */
#include "../auth/fixture.h"

#include "api/resources/errors.h"
#include "api/resources/handlers.h"
#include "api/resources/state.h"
#include "base/alloc.h"
#include "codec/json.h"
#include "http/route.h"

#define TRIES_MAX 3000
#define ARENA_MAX ((size_t)64 << 20)
#define LOGIN "{\"username\":\"Anna\",\"password\":\"testpass123\"}"

static const struct tb_api api = { .put_error = tb_resources_put_error,
				   .error_type = TB_JSON_TYPE };

/* An answer, of which everything lives in the fixture's arena. */
struct answer {
	unsigned status;
	struct tb_str body;
	struct tb_str challenge;   /* WWW-Authenticate; p NULL: none */
	struct tb_str retry_after; /* likewise */
	struct tb_str cache;       /* Cache-Control */
	bool is_login;
	bool is_audited;
};

static struct tb_str header_of(struct fixture *f, const struct tb_response *res,
			       const char *name)
{
	struct tb_str value = TB_STR_NONE;

	for (size_t i = 0; i < res->n_headers; i++)
		if (tb_str_eq(res->headers[i].name, tb_str_z(name)))
			MUST(tb_arena_strdup(f->ic.arena, res->headers[i].value,
					     &value));
	return value;
}

/* Allocations of the last call. */
static uint64_t allocations;

/* Calls; with `fail_at`, that allocation fails. */
static struct answer call(struct fixture *f, tb_handler_fn *handler,
			  struct tb_str body, const char *type,
			  uint64_t fail_at)
{
	struct tb_resources resources = {
		.auth = f->auth,
		.options = &tb_resources_default_options,
	};
	struct tb_header header = { TB_STR("Content-Type"), tb_str_z(type) };
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_response res = { .arena = arena };
	struct tb_request req = {
		.headers = &header,
		.n_headers = type ? 1 : 0,
		.body = body,
		.address = TB_STR(ADDRESS),
		.now_us = f->ic.now_us,
		.api = &api,
		.arena = arena,
	};
	struct answer answer;

	tb_buf_init(&res.body, 0);
	tb_alloc_fail_at(fail_at);
	handler(&resources, &req, &res);
	allocations = tb_alloc_calls();
	tb_alloc_fail_at(0);
	answer = (struct answer) {
		.status = res.status,
		.challenge = header_of(f, &res, "WWW-Authenticate"),
		.retry_after = header_of(f, &res, "Retry-After"),
		.cache = header_of(f, &res, "Cache-Control"),
		.is_login = res.login != NULL,
		.is_audited = res.is_audited,
	};
	MUST(tb_arena_strdup(f->ic.arena, tb_buf_str(&res.body), &answer.body));
	tb_response_empty(&res, res.status);
	tb_arena_destroy(arena);
	return answer;
}

static struct answer log_in(struct fixture *f, const char *body)
{
	return call(f, tb_resources_post_token, tb_str_z(body),
		    "application/json", 0);
}

static struct tb_json_value member(struct fixture *f, struct tb_str body,
				   const char *name)
{
	struct tb_json *json = tb_arena_alloc(f->ic.arena, sizeof(*json));

	MUST(tb_json_parse(f->ic.arena, body, NULL, json, NULL));
	return tb_json_get(tb_json_root(json), tb_str_z(name));
}

static struct tb_str text(struct fixture *f, struct tb_str body,
			  const char *name)
{
	struct tb_str s = TB_STR_NONE;

	MUST(tb_json_string(f->ic.arena, member(f, body, name), &s));
	return s;
}

static struct answer refresh(struct fixture *f, struct tb_str token)
{
	struct tb_str body;

	MUST(tb_arena_printf(f->ic.arena, &body, "{\"refresh\":\"%.*s\"}",
			     TB_STR_ARG(token)));
	return call(f, tb_resources_post_refresh, body, NULL, 0);
}

static void must_be(const struct answer *answer, unsigned status,
		    const char *body)
{
	assert_int_equal(answer->status, status);
	if (!tb_str_eq(answer->body, tb_str_z(body)))
		fail_msg("%.*s is not %s", TB_STR_ARG(answer->body), body);
	assert_false(answer->is_login);
	assert_int_equal(answer->challenge.p != NULL, status == 401);
	if (status == 401)
		assert_true(tb_str_eq(answer->challenge,
				      TB_STR("Bearer realm=\"api\"")));
}

/* What follows the two tokens. */
static void must_say(struct fixture *f, struct tb_account to, unsigned changes,
		     const char *rest)
{
	struct answer answer;
	struct tb_str tail;

	update(f, TB_ACCOUNT_USER, "u1", to, changes);
	answer = log_in(f, LOGIN);
	assert_int_equal(answer.status, 200);
	assert_true(answer.is_login && !answer.is_audited);
	assert_true(tb_str_eq(answer.cache, TB_STR("no-store")));
	assert_true(tb_str_starts(answer.body, TB_STR("{\"refresh\":\"")));
	tail.p = memmem(answer.body.p, answer.body.n, ",\"user_id\"", 10);
	assert_non_null(tail.p);
	tail.n = answer.body.n - (size_t)(tail.p - answer.body.p);
	if (!tb_str_eq(tail, tb_str_z(rest)))
		fail_msg("%.*s is not %s", TB_STR_ARG(tail), rest);
}

static void test_a_login_says_who_it_is(void **state)
{
	static const struct tb_str doctor[] = { TB_STR_INIT("doctor"),
						TB_STR_INIT("staff") };
	struct fixture *f = *state;

	must_say(f, (struct tb_account) { .disabled = false }, 0,
		 ",\"user_id\":\"u1\",\"username\":\"Anna\",\"email\":\"\","
		 "\"first_name\":\"\",\"last_name\":\"\",\"is_staff\":false,"
		 "\"user_type\":\"\",\"profile_id\":null}");
	must_say(f, (struct tb_account) { .is_admin = true }, TB_CHANGE_ADMIN,
		 ",\"user_id\":\"u1\",\"username\":\"Anna\",\"email\":\"\","
		 "\"first_name\":\"\",\"last_name\":\"\",\"is_staff\":true,"
		 "\"user_type\":\"staff\",\"profile_id\":null}");
	must_say(f,
		 (struct tb_account) { .email = TB_STR("a@b.org"),
				       .first_name = TB_STR("A\""),
				       .last_name = TB_STR("B"),
				       .profile = TB_STR("10"),
				       .roles = doctor,
				       .n_roles = 1 },
		 TB_CHANGE_EMAIL | TB_CHANGE_FIRST_NAME | TB_CHANGE_LAST_NAME |
			 TB_CHANGE_PROFILE | TB_CHANGE_ROLES | TB_CHANGE_ADMIN,
		 ",\"user_id\":\"u1\",\"username\":\"Anna\","
		 "\"email\":\"a@b.org\",\"first_name\":\"A\\\"\","
		 "\"last_name\":\"B\",\"is_staff\":false,"
		 "\"user_type\":\"doctor\",\"profile_id\":10}");
	must_say(f,
		 (struct tb_account) { .profile = TB_STR("007"),
				       .roles = doctor,
				       .n_roles = 2 },
		 TB_CHANGE_PROFILE | TB_CHANGE_ROLES | TB_CHANGE_EMAIL |
			 TB_CHANGE_FIRST_NAME | TB_CHANGE_LAST_NAME,
		 ",\"user_id\":\"u1\",\"username\":\"Anna\",\"email\":\"\","
		 "\"first_name\":\"\",\"last_name\":\"\",\"is_staff\":true,"
		 "\"user_type\":\"doctor\",\"profile_id\":\"007\"}");
}

static void test_ids_that_are_integers_are_numbers(void **state)
{
	static const struct {
		const char *profile;
		const char *shown;
	} cases[] = {
		{ "0", "0" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "9223372036854775808", "\"9223372036854775808\"" },
		{ "-1", "\"-1\"" },
		{ "00", "\"00\"" },
		{ "1.0", "\"1.0\"" },
		{ "1e3", "\"1e3\"" },
		{ "+1", "\"+1\"" },
		{ "x", "\"x\"" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct answer answer;

		update(f, TB_ACCOUNT_USER, "u1",
		       (struct tb_account) {
			       .profile = tb_str_z(cases[i].profile) },
		       TB_CHANGE_PROFILE);
		answer = log_in(f, LOGIN);
		assert_true(tb_str_eq(
			tb_json_raw(member(f, answer.body, "profile_id")),
			tb_str_z(cases[i].shown)));
	}
	add_account(f, TB_ACCOUNT_USER, "42", "Bert", "testpass123");
	assert_true(tb_str_eq(
		tb_json_raw(member(f,
				   log_in(f, "{\"username\":\" Bert \","
					     "\"password\":\"testpass123\"}")
					   .body,
				   "user_id")),
		TB_STR("42")));
}

#define NON_FIELD(kind)                                                        \
	"{\"non_field_errors\":[\"Invalid data. Expected a dictionary, but "   \
	"got " kind ".\"]}"

static void test_bodies_that_are_no_login(void **state)
{
	static const struct {
		const char *body;
		const char *answer;
	} cases[] = {
		{ "", "{\"username\":[\"This field is required.\"],"
		      "\"password\":[\"This field is required.\"]}" },
		{ "{\"username\":\"Anna\"}",
		  "{\"password\":[\"This field is required.\"]}" },
		{ "{\"password\":\"x\",\"username\":\"\"}",
		  "{\"username\":[\"This field may not be blank.\"]}" },
		{ "{\"password\":\" \",\"username\":null}",
		  "{\"username\":[\"This field may not be null.\"],"
		  "\"password\":[\"This field may not be blank.\"]}" },
		{ "{\"password\":true,\"username\":[\"Anna\"]}",
		  "{\"username\":[\"Not a valid string.\"],"
		  "\"password\":[\"Not a valid string.\"]}" },
		{ "[]", NON_FIELD("list") },
		{ "null", NON_FIELD("NoneType") },
		{ "\"x\"", NON_FIELD("str") },
		{ "-1", NON_FIELD("int") },
		{ "1.5", NON_FIELD("float") },
		{ "true", NON_FIELD("bool") },
		{ "{\n \"a\" 1}",
		  "{\"detail\":\"JSON parse error - a colon is missing: "
		  "line 2 column 6 (char 7)\"}" },
		{ "{", "{\"detail\":\"JSON parse error - unexpected end of "
		       "the text: line 1 column 2 (char 1)\"}" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct answer answer = log_in(f, cases[i].body);

		must_be(&answer, 400, cases[i].answer);
	}
}

static void test_a_body_of_another_type_is_refused(void **state)
{
	struct fixture *f = *state;
	struct answer answer = call(f, tb_resources_post_token, TB_STR(LOGIN),
				    "text/plain", 0);

	must_be(&answer, 415,
		"{\"detail\":\"Unsupported media type \\\"text/plain\\\" in "
		"request.\"}");
	answer = call(f, tb_resources_post_token, TB_STR(LOGIN), "\xff/x", 0);
	must_be(&answer, 415,
		"{\"detail\":\"Unsupported media type \\\"\\\" in request.\"}");
}

static void test_wrong_names_and_passwords_are_one(void **state)
{
	static const char *const bodies[] = {
		"{\"username\":\"Anna\",\"password\":\"wrong\"}",
		"{\"username\":\"Nobody\",\"password\":\"testpass123\"}",
		"{\"username\":\"Anna\",\"password\":1}",
	};
	struct fixture *f = *state;
	struct answer answer;

	for (size_t i = 0; i < TB_ARRAY_LEN(bodies); i++) {
		answer = log_in(f, bodies[i]);
		must_be(&answer, 401,
			"{\"detail\":\"No active account found with the given "
			"credentials\"}");
	}
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .disabled = true }, TB_CHANGE_DISABLED);
	answer = log_in(f, LOGIN);
	must_be(&answer, 401,
		"{\"detail\":\"No active account found with the given "
		"credentials\"}");
}

static void test_a_locked_name_is_told_when_to_come_again(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	for (int i = 0; i < 5; i++)
		(void)log_in(f, "{\"username\":\"Anna\",\"password\":\"no\"}");
	answer = log_in(f, LOGIN);
	must_be(&answer, 429,
		"{\"detail\":\"Request was throttled. Expected available in "
		"1800 seconds.\"}");
	assert_true(tb_str_eq(answer.retry_after, TB_STR("1800")));
	f->ic.now_us += 1799 * SECOND_US;
	answer = log_in(f, LOGIN);
	must_be(&answer, 429,
		"{\"detail\":\"Request was throttled. Expected available in "
		"1 second.\"}");
}

static void test_a_refresh_answers_the_next_pair(void **state)
{
	struct fixture *f = *state;
	struct answer login = log_in(f, LOGIN);
	struct tb_str token = text(f, login.body, "refresh");
	struct answer first = refresh(f, token);
	struct answer again = refresh(f, token);

	assert_int_equal(first.status, 200);
	assert_true(first.is_login && first.is_audited);
	assert_true(tb_str_eq(first.cache, TB_STR("no-store")));
	assert_int_equal(again.status, 200);
	assert_true(again.is_login && !again.is_audited);
	assert_true(tb_str_eq(first.body, again.body));
	must_admit(f, bearer(f, text(f, first.body, "access")), NULL);
	again = refresh(f, token);
	must_be(&again, 401,
		"{\"detail\":\"Token is invalid or expired\","
		"\"code\":\"token_not_valid\"}");
	assert_true(again.is_audited);
	again = refresh(f, text(f, first.body, "refresh"));
	must_be(&again, 401,
		"{\"detail\":\"Token is invalid or expired\","
		"\"code\":\"token_not_valid\"}");
	assert_false(again.is_audited);
}

static void test_what_is_no_refresh_token(void **state)
{
	struct fixture *f = *state;
	struct answer login = log_in(f, LOGIN);
	const struct tb_str tokens[] = { TB_STR("x"),
					 text(f, login.body, "access") };
	struct answer answer;

	for (size_t i = 0; i < TB_ARRAY_LEN(tokens); i++) {
		answer = refresh(f, tokens[i]);
		must_be(&answer, 401,
			"{\"detail\":\"Token is invalid or expired\","
			"\"code\":\"token_not_valid\"}");
	}
	answer = refresh(f, TB_STR(""));
	must_be(&answer, 400,
		"{\"refresh\":[\"This field may not be blank.\"]}");
	answer = call(f, tb_resources_post_refresh, TB_STR("{}"), NULL, 0);
	must_be(&answer, 400, "{\"refresh\":[\"This field is required.\"]}");
}

static void test_a_store_that_fails_is_unavailable(void **state)
{
	const struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
					   .first = 1,
					   .last = UINT64_MAX,
					   .err = TB_ERR_FULL };
	struct fixture *f = *state;
	struct answer login = log_in(f, LOGIN);
	struct answer answer;

	tb_fail_set_plan(f->ic.store, &plan);
	answer = refresh(f, text(f, login.body, "refresh"));
	tb_fail_set_plan(f->ic.store, NULL);
	assert_int_equal(answer.status, 503);
	assert_false(answer.is_login);
	assert_non_null(answer.retry_after.p);
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	struct answer login = log_in(f, LOGIN);
	const struct {
		tb_handler_fn *handler;
		struct tb_str body;
		unsigned status;
	} calls[] = {
		{ tb_resources_post_token, TB_STR(LOGIN), 200 },
		{ tb_resources_post_token, TB_STR("{}"), 400 },
		{ tb_resources_post_token, TB_STR("{"), 400 },
		{ tb_resources_post_token, TB_STR("1"), 400 },
		{ tb_resources_post_token,
		  TB_STR("{\"username\":\"\\u0041\",\"password\":\"b\"}"),
		  401 },
		{ tb_resources_post_refresh, login.body, 200 },
		{ tb_resources_post_refresh, TB_STR("{\"refresh\":\"a\"}"),
		  401 },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++) {
		uint64_t n = 0;

		do {
			struct answer answer = call(f, calls[i].handler,
						    calls[i].body, NULL, ++n);

			/* Whose failures cannot be counted is slowed. */
			if (answer.status != calls[i].status &&
			    answer.status != 503)
				assert_true(answer.status == 429 &&
					    calls[i].status == 401);
			assert_int_equal(answer.is_login, answer.status == 200);
			if (calls[i].status == 401)
				f->ic.now_us += 1800 * SECOND_US;
			assert_true(n < TRIES_MAX);
		} while (allocations >= n);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_login_says_who_it_is),
		TEST(test_ids_that_are_integers_are_numbers),
		TEST(test_bodies_that_are_no_login),
		TEST(test_a_body_of_another_type_is_refused),
		TEST(test_wrong_names_and_passwords_are_one),
		TEST(test_a_locked_name_is_told_when_to_come_again),
		TEST(test_a_refresh_answers_the_next_pair),
		TEST(test_what_is_no_refresh_token),
		TEST(test_a_store_that_fails_is_unavailable),
		TEST(test_any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
