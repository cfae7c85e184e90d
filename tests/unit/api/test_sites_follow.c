/*
 * The feed of central data as it is followed live: each change is a row of the
 * feed, whoever goes on from the last one holds what the centre has, and who
 * may lack a deletion that is gone is told.
 */
#include "../kernel/inline_core.h"

#include <stdio.h>

#include "../auth/key_folder.h"
#include "api/sites/handlers.h"
#include "api/sites/state.h"
#include "base/assert.h"
#include "fleet.h"
#include "follow_torture.h"

#include "kernel/retention.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define PAGE_MAX_BYTES ((size_t)1 << 20)
#define KEYS 8
#define STEPS 400
#define SEEDS 4
/* What stands in front of a row. */
#define LEAD "\"change\":"

struct fixture {
	struct centre centre;
	struct tb_store *fail; /* the centre's */
	struct tb_arena *arena;

	struct key_folder folder;
	struct tb_keys *keys;
	struct tb_auth *auth;
	struct tb_sites *sites;
	const struct tb_principal *site;
	const struct tb_principal *admin;
};

static const struct tb_audit_note by = { .event_type = "admin",
					 .operation = "test",
					 .status = "ok",
					 .principal = TB_STR_INIT("cli") };

static const struct tb_principal *
principal_of(struct fixture *f, enum tb_account_kind kind, const char *key)
{
	const struct tb_principal *principal;
	struct tb_account account;
	struct tb_org org;
	struct tb_tx *tx;

	MUST(tb_core_read(f->centre.core, &tx));
	MUST(tb_directory_find(tx, f->arena, kind, FLEET_ORG, tb_str_z(key),
			       &account));
	MUST(tx->store->ops->org_get(tx, FLEET_ORG, &org));
	tb_core_read_end(tx);
	principal = tb_principal_create(&account, &org);
	assert_non_null(principal);
	return principal;
}

static void add_admin(struct fixture *f)
{
	struct tb_account account = { .kind = TB_ACCOUNT_USER,
				      .org = FLEET_ORG,
				      .key = TB_STR("u1"),
				      .username = TB_STR("anna"),
				      .password = TB_STR("hash"),
				      .is_admin = true };

	MUST(tb_directory_add_account(f->centre.core, &by, &account));
}

static void change_admin(struct fixture *f, unsigned changes, bool value)
{
	struct tb_account to = { .kind = TB_ACCOUNT_USER,
				 .org = FLEET_ORG,
				 .key = TB_STR("u1"),
				 .is_admin = value,
				 .disabled = value };

	MUST(tb_directory_update_account(f->centre.core, &by, &to, changes,
					 false));
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .arena = tb_arena_create(ARENA_MAX_BYTES) };
	assert_non_null(f.arena);
	MUST(tb_digest_init());
	MUST(tb_fail_create(memory_store(), &f.fail));
	centre_open(&f.centre, f.fail);

	centre_add_site(&f.centre, "1", true);
	centre_add_site(&f.centre, "64", false);
	add_admin(&f);
	key_folder_init(&f.folder);
	MUST(tb_keys_open(f.folder.path, &f.keys));
	MUST(tb_auth_create(f.centre.core, f.keys, &tb_auth_default_options,
			    &f.auth));
	MUST(tb_sites_create(f.centre.core, f.auth, &tb_sites_default_options,
			     &f.sites));
	f.site = principal_of(&f, TB_ACCOUNT_SITE, "64");
	f.admin = principal_of(&f, TB_ACCOUNT_USER, "u1");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_principal_unref(f->site);
	tb_principal_unref(f->admin);
	tb_sites_destroy(f->sites);
	tb_auth_destroy(f->auth);
	tb_keys_destroy(f->keys);
	key_folder_fini(&f->folder);
	centre_close(&f->centre);
	tb_arena_destroy(f->arena);
	return 0;
}

static void restart(struct fixture *f)
{
	tb_sites_destroy(f->sites);
	MUST(tb_sites_create(f->centre.core, f->auth, &tb_sites_default_options,
			     &f->sites));
}

/* ---- the centre's data ---- */

static void put(struct fixture *f, const char *id, const char *body)
{
	centre_push(&f->centre, 1, true, TB_PUSH_UPSERT, "item", id, body);
}

static void take_away(struct fixture *f, const char *id)
{
	centre_push(&f->centre, 1, true, TB_PUSH_DELETE, "item", id, "{}");
}

/* Deletions that every reader has passed go; how many. */
static size_t drop(struct fixture *f)
{
	static const struct tb_retention_ages ages = { .absence_us = 1 };
	uint64_t after = 0;
	size_t dropped = 0;

	f->centre.now_us += 1000;
	MUST(tb_retention_run(f->centre.core, FLEET_ORG, &ages, &after,
			      &dropped));
	return dropped;
}

/* Three records, one of which is deleted and long forgotten: the feed has the
 * numbers 1 and 3, and its floor is 4. */
static void fill_with_floor(struct fixture *f)
{
	put(f, "i1", "{}");
	put(f, "i2", "{}");
	put(f, "i3", "{}");
	take_away(f, "i2");
	assert_int_equal(drop(f), 1);
}

/* ---- following, and the feed that it is of ---- */

static struct tb_follow_query query_of(struct fixture *f, const char *after,
				       size_t limit)
{
	return (struct tb_follow_query) {
		.principal = f->site,
		.name = TB_STR("central"),
		.after = tb_str_z(after),
		.limit = limit,
		.max_bytes = PAGE_MAX_BYTES,
		.arena = f->arena,
	};
}

static enum tb_err follow(struct fixture *f, const char *after, size_t limit,
			  struct tb_follow_page *ret)
{
	struct tb_follow_query query = query_of(f, after, limit);

	return tb_sites_follow(f->sites, &query, ret);
}

static bool peek(struct fixture *f, const char *after)
{
	struct tb_follow_query query = query_of(f, after, 1);

	return tb_sites_follow_peek(f->sites, &query);
}

static const char *copy(struct fixture *f, struct tb_str text)
{
	struct tb_str ret;

	MUST(tb_arena_strdup(f->arena, text, &ret));
	return ret.p;
}

/* The row that a change holds. */
static const char *row_of(struct fixture *f, struct tb_str change)
{
	size_t n = strlen(LEAD);

	assert_true(tb_str_starts(change, TB_STR(LEAD)));
	return copy(f, tb_str(change.p + n, change.n - n));
}

static unsigned get_central(struct fixture *f, const char *query,
			    const char **ret_body)
{
	struct tb_response res = { .arena = f->arena };
	struct tb_request req = {
		.query = tb_str_z(query),
		.now_us = f->centre.now_us,
		.principal = f->site,
		.api = &tb_sites_api,
		.arena = f->arena,
	};
	unsigned status;

	tb_sites_get_central(f->sites, &req, &res);
	status = res.status;
	*ret_body = copy(f, res.blob ? tb_blob_str(res.blob)
				     : tb_buf_str(&res.body));
	tb_response_empty(&res, status);
	return status;
}

static void test_a_change_is_a_row_of_the_feed(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;
	struct tb_str rows;
	const char *body;

	put(f, "i\"1", "{\"n\": 1.50}");
	put(f, "i2", "{}");
	MUST(follow(f, "0", 10, &page));
	assert_int_equal(page.n, 2);
	assert_string_equal(
		row_of(f, page.changes[0]),
		"{\"site_id\":\"1\",\"table\":\"item\",\"recordID\":\"i\\\"1\","
		"\"action\":\"insert\",\"sequence\":\"1\",\"data\":"
		"{\"n\": 1.50}}");
	MUST(tb_arena_printf(f->arena, &rows, "[%s,%s]",
			     row_of(f, page.changes[0]),
			     row_of(f, page.changes[1])));
	assert_int_equal(get_central(f, "cursor=0", &body), 200);
	assert_string_equal(body, rows.p);
	assert_string_equal(copy(f, page.cursors[0]), "1");
	assert_string_equal(copy(f, page.cursors[1]), "2");
	assert_string_equal(copy(f, page.cursor), "2");
	assert_false(page.has_more);
}

static void test_holes_are_left_out(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;

	put(f, "i1", "{}");
	put(f, "i2", "{}");
	put(f, "i1", "{\"n\":1}");
	put(f, "i2", "{\"n\":2}");
	take_away(f, "i1");
	MUST(follow(f, "2", 1, &page));
	assert_int_equal(page.n, 1);
	assert_string_equal(copy(f, page.cursor), "4");
	assert_true(page.has_more);
	assert_non_null(strstr(row_of(f, page.changes[0]),
			       "\"i2\",\"action\":\"update\""));
	MUST(follow(f, "4", 10, &page));
	assert_int_equal(page.n, 1);
	assert_non_null(strstr(row_of(f, page.changes[0]),
			       "\"i1\",\"action\":\"delete\",\"sequence\":"
			       "\"5\",\"data\":{}}"));
	MUST(follow(f, "5", 10, &page));
	assert_int_equal(page.n, 0);
	assert_string_equal(copy(f, page.cursor), "5");
	assert_false(page.has_more);
}

static void test_a_page_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_query query = query_of(f, "0", 2);
	struct tb_follow_page page;

	put(f, "i1", "{}");
	put(f, "i2", "{}");
	put(f, "i3", "{}");
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 2);
	assert_true(page.has_more);
	query.limit = 3;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 3);
	assert_false(page.has_more);
	query.max_bytes = 2 * (page.changes[0].n + page.cursors[0].n);
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 2);
	assert_true(page.has_more);
	assert_string_equal(copy(f, page.cursor), "2");
	query.max_bytes = 1;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 1);
	query.limit = 0;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 0);
	assert_false(page.has_more);
	assert_string_equal(copy(f, page.cursor), "3");
	MUST(follow(f, NULL, 10, &page));
	assert_int_equal(page.n, 0);
	assert_string_equal(copy(f, page.cursor), "3");
}

/* ---- who may, and from where ---- */

static void test_what_cannot_be_followed(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_query query = query_of(f, "0", 1);
	struct tb_follow_page page;

	put(f, "i1", "{}");
	query.name = TB_STR("centra");
	assert_int_equal(tb_sites_follow(f->sites, &query, &page),
			 TB_ERR_NOT_FOUND);
	assert_false(tb_sites_follow_peek(f->sites, &query));
	query.name = TB_STR("central");
	query.is_collection = true;
	assert_int_equal(tb_sites_follow(f->sites, &query, &page),
			 TB_ERR_NOT_FOUND);
	query.is_collection = false;
	query.principal = f->admin;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 1);
	/* Who is no administrator any more. */
	change_admin(f, TB_CHANGE_ADMIN, false);
	assert_int_equal(tb_sites_follow(f->sites, &query, &page),
			 TB_ERR_NOT_FOUND);
	change_admin(f, TB_CHANGE_DISABLED, true);
	assert_int_equal(tb_sites_follow(f->sites, &query, &page),
			 TB_ERR_UNAUTHENTICATED);
	query.principal = f->site;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 1);
}

static void test_cursors_that_are_none(void **state)
{
	static const char *const afters[] = { "x",     "-1",
					      "1-",    "1-x",
					      "1-2-3", "18446744073709551616" };
	struct fixture *f = *state;
	struct tb_follow_page page;

	for (size_t i = 0; i < TB_ARRAY_LEN(afters); i++) {
		assert_int_equal(follow(f, afters[i], 1, &page),
				 TB_ERR_INVALID);
		assert_int_equal(follow(f, afters[i], 0, &page),
				 TB_ERR_INVALID);
		assert_true(peek(f, afters[i]));
	}
}

static void assert_resync(struct fixture *f, const char *after)
{
	struct tb_follow_page page;

	assert_true(peek(f, after));
	assert_int_equal(follow(f, after, 1, &page), TB_ERR_RESYNC);
	assert_int_equal(follow(f, after, 0, &page), TB_ERR_RESYNC);
}

static void test_who_may_lack_what_is_gone_starts_over(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;
	const char *body;

	fill_with_floor(f);
	assert_resync(f, "5");
	assert_resync(f, "3");
	MUST(follow(f, "4", 1, &page));
	/* A site that pulls, and began when it was gone, goes on here. */
	assert_int_equal(get_central(f, "cursor=0&limit=1", &body), 200);
	MUST(follow(f, "3", 1, &page));
	/* Having been further, it may have fallen back to an old copy. */
	assert_int_equal(get_central(f, "cursor=3&limit=1", &body), 200);
	tb_sites_flush_activity(f->sites);
	assert_resync(f, "1");
	/* Also when only the store knows it. */
	restart(f);
	MUST(follow(f, "3", 1, &page));
	assert_resync(f, "1");
}

static void test_who_began_with_nothing_reads_through(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_query query = query_of(f, "0", 1);
	struct tb_follow_page page;

	fill_with_floor(f);
	query.principal = f->admin;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 1);
	assert_string_equal(copy(f, page.cursors[0]), "1-4");
	assert_string_equal(copy(f, page.cursor), "1-4");
	query.after = page.cursor;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_string_equal(copy(f, page.cursors[0]), "3-4");
	query.after = page.cursor;
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(page.n, 0);
	assert_string_equal(copy(f, page.cursor), "4");
	/* What goes later it may have been given. */
	query.after = TB_STR("1-4");
	take_away(f, "i1");
	MUST(tb_sites_follow(f->sites, &query, &page));
	assert_int_equal(drop(f), 1);
	assert_int_equal(tb_sites_follow(f->sites, &query, &page),
			 TB_ERR_RESYNC);
}

static void test_what_is_new_is_known_from_memory(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;

	assert_false(peek(f, "0"));
	put(f, "i1", "{}");
	assert_true(peek(f, "0"));
	assert_false(peek(f, "1"));
	/* It is not looked at who was an administrator: nothing came. */
	change_admin(f, TB_CHANGE_ADMIN, false);
	assert_false(peek(f, "1"));
	MUST(follow(f, "1", 1, &page));
}

/* ---- what fails ---- */

static void test_whatever_fails_is_an_error(void **state)
{
	struct fixture *f = *state;
	const char *body;
	struct follow_torture torture = {
		.follow = tb_sites_follow,
		.state = f->sites,
		.query = query_of(f, "3", 10),
		.store = f->fail,
	};

	fill_with_floor(f);
	put(f, "i4", "{}");
	/* A reader that the store knows, of an account that is looked up. */
	assert_int_equal(get_central(f, "cursor=0", &body), 200);
	restart(f);
	torture.state = f->sites;
	change_admin(f, TB_CHANGE_ADMIN, false);
	follow_torture(&torture);
}

/* ---- the model ---- */

struct model {
	unsigned is[KEYS]; /* each record's content; 0: there is none */
	unsigned holds[KEYS];
	char cursor[48];
	size_t n_resyncs;
	size_t n_silent;
	uint32_t random;
};

static unsigned pick(struct model *m, unsigned n)
{
	m->random = m->random * 1664525u + 1013904223u;
	return (m->random >> 16) % n;
}

static void change(struct fixture *f, struct model *m)
{
	unsigned key = pick(m, KEYS);
	unsigned content = pick(m, 4) ? 1 + pick(m, 1000) : 0;
	char id[16], body[32];

	snprintf(id, sizeof(id), "i%u", key);
	snprintf(body, sizeof(body), "{\"n\":%u}", content);
	if (content)
		put(f, id, body);
	else
		take_away(f, id);
	m->is[key] = content;
	if (pick(m, 20) == 0)
		drop(f);
}

static void begin(struct model *m)
{
	memset(m->holds, 0, sizeof(m->holds));
	snprintf(m->cursor, sizeof(m->cursor), "0");
}

static void take(struct fixture *f, struct model *m, struct tb_str change)
{
	const char *row = row_of(f, change);
	unsigned key = KEYS, content = 0;
	const char *data = strstr(row, "\"data\":");

	assert_int_equal(sscanf(row,
				"{\"site_id\":\"1\",\"table\":\"item\","
				"\"recordID\":\"i%u",
				&key),
			 1);
	assert_in_range(key, 0, KEYS - 1);
	assert_non_null(data);
	if (!strstr(row, "\"delete\""))
		assert_int_equal(sscanf(data, "\"data\":{\"n\":%u", &content),
				 1);
	m->holds[key] = content;
}

/* True if there is more. */
static bool follow_page(struct fixture *f, struct model *m)
{
	struct tb_follow_query query = query_of(f, m->cursor, 1 + pick(m, 5));
	bool may_have = tb_sites_follow_peek(f->sites, &query);
	struct tb_follow_page page;
	enum tb_err err;
	size_t n;

	tb_arena_reset(f->arena);
	query.max_bytes = 1 + pick(m, 1000);
	query.principal = pick(m, 2) ? f->admin : f->site;
	m->n_silent += !may_have;
	err = tb_sites_follow(f->sites, &query, &page);
	if (err == TB_ERR_RESYNC) {
		assert_true(may_have);
		m->n_resyncs++;
		begin(m);
		return true;
	}
	MUST(err);
	if (!may_have)
		assert_true(page.n == 0 && !page.has_more);
	/* The last ones may be lost. */
	n = page.n && pick(m, 4) == 0 ? 1 + pick(m, (unsigned)page.n) : page.n;
	for (size_t i = 0; i < n; i++)
		take(f, m, page.changes[i]);
	snprintf(m->cursor, sizeof(m->cursor), "%s",
		 copy(f, n < page.n ? page.cursors[n - 1] : page.cursor));
	return page.has_more || n < page.n;
}

static void run(struct fixture *f, uint32_t seed)
{
	struct model m = { .random = seed };

	begin(&m);
	for (unsigned step = 0; step < STEPS; step++) {
		bool may_change = pick(&m, 2);

		for (unsigned n = pick(&m, 4); n > 0; n--)
			change(f, &m);
		while (follow_page(f, &m)) {
			if (may_change)
				change(f, &m);
			may_change = false;
		}
		assert_memory_equal(m.is, m.holds, sizeof(m.is));
	}
	assert_true(m.n_resyncs > 5);
	assert_true(m.n_silent > STEPS / 10);
}

static void test_who_follows_holds_what_the_centre_has(void **state)
{
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		if (seed > 1) {
			teardown(state);
			setup(state);
		}
		run(*state, seed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_change_is_a_row_of_the_feed),
		TEST(test_holes_are_left_out),
		TEST(test_a_page_is_bounded),
		TEST(test_what_cannot_be_followed),
		TEST(test_cursors_that_are_none),
		TEST(test_who_may_lack_what_is_gone_starts_over),
		TEST(test_who_began_with_nothing_reads_through),
		TEST(test_what_is_new_is_known_from_memory),
		TEST(test_whatever_fails_is_an_error),
		TEST(test_who_follows_holds_what_the_centre_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
