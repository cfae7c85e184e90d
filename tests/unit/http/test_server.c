/* Starting and reloading, also when memory fails; what a running server does
 * is tested over its socket (tests/api/test_http_*.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "fake_auth.h"
#include "http/policy.h"
#include "http/server.h"

static const char *const origins[] = { "https://a.example",
				       "http://localhost:3000", NULL };
static const char *const proxies[] = { "10.0.0.0/8", "::1", NULL };

static struct tb_server_options options(void)
{
	struct tb_server_options options = tb_server_default_options;

	options.listen = "127.0.0.1:0";
	options.workers = 2;
	options.origins = origins;
	options.trusted_proxies = proxies;
	return options;
}

static void lists_are_copied(void **state)
{
	struct tb_policy policy;

	(void)state;
	assert_int_equal(tb_policy_init(&policy, origins, proxies), TB_OK);
	assert_int_equal(policy.n_origins, 2);
	assert_ptr_not_equal(policy.origins[0].p, origins[0]);
	assert_true(tb_str_eq(policy.origins[1], tb_str_z(origins[1])));
	assert_int_equal(policy.n_proxies, 2);
	tb_policy_fini(&policy);
	assert_int_equal(tb_policy_init(&policy, NULL, NULL), TB_OK);
	assert_int_equal(policy.n_origins + policy.n_proxies, 0);
	tb_policy_fini(&policy);
}

static void a_bad_list_is_refused_whole(void **state)
{
	static const char *const bad_origins[] = { "https://a.example", "*",
						   NULL };
	static const char *const bad_proxies[] = { "::1", "10.0.0.0/40", NULL };
	struct tb_policy policy = { .n_origins = 7 };

	(void)state;
	assert_int_equal(tb_policy_init(&policy, bad_origins, proxies),
			 TB_ERR_INVALID);
	assert_int_equal(tb_policy_init(&policy, origins, bad_proxies),
			 TB_ERR_INVALID);
	assert_int_equal(policy.n_origins, 7);
}

static void a_server_starts_reloads_and_stops(void **state)
{
	struct tb_server_options o = options();
	struct tb_auth auth = { 0 };
	struct tb_server *server;

	(void)state;
	assert_int_equal(tb_server_start(&o, &auth, NULL, 0, &server), TB_OK);
	assert_int_not_equal(tb_server_port(server), 0);
	o.origins = NULL;
	assert_int_equal(tb_server_reload(server, &o), TB_OK);
	o.origins = proxies;
	assert_int_equal(tb_server_reload(server, &o), TB_ERR_INVALID);
	tb_server_stop(server);
	tb_server_stop(NULL);
}

static void an_address_that_is_none_is_refused(void **state)
{
	static const char *const listens[] = {
		"",
		"127.0.0.1",
		":80",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"300.0.0.1:80",
		"[::1:80",
	};
	struct tb_auth auth = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(listens); i++) {
		struct tb_server_options o = options();
		struct tb_server *server = NULL;

		o.listen = listens[i];
		assert_int_equal(tb_server_start(&o, &auth, NULL, 0, &server),
				 TB_ERR_INVALID);
		assert_null(server);
	}
}

static void each_allocation_of_the_start_may_fail(void **state)
{
	struct tb_server_options o = options();
	struct tb_auth auth = { 0 };
	struct tb_server *server = NULL;
	enum tb_err err = TB_ERR_NOMEM;
	uint64_t n;

	(void)state;
	for (n = 1; err; n++) {
		tb_alloc_fail_at(n);
		err = tb_server_start(&o, &auth, NULL, 0, &server);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
	}
	assert_true(n > 5);
	tb_server_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_copied),
		cmocka_unit_test(a_bad_list_is_refused_whole),
		cmocka_unit_test(a_server_starts_reloads_and_stops),
		cmocka_unit_test(an_address_that_is_none_is_refused),
		cmocka_unit_test(each_allocation_of_the_start_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
