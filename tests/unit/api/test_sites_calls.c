/*
 * The calls of the sites API, without a socket: a request goes to the handler
 * that the route table has for it. The store fails at each call and memory at
 * each allocation; whatever fails, the answer says so, and asking again gives
 * what it would have given.
 */
#include "../base/torture.h"
#include "fleet.h"

#include <stdio.h>
#include <string.h>

#include "api/sites/sites.h"
#include "base/assert.h"
#include "kernel/directory.h"
#include "kernel/retention.h"
#include "store/fail/fail.h"

#define ARENA_MAX ((size_t)64 << 20)
#define HEADERS_MAX 4
#define TRIES_MAX 2000

struct fixture {
	struct centre centre;
	struct tb_store *fail;
	struct tb_sites_options options;
	struct tb_sites *sites;
	struct tb_header headers[HEADERS_MAX];
	size_t n_headers;
	bool was_quick; /* the last answer came from memory */
	char hint[32];
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .options = tb_sites_default_options };
	assert_int_equal(tb_fail_create(memory_store(), &f.fail), TB_OK);
	centre_open(&f.centre, f.fail);
	centre_add_site(&f.centre, "1", true);
	centre_add_site(&f.centre, "63", false);
	centre_add_site(&f.centre, "64", false);
	centre_add_site(&f.centre, "65", false);
	centre_add_store(&f.centre, "s63", "63");
	centre_add_store(&f.centre, "s64", "64");
	assert_int_equal(
		tb_sites_create(f.centre.core, NULL, &f.options, &f.sites),
		TB_OK);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_sites_destroy(f->sites);
	centre_close(&f->centre);
	return 0;
}

static void set_header(struct fixture *f, const char *name, const char *value)
{
	assert_true(f->n_headers < HEADERS_MAX);
	f->headers[f->n_headers++] =
		(struct tb_header) { tb_str_z(name), tb_str_z(value) };
}

static const struct tb_principal *principal_of(struct fixture *f,
					       const char *site)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	const struct tb_principal *principal;
	struct tb_account account;
	struct tb_org org;
	struct tb_tx *tx;

	assert_non_null(arena);
	assert_int_equal(tb_core_read(f->centre.core, &tx), TB_OK);
	assert_int_equal(tb_directory_find(tx, arena, TB_ACCOUNT_SITE,
					   FLEET_ORG, tb_str_z(site), &account),
			 TB_OK);
	assert_int_equal(tx->store->ops->org_get(tx, FLEET_ORG, &org), TB_OK);
	tb_core_read_end(tx);
	principal = tb_principal_create(&account, &org);
	assert_non_null(principal);
	tb_arena_destroy(arena);
	return principal;
}

/* What is asked. */
struct ask {
	const char *site;
	enum tb_method method;
	const char *path; /* behind the prefix, with its query */
	const char *body;
};

/* The answer of the one before, until the next. */
static char text[1 << 16];

static void read_answer(struct fixture *f, const struct tb_response *res)
{
	struct tb_str body =
		res->blob ? tb_blob_str(res->blob) : tb_buf_str(&res->body);

	assert_true(body.n < sizeof(text));
	if (body.n > 0)
		memcpy(text, body.p, body.n);
	text[body.n] = '\0';
	f->hint[0] = '\0';
	for (size_t i = 0; i < res->n_headers; i++)
		if (tb_str_eq(res->headers[i].name,
			      TB_STR("X-Sync-Batch-Hint")))
			snprintf(f->hint, sizeof(f->hint), "%.*s",
				 TB_STR_ARG(res->headers[i].value));
}

static unsigned run(struct fixture *f, const struct ask *ask,
		    const struct tb_principal *principal,
		    struct tb_arena *arena)
{
	const struct tb_mount mount = { &tb_sites_api, f->sites };
	struct tb_request req = {
		.method = ask->method,
		.headers = f->headers,
		.n_headers = f->n_headers,
		.body = tb_str_z(ask->body),
		.address = TB_STR("127.0.0.1"),
		.id = TB_STR("request"),
		.now_us = f->centre.now_us,
		.principal = principal,
		.api = &tb_sites_api,
		.arena = arena,
	};
	struct tb_response res = { .arena = arena };
	struct tb_match_result match;
	struct tb_str rest = tb_str_z(ask->path);
	unsigned status;

	tb_buf_init(&res.body, 0);
	req.path = tb_str_cut(&rest, '?');
	req.query = rest;
	assert_int_equal(
		tb_route_find(&mount, 1, req.method, req.path, arena, &match),
		TB_OK);
	assert_int_equal(match.match, TB_MATCH_ROUTE);
	f->was_quick =
		match.route->quick && match.route->quick(f->sites, &req, &res);
	if (!f->was_quick)
		match.route->handler(f->sites, &req, &res);
	status = res.status;
	read_answer(f, &res);
	tb_response_empty(&res, 0);
	return status;
}

/* Asks; with `fail_at`, that allocation of the call fails. */
static unsigned ask_failing(struct fixture *f, const struct ask *ask,
			    uint64_t fail_at, uint64_t *ret_calls)
{
	const struct tb_principal *principal = principal_of(f, ask->site);
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	unsigned status;

	assert_non_null(arena);
	/* The arena's first block, so that finding the route has memory. */
	assert_non_null(tb_arena_alloc(arena, 1));
	tb_alloc_fail_at(fail_at);
	status = run(f, ask, principal, arena);
	*ret_calls = tb_alloc_calls();
	tb_alloc_fail_at(0);
	tb_arena_destroy(arena);
	tb_principal_unref(principal);
	return status;
}

static unsigned ask_of(struct fixture *f, const struct ask *ask)
{
	uint64_t calls;

	return ask_failing(f, ask, 0, &calls);
}

static unsigned get(struct fixture *f, const char *site, const char *path)
{
	return ask_of(f, &(struct ask) { site, TB_GET, path, NULL });
}

static unsigned post(struct fixture *f, const char *site, const char *path,
		     const char *body)
{
	return ask_of(f, &(struct ask) { site, TB_POST, path, body });
}

#define PUSH_PATH "/sync/v5/queued_records"
#define ACK_PATH "/api/sync/v5/acknowledge_records"
#define CENTRAL_PATH "/sync/v5/central_records"

static const char invoices[] =
	"[{\"table\":\"transact\",\"recordID\":\"a\",\"action\":\"insert\","
	"\"data\":{\"store_ID\":\"s63\",\"other_store_ID\":\"s64\","
	"\"status\":\"fn\"}},"
	"{\"table\":\"transact\",\"recordID\":\"bad\",\"action\":\"insert\","
	"\"data\":{\"store_ID\":\"s64\"}}]";
static const char items[] =
	"[{\"table\":\"item\",\"recordID\":\"i1\",\"action\":\"insert\","
	"\"data\":{\"n\": 1.50}},"
	"{\"table\":\"item\",\"recordID\":\"i2\",\"action\":\"insert\","
	"\"data\":{\"n\":2}}]";

static void assert_holds(const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\nis not in\n%s", part, text);
}

static void test_push_pull_and_acknowledge(void **state)
{
	assert_int_equal(post(*state, "63", PUSH_PATH, invoices), 200);
	assert_holds("{\"accepted\":1,\"rejected\":[{\"recordID\":\"bad\","
		     "\"table\":\"transact\",\"code\":\"store_not_on_site\"");
	assert_int_equal(get(*state, "63", PUSH_PATH), 200);
	assert_string_equal(text, "[]");
	assert_int_equal(get(*state, "64", PUSH_PATH "?limit=10"), 200);
	assert_holds("[{\"site_id\":\"63\",\"table\":\"transact\","
		     "\"recordID\":\"a\",\"action\":\"insert\",");
	assert_int_equal(post(*state, "64", ACK_PATH, "[\"a\"]"), 200);
	assert_string_equal(text, "{\"acknowledged\":1}");
	assert_int_equal(get(*state, "64", PUSH_PATH), 200);
	assert_string_equal(text, "[]");
}

static void test_the_versioned_dialect(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(post(f, "63", PUSH_PATH, invoices), 200);
	set_header(f, "version", "5");
	assert_int_equal(get(f, "64", PUSH_PATH), 200);
	assert_holds("{\"queueLength\":1,\"data\":[{\"syncOutId\":\"");
	assert_int_equal(post(f, "64", ACK_PATH, "{\"syncIDs\":[\"1\"]}"), 204);
	assert_string_equal(text, "");
	assert_int_equal(
		post(f, "64", PUSH_PATH, "{\"queueLength\":0,\"data\":[]}"),
		200);
	assert_string_equal(text, "{\"integrationStarted\":true}");
}

static void test_a_site_without_a_store_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "65", PUSH_PATH), 200);
	set_header(f, "version", "5");
	assert_int_equal(get(f, "65", PUSH_PATH), 401);
	assert_holds("site_has_no_store");
	assert_int_equal(
		post(f, "65", PUSH_PATH, "{\"queueLength\":1,\"data\":[{}]}"),
		401);
	assert_int_equal(
		post(f, "65", PUSH_PATH, "{\"queueLength\":0,\"data\":[]}"),
		200);
	assert_int_equal(get(f, "1", PUSH_PATH), 200);
}

static void test_a_bad_version_is_409_with_ours(void **state)
{
	struct fixture *f = *state;

	set_header(f, "version", "latest");
	assert_int_equal(get(f, "63", CENTRAL_PATH), 409);
	assert_holds("\"code\":\"api_version_incompatible\"");
	assert_holds("\"data\":{\"major\":5,\"minor\":0}");
	assert_int_equal(get(f, "63", "/sync/v5/site_status"), 409);
}

static void test_a_wrong_content_type_is_415(void **state)
{
	struct fixture *f = *state;

	set_header(f, "Content-Type", "text/xml");
	assert_int_equal(post(f, "63", PUSH_PATH, "[]"), 415);
	assert_int_equal(post(f, "63", ACK_PATH, "[]"), 415);
	f->n_headers = 0;
	set_header(f, "Content-Type", "Application/JSON; charset=UTF-8");
	assert_int_equal(post(f, "63", PUSH_PATH, "[]"), 200);
}

static void test_too_many_records_are_413_with_a_hint(void **state)
{
	struct fixture *f = *state;

	f->options.push_max = 1;
	f->options.acknowledge_max = 1;
	assert_int_equal(post(f, "63", PUSH_PATH, "[{},{}]"), 413);
	assert_string_equal(f->hint, "1");
	assert_int_equal(post(f, "63", ACK_PATH, "[\"a\",\"b\"]"), 413);
}

static void test_a_page_that_is_cut_hints_what_fits(void **state)
{
	struct fixture *f = *state;

	f->options.page_max_bytes = 100;
	assert_int_equal(post(f, "1", PUSH_PATH, items), 200);
	assert_int_equal(get(f, "63", CENTRAL_PATH), 200);
	assert_string_equal(f->hint, "1");
	assert_int_equal(get(f, "63", CENTRAL_PATH), 200);
	assert_true(f->was_quick);
	assert_string_equal(f->hint, "1");
	assert_int_equal(get(f, "63", CENTRAL_PATH "?cursor=1"), 200);
	assert_holds("\"recordID\":\"i2\"");
	assert_string_equal(f->hint, "");
}

static void test_a_busy_store_is_503_with_a_hint(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .err = TB_ERR_BUSY };
	struct fixture *f = *state;

	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(post(f, "1", PUSH_PATH, items), 503);
	assert_string_equal(f->hint, "1");
	tb_fail_set_plan(f->fail, &plan);
	set_header(f, "version", "5");
	assert_int_equal(post(f, "64", "/sync/v5/initialise", "{}"), 503);
	assert_holds("\"code\":\"integration_error\"");
}

static void test_a_central_page_is_answered_from_memory(void **state)
{
	struct fixture *f = *state;
	static char first[sizeof(text)];

	assert_int_equal(post(f, "1", PUSH_PATH, items), 200);
	assert_int_equal(get(f, "63", CENTRAL_PATH "?cursor=0"), 200);
	assert_false(f->was_quick);
	assert_holds("\"data\":{\"n\": 1.50}}");
	memcpy(first, text, sizeof(text));
	/* Of a site's first page it is written down that it had one. */
	assert_int_equal(get(f, "64", CENTRAL_PATH), 200);
	assert_false(f->was_quick);
	assert_string_equal(text, first);
	assert_int_equal(get(f, "64", CENTRAL_PATH), 200);
	assert_true(f->was_quick);
	assert_string_equal(text, first);
	/* A change makes every page anew. */
	assert_int_equal(post(f, "1", PUSH_PATH,
			      "[{\"table\":\"item\",\"recordID\":\"i1\","
			      "\"action\":\"delete\"}]"),
			 200);
	assert_int_equal(get(f, "64", CENTRAL_PATH), 200);
	assert_false(f->was_quick);
	assert_holds("{\"site_id\":\"1\",\"sequence\":\"1\","
		     "\"data\":\"none\"}");
}

static void test_the_head_is_answered_from_memory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "63", CENTRAL_PATH), 200);
	assert_string_equal(text, "[]");
	assert_int_equal(get(f, "63", CENTRAL_PATH), 200);
	assert_true(f->was_quick);
	assert_string_equal(text, "[]");
	assert_int_equal(post(f, "1", PUSH_PATH, items), 200);
	set_header(f, "version", "5");
	assert_int_equal(get(f, "63", CENTRAL_PATH "?cursor=2"), 200);
	assert_true(f->was_quick);
	assert_string_equal(text, "{\"maxCursor\":2,\"data\":[]}");
	assert_int_equal(get(f, "63", CENTRAL_PATH "?cursor=3"), 409);
	assert_holds("resync_required");
}

static void test_gzip_is_kept_beside_the_plain_page(void **state)
{
	static char body[8192];
	struct fixture *f = *state;

	snprintf(body, sizeof(body),
		 "[{\"table\":\"item\",\"recordID\":\"i\",\"action\":"
		 "\"insert\",\"data\":{\"pad\":\"%04000d\"}}]",
		 0);
	assert_int_equal(post(f, "1", PUSH_PATH, body), 200);
	set_header(f, "Accept-Encoding", "gzip");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(f, "63", CENTRAL_PATH), 200);
		assert_int_equal(f->was_quick, i > 0);
		assert_memory_equal(text, "\x1f\x8b", 2);
	}
	f->n_headers = 0;
	assert_int_equal(get(f, "63", CENTRAL_PATH), 200);
	assert_true(f->was_quick);
	assert_memory_equal(text, "[{", 2);
}

static void test_the_status_shows_what_was_just_seen(void **state)
{
	struct fixture *f = *state;

	set_header(f, "Date", "Tue, 14 Nov 2023 22:13:30 GMT");
	assert_int_equal(post(f, "63", PUSH_PATH, invoices), 200);
	assert_int_equal(get(f, "64", PUSH_PATH), 200);
	assert_int_equal(get(f, "63", "/sync/v5/status"), 200);
	assert_holds("\"queue_length\":0,\"oldest_unacknowledged\":null");
	assert_holds("\"last_push\":\"2023-11-14T22:13:20Z\"");
	assert_holds("\"quarantined\":1");
	assert_holds("\"clock_skew_ms\":10000");
	tb_sites_flush_activity(f->sites);
	f->n_headers = 0;
	assert_int_equal(get(f, "63", "/sync/v5/status"), 200);
	assert_holds("\"last_push\":\"2023-11-14T22:13:20Z\"");
	assert_holds("\"clock_skew_ms\":10000");
	assert_int_equal(get(f, "64", "/sync/v5/status"), 200);
	assert_holds("\"queue_length\":1,\"oldest_unacknowledged\":{");
	assert_holds("\"last_push\":null,\"last_pull\":\"2023-");
}

static void test_a_page_does_not_leave_before_it_is_marked(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .err = TB_ERR_FULL };
	struct fixture *f = *state;

	assert_int_equal(post(f, "63", PUSH_PATH, invoices), 200);
	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(get(f, "64", PUSH_PATH), 503);
	tb_fail_set_plan(f->fail, NULL);
	assert_int_equal(get(f, "64", PUSH_PATH), 200);
	assert_holds("\"action\":\"insert\"");
	assert_int_equal(get(f, "64", PUSH_PATH), 200);
	assert_holds("\"action\":\"update\"");
}

/* How far the store knows a site to be in the central feed. */
static uint64_t stored_central(struct fixture *f, uint32_t site_id)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_consumer consumer;
	struct tb_tx *tx;

	assert_non_null(arena);
	assert_int_equal(tb_core_read(f->centre.core, &tx), TB_OK);
	assert_int_equal(
		tb_consumer_read(tx, arena, FLEET_ORG, site_id, &consumer),
		TB_OK);
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	return consumer.central_to;
}

static void test_a_reader_is_known_before_its_first_page_leaves(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .err = TB_ERR_BUSY };
	struct fixture *f = *state;

	assert_int_equal(post(f, "1", PUSH_PATH, items), 200);
	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(get(f, "64", CENTRAL_PATH), 503);
	tb_fail_set_plan(f->fail, NULL);
	assert_int_equal(stored_central(f, 64), 0);
	assert_int_equal(get(f, "64", CENTRAL_PATH), 200);
	assert_int_equal(stored_central(f, 64), 1);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=2"), 200);
	tb_sites_flush_activity(f->sites);
	assert_int_equal(stored_central(f, 64), 2);
	/* Starting over, it begins to read anew. */
	assert_int_equal(post(f, "64", "/sync/v5/initialise", "{}"), 200);
	assert_int_equal(stored_central(f, 64), 0);
	assert_int_equal(get(f, "64", CENTRAL_PATH), 200);
	assert_int_equal(stored_central(f, 64), 1);
}

static const struct tb_retention_ages ages = { .absence_us = 1 };

/* Three central records, one of which is deleted and long forgotten: the feed
 * has the numbers 1 and 3, and its floor is 4. */
static void fill_with_floor(struct fixture *f)
{
	uint64_t after = 0;
	size_t dropped;

	assert_int_equal(post(f, "1", PUSH_PATH, items), 200);
	centre_push(&f->centre, 1, true, TB_PUSH_UPSERT, "item", "i3", "{}");
	centre_push(&f->centre, 1, true, TB_PUSH_DELETE, "item", "i2", "{}");
	assert_int_equal(tb_retention_run(f->centre.core, FLEET_ORG, &ages,
					  &after, &dropped),
			 TB_OK);
	assert_int_equal(dropped, 1);
}

static void restart(struct fixture *f)
{
	tb_sites_destroy(f->sites);
	assert_int_equal(
		tb_sites_create(f->centre.core, NULL, &f->options, &f->sites),
		TB_OK);
}

static void test_a_new_reader_passes_what_is_gone(void **state)
{
	struct fixture *f = *state;

	fill_with_floor(f);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?limit=1"), 200);
	assert_holds("\"i1\"");
	restart(f);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=1&limit=2"), 200);
	assert_holds("\"i3\"");
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=3&limit=1"), 200);
	assert_holds("\"4\"");
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=4"), 200);
	assert_string_equal(text, "[]");
}

static void test_who_may_lack_what_is_gone_starts_over(void **state)
{
	struct fixture *f = *state;

	fill_with_floor(f);
	/* Never seen here, it may have had the record that is gone. */
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=2"), 409);
	assert_holds("resync_required");
	assert_int_equal(get(f, "64", CENTRAL_PATH), 200);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=3"), 200);
	/* Having been further, it may have fallen back to an old copy. */
	tb_sites_flush_activity(f->sites);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=1"), 409);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=0"), 200);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=1"), 200);
}

static void test_a_reader_that_was_away_for_too_long_starts_over(void **state)
{
	struct fixture *f = *state;
	uint64_t after = 0;
	size_t dropped;

	fill_with_floor(f);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?limit=1"), 200);
	centre_push(&f->centre, 1, true, TB_PUSH_DELETE, "item", "i1", "{}");
	f->centre.now_us += 1000;
	assert_int_equal(tb_retention_run(f->centre.core, FLEET_ORG, &ages,
					  &after, &dropped),
			 TB_OK);
	assert_int_equal(dropped, 1);
	assert_int_equal(get(f, "64", CENTRAL_PATH "?cursor=1"), 409);
}

static const struct ask asks[] = {
	{ "63", TB_POST, PUSH_PATH, invoices },
	{ "1", TB_POST, PUSH_PATH, items },
	{ "64", TB_GET, PUSH_PATH "?limit=10", NULL },
	{ "64", TB_GET, CENTRAL_PATH "?limit=10", NULL },
	{ "64", TB_POST, ACK_PATH, "[\"a\",{\"sequence\":\"3\"}]" },
	{ "64", TB_POST, "/sync/v5/initialise", "{}" },
	{ "64", TB_GET, "/sync/v5/user?store=s64", NULL },
	{ "64", TB_GET, "/sync/v5/site", NULL },
	{ "64", TB_GET, "/sync/v5/status", NULL },
	{ "64", TB_GET, "/sync/v5/site_status", NULL },
};

static bool is_error_body(void)
{
	/* Without memory for a body the status alone is sent. */
	return text[0] == '\0' || strncmp(text, "{\"error\":", 9) == 0;
}

static void test_each_call_of_the_store_may_fail(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(asks); i++) {
		const struct tb_principal *principal =
			principal_of(f, asks[i].site);
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .err = TB_ERR_BUSY };
		unsigned status = 503;

		for (uint64_t n = 1; status != 200; n++) {
			struct tb_arena *arena = tb_arena_create(ARENA_MAX);

			assert_in_range(n, 1, TRIES_MAX);
			plan.first = plan.last = n;
			tb_fail_set_plan(f->fail, &plan);
			status = run(f, &asks[i], principal, arena);
			tb_fail_set_plan(f->fail, NULL);
			tb_arena_destroy(arena);
			assert_true(status == 200 ||
				    (status == 503 && is_error_body()));
		}
		tb_principal_unref(principal);
		assert_int_equal(ask_of(f, &asks[i]), 200);
	}
}

static void test_each_allocation_may_fail(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(asks); i++) {
		uint64_t calls = 1;

		for (uint64_t n = 1; n <= calls; n++) {
			unsigned status = ask_failing(f, &asks[i], n, &calls);

			assert_in_range(n, 1, TRIES_MAX);
			assert_true(status == 200 ||
				    (status == 503 && is_error_body()));
		}
		assert_int_equal(ask_of(f, &asks[i]), 200);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_push_pull_and_acknowledge),
		TEST(test_the_versioned_dialect),
		TEST(test_a_site_without_a_store_is_told),
		TEST(test_a_bad_version_is_409_with_ours),
		TEST(test_a_wrong_content_type_is_415),
		TEST(test_too_many_records_are_413_with_a_hint),
		TEST(test_a_page_that_is_cut_hints_what_fits),
		TEST(test_a_busy_store_is_503_with_a_hint),
		TEST(test_a_central_page_is_answered_from_memory),
		TEST(test_the_head_is_answered_from_memory),
		TEST(test_gzip_is_kept_beside_the_plain_page),
		TEST(test_the_status_shows_what_was_just_seen),
		TEST(test_a_page_does_not_leave_before_it_is_marked),
		TEST(test_a_reader_is_known_before_its_first_page_leaves),
		TEST(test_a_new_reader_passes_what_is_gone),
		TEST(test_who_may_lack_what_is_gone_starts_over),
		TEST(test_a_reader_that_was_away_for_too_long_starts_over),
		TEST(test_each_call_of_the_store_may_fail),
		TEST(test_each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
