/*
 * The reader against a model that knows nothing of feeds: whatever happens to
 * records, and while they are read, a client that goes on from X-Last-Sync or
 * from page to page holds just what its caller sees.
 */
#include "resources_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/resources/reader.h"
#include "api/resources/state.h"

#define KEYS 12
#define DOCTORS_MAX 3
#define STEPS 400
#define SEEDS 6

/* ---- a store that is written to between two snapshots ---- */

struct hooked {
	struct tb_store store; /* first */
	struct tb_store_ops ops;
	struct tb_store *inner;
	void (*on_read)(void *ctx);
	void *ctx;
};

static struct hooked hooked;

static enum tb_err hooked_begin(struct tb_store *store, enum tb_tx_mode mode,
				struct tb_tx **ret)
{
	struct hooked *h = (struct hooked *)store;
	void (*on_read)(void *ctx) = h->on_read;

	if (mode == TB_TX_READ && on_read) {
		h->on_read = NULL; /* what it does is not met itself */
		on_read(h->ctx);
		h->on_read = on_read;
	}
	return h->inner->ops->begin(h->inner, mode, ret);
}

/* ---- the model ---- */

struct appointment {
	bool is_there;
	unsigned patient;
	unsigned doctor;
	bool is_done;
};

/* What a client holds, by ids. */
struct client {
	const char *role;
	unsigned profile; /* 0: sees all */
	const char *filter;
	bool holds[KEYS];
	char since[80];
};

struct world {
	struct fixture f;
	uint32_t random;
	struct appointment rows[KEYS];
	struct tb_core *hooked_core;
};

static unsigned pick(struct world *w, unsigned n)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 16) % n;
}

static void change(struct world *w)
{
	unsigned i = pick(w, KEYS);
	struct appointment *row = &w->rows[i];
	char key[16], body[160];

	snprintf(key, sizeof(key), "%u", i + 1);
	if (row->is_there && pick(w, 4) == 0) {
		row->is_there = false;
		fixture_delete(&w->f, APPOINTMENTS, key);
		return;
	}
	*row = (struct appointment) {
		.is_there = true,
		.patient = pick(w, 2) + 1,
		.doctor = pick(w, DOCTORS_MAX) + 1,
		.is_done = pick(w, 2),
	};
	snprintf(body, sizeof(body),
		 "{\"patient_id\":%u,\"doctor_id\":%u,\"status\":\"%s\"}",
		 row->patient, row->doctor, row->is_done ? "DONE" : "PENDING");
	fixture_put(&w->f, APPOINTMENTS, key, body);
}

static void change_while_reading(void *ctx)
{
	struct world *w = ctx;

	if (pick(w, 2))
		change(w);
}

static bool sees(const struct world *w, const struct client *client, unsigned i)
{
	const struct appointment *row = &w->rows[i];
	bool is_of = !client->profile || row->doctor == client->profile;

	if (tb_str_eq(tb_str_z(client->role), TB_STR("patient")))
		is_of |= row->patient == client->profile;
	return row->is_there && is_of && (!client->filter || row->is_done);
}

static void init(struct world *w, uint32_t seed)
{
	struct tb_core_options options = {
		.store = &hooked.store,
		.committer = { inline_core_submit, &w->f.ic },
		.now_us = inline_core_now_us,
		.now_ctx = &w->f.ic,
	};

	memset(w, 0, sizeof(*w));
	w->random = seed;
	fixture_init(&w->f);
	hooked = (struct hooked) { .inner = w->f.ic.store,
				   .ops = *w->f.ic.store->ops,
				   .ctx = w };
	hooked.ops.begin = hooked_begin;
	hooked.store.ops = &hooked.ops;
	options.declaration = &w->f.declaration;
	MUST(tb_core_create(&options, &w->hooked_core));
	for (unsigned i = 1; i <= DOCTORS_MAX; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", i);
		fixture_put(&w->f, DOCTORS, key, "{}");
		fixture_put(&w->f, PATIENTS, key, "{}");
	}
}

static void fini(struct world *w)
{
	tb_core_destroy(w->hooked_core);
	fixture_fini(&w->f);
}

/* ---- reading, in slices of few rows ---- */

struct answer {
	struct tb_reader reader;
	struct tb_resources_query query;
	const char *body;
	size_t n;
};

static void read_answer(struct world *w, const struct client *client,
			struct tb_resources_query query, struct answer *answer)
{
	struct fixture *f = &w->f;
	struct tb_reader_options options = {
		.core = w->hooked_core,
		.sights = f->resources->sights,
		.arena = f->ic.arena,
		.principal = &f->principal,
		.layout = f->resources->layouts[APPOINTMENTS],
		.query = &answer->query,
		.slice_rows = 1 + pick(w, 4),
	};
	static char profile[16];
	struct tb_spool *spool;

	snprintf(profile, sizeof(profile), "%u", client->profile);
	fixture_become(f, client->role, client->profile ? profile : "");
	answer->query = query;
	answer->query.with_deleted = true;
	if (client->filter)
		answer->query.filters[0] = tb_str_z(client->filter);
	hooked.on_read = change_while_reading;
	MUST(tb_reader_open(&answer->reader, &options));
	MUST(tb_reader_judge(&answer->reader));
	MUST(tb_spool_create(&f->resources->spools,
			     tb_reader_spool_form(&answer->reader),
			     (uint64_t)1 << 30, 1, &spool));
	MUST(tb_reader_run(&answer->reader, spool));
	hooked.on_read = NULL;
	MUST(tb_spool_finish(spool));
	answer->n = tb_spool_items(spool);
	tb_response_empty(&f->res, 0);
	f->res = (struct tb_response) { .arena = f->ic.arena };
	MUST(tb_spool_answer(spool, &f->res, 200, TB_JSON_TYPE));
	answer->body = fixture_body(f);
}

static void apply(struct world *w, struct client *client,
		  const struct answer *answer)
{
	bool is_met[KEYS] = { false };
	struct tb_json json;
	struct tb_json_iter it;
	size_t n = 0;

	MUST(tb_json_parse(w->f.ic.arena, tb_str_z(answer->body), NULL, &json,
			   NULL));
	it = tb_json_iter(tb_json_root(&json));
	for (; tb_json_next(&it); n++) {
		int64_t id = 0;

		MUST(tb_json_i64(tb_json_get(it.value, TB_STR("id")), &id));
		assert_in_range(id, 1, KEYS);
		assert_false(is_met[id - 1]);
		is_met[id - 1] = true;
		client->holds[id - 1] = tb_json_is_absent(
			tb_json_get(it.value, TB_STR("deleted")));
	}
	assert_int_equal(n, answer->n);
}

static void assert_holds(const struct world *w, const struct client *client)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (client->holds[i] != sees(w, client, i))
			fail_msg("%s %u holds %u: %d", client->role,
				 client->profile, i + 1, client->holds[i]);
}

/* ---- clients ---- */

static const struct client kinds[] = {
	{ .role = "staff" },
	{ .role = "staff", .filter = "DONE" },
	{ .role = "doctor", .profile = 1 },
	{ .role = "doctor", .profile = 2, .filter = "DONE" },
	/* By two rules: as the patient, and as the doctor. */
	{ .role = "patient", .profile = 2 },
};
#define KINDS TB_ARRAY_LEN(kinds)

static void sync_by_time(struct world *w, struct client *client,
			 int64_t *since_us, bool is_first)
{
	struct tb_resources_query query = { .has_since = !is_first,
					    .since_us = *since_us };
	struct answer answer;

	if (is_first)
		memset(client->holds, 0, sizeof(client->holds));
	read_answer(w, client, query, &answer);
	*since_us = answer.reader.last_us;
	apply(w, client, &answer);
	assert_holds(w, client);
}

static void run_by_time(uint32_t seed)
{
	static struct world w;
	struct client clients[KINDS];
	int64_t since_us[KINDS] = { 0 };
	bool has_begun[KINDS] = { false };

	init(&w, seed);
	memcpy(clients, kinds, sizeof(kinds));
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = pick(&w, KINDS);

		change(&w);
		if (step % 100 == 99)
			has_begun[i] = false;
		sync_by_time(&w, &clients[i], &since_us[i], !has_begun[i]);
		has_begun[i] = true;
		tb_arena_reset(w.f.ic.arena);
	}
	fini(&w);
}

static void test_who_goes_on_by_time_misses_nothing(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++)
		run_by_time(seed);
}

/* Reads pages until there are no more; goes on by cursor, or now and then by
 * the time of the page. */
static void sync_by_pages(struct world *w, struct client *client,
			  int64_t *since_us, bool is_first)
{
	struct tb_resources_query query = { .has_since = !is_first,
					    .since_us = *since_us };
	struct answer answer;

	do {
		query.limit = 1 + pick(w, 3);
		read_answer(w, client, query, &answer);
		apply(w, client, &answer);
		assert_true(answer.n <= query.limit);
		*since_us = answer.reader.last_us;
		query.has_after = answer.reader.has_next && pick(w, 4);
		query.after = query.has_after
				      ? answer.reader.next
				      : (struct tb_resources_cursor) { 0 };
		query.has_since = true;
		query.since_us = query.has_after ? query.since_us : *since_us;
		if (query.has_after && is_first)
			query.has_since = false;
		is_first &= query.has_after;
	} while (answer.reader.has_next);
	assert_holds(w, client);
}

static void run_by_pages(uint32_t seed)
{
	static struct world w;
	struct client clients[KINDS];
	int64_t since_us[KINDS] = { 0 };
	bool has_begun[KINDS] = { false };

	init(&w, seed);
	memcpy(clients, kinds, sizeof(kinds));
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = pick(&w, KINDS);

		change(&w);
		sync_by_pages(&w, &clients[i], &since_us[i], !has_begun[i]);
		has_begun[i] = true;
		tb_arena_reset(w.f.ic.arena);
	}
	fini(&w);
}

static void test_who_goes_from_page_to_page_misses_nothing(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++)
		run_by_pages(seed);
}

/* ---- an account that changes while it reads ---- */

static void change_account(void *ctx)
{
	static const struct tb_str roles[] = { S("doctor") };
	struct world *w = ctx;
	struct tb_account to = { .kind = TB_ACCOUNT_USER,
				 .org = w->f.org,
				 .key = w->f.principal.key,
				 .roles = roles,
				 .n_roles = 1 };

	MUST(tb_directory_update_account(w->f.ic.core, &w->f.ic.note, &to,
					 TB_CHANGE_ROLES, false));
}

static void add_account(struct world *w)
{
	struct tb_account account = { .kind = TB_ACCOUNT_USER,
				      .org = w->f.org,
				      .key = w->f.principal.key,
				      .username = TB_STR("anna"),
				      .password = TB_STR("hash"),
				      .roles = &w->f.role,
				      .n_roles = 1 };
	struct tb_heads heads;

	MUST(tb_directory_add_account(w->f.ic.core, &w->f.ic.note, &account));
	MUST(tb_core_heads(w->f.ic.core, w->f.org, &heads));
	w->f.principal.generation = heads.generation;
}

static void test_an_answer_is_not_of_two_sights(void **state)
{
	static struct world w;
	struct tb_resources_query query = { .limit = 0 };
	struct tb_reader reader;
	struct tb_spool *spool;

	(void)state;
	init(&w, 1);
	for (int i = 0; i < KEYS; i++)
		change(&w);
	add_account(&w);
	MUST(tb_reader_open(
		&reader, &(struct tb_reader_options) {
				 .core = w.hooked_core,
				 .sights = w.f.resources->sights,
				 .arena = w.f.ic.arena,
				 .principal = &w.f.principal,
				 .layout = w.f.resources->layouts[APPOINTMENTS],
				 .query = &query,
				 .slice_rows = 1 }));
	MUST(tb_spool_create(&w.f.resources->spools,
			     tb_reader_spool_form(&reader), (uint64_t)1 << 30,
			     1, &spool));
	hooked.on_read = change_account;
	assert_int_equal(tb_reader_run(&reader, spool), TB_ERR_BUSY);
	hooked.on_read = NULL;
	assert_null(reader.tx);
	tb_spool_destroy(spool);
	fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_goes_on_by_time_misses_nothing),
		cmocka_unit_test(
			test_who_goes_from_page_to_page_misses_nothing),
		cmocka_unit_test(test_an_answer_is_not_of_two_sights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
