/*
 * The calls of administrators and the login, without a socket. Memory fails at
 * each allocation and the store at each call; whatever fails, the answer says
 * so, and what was answered well was done.
 */
#include "../auth/fixture.h"

#include "api/events/events.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "base/alloc.h"
#include "http/source.h"

#define TRIES_MAX 2000
#define ARENA_MAX ((size_t)64 << 20)
#define NEW_USER                                                               \
	"{\"uuid\":\"%u\",\"username\":\"user-%u\",\"password\":\"12345678\"}"

/* A call that is made again and again; %u in a body is a new number. */
struct call {
	tb_handler_fn *handler;
	const char *route;
	const char *param;
	const char *body;
	unsigned status; /* when nothing fails */
};

static const struct call calls[] = {
	{ tb_events_get_users, "/admin/users", NULL, NULL, 200 },
	{ tb_events_get_user, "/admin/users/{uuid}", "u1", NULL, 200 },
	{ tb_events_get_user, "/admin/users/{uuid}", "x", NULL, 404 },
	{ tb_events_post_user, "/admin/users", NULL, NEW_USER, 201 },
	{ tb_events_post_user, "/admin/users", NULL, "{}", 400 },
	{ tb_events_put_user, "/admin/users/{uuid}", "u1",
	  "{\"new_password\":\"12345678\",\"roles\":[\"a\",\"b%u\"]}", 204 },
	{ tb_events_put_user, "/admin/users/{uuid}", "u1",
	  "{\"new_username\":\"name-%u\"}", 204 },
	{ tb_events_put_user, "/admin/users/{uuid}", "x", "{\"isAdmin\":true}",
	  404 },
	{ tb_events_delete_user, "/admin/users/{uuid}", "u1", NULL, 204 },
	{ tb_events_delete_user, "/admin/users/{uuid}", "boss", NULL, 400 },
	{ tb_events_get_acl, "/acl", NULL, NULL, 200 },
	{ tb_events_put_acl, "/acl", NULL,
	  "{\"rules\":[{\"user\":\"*\",\"item\":\"i%u\",\"action\":\"*\","
	  "\"allow\":true}]}",
	  204 },
	{ tb_events_put_acl, "/acl", NULL, "{\"rules\":1}", 400 },
	{ tb_events_post_token, "/auth/token", NULL,
	  "{\"username\":\"boss\",\"password\":\"testpass123\"}", 200 },
	{ tb_events_post_token, "/auth/token", NULL, "{}", 400 },
};

/* Allocations of the last call. */
static uint64_t allocations;

/* Makes a call; with `fail_at`, that allocation of it fails. Its status. */
static unsigned make_call(struct fixture *f, const struct call *call,
			  uint64_t fail_at)
{
	static unsigned number;
	struct tb_events events = { .core = f->ic.core,
				    .auth = f->auth,
				    .options = &tb_events_default_options };
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	const struct tb_principal *boss;
	struct tb_response res = { .arena = arena };
	struct tb_request req = {
		.route = tb_str_z(call->route),
		.params = { tb_str_z(call->param) },
		.address = TB_STR(ADDRESS),
		.id = TB_STR("request"),
		.now_us = f->ic.now_us,
		.api = &tb_events_api,
		.arena = arena,
	};
	struct tb_auth_result result = tb_auth_login_user(
		f->auth, TB_STR("boss"), TB_STR("testpass123"), TB_STR(ADDRESS),
		f->ic.now_us);
	struct tb_buf body;

	boss = admitted(result);
	req.principal = boss;
	tb_buf_init(&res.body, 0);
	tb_buf_init(&body, 1000);
	number++;
	for (struct tb_str rest = tb_str_z(call->body); rest.n > 0;) {
		tb_buf_append_str(&body, tb_str_cut(&rest, '%'));
		if (rest.p) {
			tb_buf_append_u64(&body, number);
			rest = tb_str(rest.p + 1, rest.n - 1);
		}
	}
	req.body = tb_buf_str(&body);
	tb_alloc_fail_at(fail_at);
	call->handler(&events, &req, &res);
	allocations = tb_alloc_calls();
	tb_alloc_fail_at(0);
	tb_buf_fini(&body);
	tb_response_empty(&res, res.status);
	tb_principal_unref(boss);
	tb_arena_destroy(arena);
	return res.status;
}

static int setup_boss(void **state)
{
	struct fixture *f;
	struct tb_account boss = { .kind = TB_ACCOUNT_USER,
				   .key = TB_STR("boss"),
				   .username = TB_STR("boss"),
				   .is_admin = true };

	setup(state);
	f = *state;
	boss.org = f->org;
	MUST(tb_auth_hash_password(f->auth, f->ic.arena, TB_STR("testpass123"),
				   &boss.password));
	MUST(tb_directory_add_account(f->ic.core, &f->ic.note, &boss));
	return 0;
}

static void test_every_call_answers_as_it_should(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++)
		assert_int_equal(make_call(f, &calls[i], 0), calls[i].status);
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++) {
		uint64_t n = 0;

		/* Some can be done without. */
		do {
			unsigned status = make_call(f, &calls[i], ++n);

			assert_true(n < TRIES_MAX);
			assert_true(status == 503 || status == calls[i].status);
		} while (n <= allocations);
		assert_int_equal(make_call(f, &calls[i], 0), calls[i].status);
	}
}

static void test_any_call_of_the_store_may_fail(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++) {
		unsigned status = 503;
		uint64_t n = 0;

		while (status == 503) {
			struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
						     .err = TB_ERR_BUSY };

			/* The administrator's own login comes first. */
			tb_fail_set_plan(f->ic.store, NULL);
			tb_principal_unref(admitted(tb_auth_login_user(
				f->auth, TB_STR("boss"), TB_STR("testpass123"),
				TB_STR(ADDRESS), f->ic.now_us)));
			plan.first =
				tb_fail_calls(f->ic.store, TB_FAIL_ANY) + ++n;
			assert_true(n < TRIES_MAX);
			tb_fail_set_plan(f->ic.store, &plan);
			status = make_call(f, &calls[i], 0);
			tb_fail_set_plan(f->ic.store, NULL);
		}
		assert_int_equal(status, calls[i].status);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_boss, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_call_answers_as_it_should),
		TEST(test_any_allocation_may_fail),
		TEST(test_any_call_of_the_store_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
