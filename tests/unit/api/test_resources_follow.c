/*
 * Collections as they are followed live: who follows page by page, whatever
 * happens meanwhile, holds just what a fresh download shows; and who is told
 * from memory that there is nothing new misses nothing.
 */
#include "resources_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "../auth/key_folder.h"
#include "api/resources/cursor.h"
#include "api/resources/reader.h"
#include "api/resources/state.h"
#include "auth/auth.h"
#include "follow_torture.h"

#include "kernel/retention.h"

#define KEYS 12
#define PEOPLE_MAX 3
#define STEPS 300
#define SEEDS 3

#define TEXT_MAX_BYTES 512
#define PAGE_MAX_BYTES ((size_t)1 << 20)

/* ---- following ---- */

static struct tb_follow_query query_of(struct fixture *f,
				       const char *collection,
				       const char *after, size_t limit)
{
	return (struct tb_follow_query) {
		.principal = &f->principal,
		.is_collection = true,
		.name = tb_str_z(collection),
		.after = tb_str_z(after),
		.limit = limit,
		.max_bytes = PAGE_MAX_BYTES,
		.arena = f->ic.arena,
	};
}

static enum tb_err follow(struct fixture *f, const char *collection,
			  const char *after, size_t limit,
			  struct tb_follow_page *ret)
{
	struct tb_follow_query query = query_of(f, collection, after, limit);

	return tb_resources_follow(f->resources, &query, ret);
}

static bool peek(struct fixture *f, const char *collection, const char *after)
{
	struct tb_follow_query query = query_of(f, collection, after, 1);

	return tb_resources_follow_peek(f->resources, &query);
}

/* A copy that lives for as long as there are not many more. */
static const char *copy(struct tb_str text)
{
	static char copies[32][TEXT_MAX_BYTES];
	static unsigned next;
	char *to = copies[next++ % 32];

	assert_in_range(text.n, 0, TEXT_MAX_BYTES - 1);
	memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return to;
}

/* Where it stands now. */
static const char *stand(struct fixture *f, const char *collection)
{
	struct tb_follow_page page;

	MUST(follow(f, collection, NULL, 100, &page));
	assert_int_equal(page.n, 0);
	assert_false(page.has_more);
	return copy(page.cursor);
}

/* A change without the fractions of its seconds. */
static const char *rounded(struct tb_str change)
{
	const char *text = copy(change);

	fixture_round(tb_str_z(text));
	return text;
}

static void put_appointment(struct fixture *f, const char *key,
			    unsigned patient, unsigned doctor)
{
	char body[160];

	snprintf(body, sizeof(body),
		 "{\"patient_id\":%u,\"doctor_id\":%u,\"status\":\"DONE\"}",
		 patient, doctor);
	fixture_put(f, APPOINTMENTS, key, body);
}

/* ---- what a change is ---- */

static void test_a_change_is_as_in_a_download(void **state)
{
	struct fixture *f = *state;
	const char *cursor = stand(f, "appointments");
	struct tb_follow_page page;
	struct tb_str text;

	put_appointment(f, "1", 7, 8);
	MUST(follow(f, "appointments", cursor, 10, &page));
	assert_int_equal(page.n, 1);
	assert_string_equal(
		rounded(page.changes[0]),
		"\"id\":1,\"data\":{\"id\":1,\"patient_id\":7,\"doctor_id\":8,"
		"\"status\":\"DONE\",\"created_at\":\"2023-11-14T22:13:21Z\","
		"\"updated_at\":\"2023-11-14T22:13:21Z\","
		"\"last_synced_at\":null}");
	assert_string_equal(copy(page.cursor), stand(f, "appointments"));
	assert_false(page.has_more);
	text = tb_str_z(fixture_list(f, "appointments", NULL));
	assert_string_equal(copy(tb_str(text.p + 1, text.n - 2)),
			    rounded(page.changes[0]) + strlen("\"id\":1,"
							      "\"data\":"));
	fixture_delete(f, APPOINTMENTS, "1");
	MUST(follow(f, "appointments", copy(page.cursor), 10, &page));
	assert_int_equal(page.n, 1);
	assert_string_equal(rounded(page.changes[0]),
			    "\"id\":1,\"deleted\":true,"
			    "\"updated_at\":\"2023-11-14T22:13:22Z\"");
	MUST(follow(f, "appointments", copy(page.cursors[0]), 10, &page));
	assert_int_equal(page.n, 0);
}

static void test_an_id_is_as_it_is_written(void **state)
{
	struct fixture *f = *state;
	const char *cursor = stand(f, "notes");
	struct tb_follow_page page;

	fixture_put(f, NOTES, "a\"\\,}b", "{\"text\":\"x\"}");
	MUST(follow(f, "notes", cursor, 10, &page));
	assert_int_equal(page.n, 1);
	assert_non_null(strstr(copy(page.changes[0]),
			       "\"id\":\"a\\\"\\\\,}b\",\"data\":{\"id\":"
			       "\"a\\\"\\\\,}b\",\"text\":\"x\""));
}

static void test_sight_comes_and_goes(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;
	const char *cursor;

	put_appointment(f, "1", 7, 8);
	put_appointment(f, "2", 7, 9);
	fixture_become(f, "doctor", "8");
	cursor = stand(f, "appointments");
	put_appointment(f, "2", 7, 8);
	put_appointment(f, "1", 7, 9);
	MUST(follow(f, "appointments", cursor, 10, &page));
	assert_int_equal(page.n, 2);
	assert_non_null(strstr(copy(page.changes[0]), "\"id\":2,\"data\""));
	assert_non_null(strstr(copy(page.changes[1]), "\"id\":1,\"deleted\""));
	/* What was nobody's of theirs is not told at all. */
	cursor = copy(page.cursor);
	put_appointment(f, "1", 6, 9);
	MUST(follow(f, "appointments", cursor, 10, &page));
	assert_int_equal(page.n, 0);
}

static void test_a_page_is_bounded(void **state)
{
	struct fixture *f = *state;
	const char *cursor = stand(f, "appointments");
	struct tb_follow_query query;
	struct tb_follow_page page;
	size_t bytes;

	for (unsigned i = 1; i <= 5; i++)
		put_appointment(f, copy(tb_str(&"12345"[i - 1], 1)), 1, 1);
	query = query_of(f, "appointments", cursor, 3);
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 3);
	assert_true(page.has_more);
	assert_true(tb_str_eq(page.cursors[2], page.cursor));
	bytes = page.changes[0].n + page.cursors[0].n + page.changes[1].n +
		page.cursors[1].n;
	query.max_bytes = bytes;
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 2);
	assert_true(page.has_more);
	query.max_bytes = bytes - 1;
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 1);
	query.max_bytes = 1;
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 1);
	assert_true(page.has_more);
	query.limit = 0;
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 0);
	assert_false(page.has_more);
	assert_string_equal(copy(page.cursor), stand(f, "appointments"));
}

/* ---- who may, and from where ---- */

static void test_what_cannot_be_followed(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_query query = query_of(f, "appointments", NULL, 1);
	struct tb_follow_page page;
	const char *cursor;

	put_appointment(f, "1", 1, 1);
	cursor = stand(f, "appointments");
	assert_int_equal(follow(f, "nothing", NULL, 1, &page),
			 TB_ERR_NOT_FOUND);
	/* Its path is what it goes by. */
	assert_int_equal(follow(f, "pharmacy_stock", NULL, 1, &page),
			 TB_ERR_NOT_FOUND);
	MUST(follow(f, "pharmacy-stock", NULL, 1, &page));
	assert_int_equal(follow(f, "pharmacies", NULL, 1, &page),
			 TB_ERR_NOT_FOUND);
	query.is_collection = false;
	assert_int_equal(tb_resources_follow(f->resources, &query, &page),
			 TB_ERR_NOT_FOUND);
	f->principal.kind = TB_PRINCIPAL_DEVICE;
	assert_int_equal(follow(f, "appointments", cursor, 1, &page),
			 TB_ERR_NOT_FOUND);
	f->principal.kind = TB_PRINCIPAL_USER;
	f->collections[APPOINTMENTS].max_token_age_s = 60;
	f->principal.issued_s = f->ic.now_us / 1000000 - 59;
	MUST(follow(f, "appointments", cursor, 1, &page));
	assert_false(peek(f, "appointments", cursor));
	f->principal.issued_s--;
	assert_int_equal(follow(f, "appointments", cursor, 1, &page),
			 TB_ERR_UNAUTHENTICATED);
	assert_true(peek(f, "appointments", cursor));
}

static void test_cursors_that_are_none(void **state)
{
	static const char *const afters[] = {
		"0",
		"x",
		"17",
		"000000000000004d",
		"000000000000004d-01",
		"2023-11-14",
		"2123-11-14T22:13:20Z",
	};
	struct fixture *f = *state;
	struct tb_follow_page page;

	for (size_t i = 0; i < TB_ARRAY_LEN(afters); i++) {
		assert_int_equal(follow(f, "appointments", afters[i], 1, &page),
				 TB_ERR_INVALID);
		assert_int_equal(follow(f, "appointments", afters[i], 0, &page),
				 TB_ERR_INVALID);
		assert_true(peek(f, "appointments", afters[i]));
	}
}

static void assert_resync(struct fixture *f, const char *after)
{
	struct tb_follow_page page;

	assert_int_equal(follow(f, "appointments", after, 1, &page),
			 TB_ERR_RESYNC);
	assert_int_equal(follow(f, "appointments", after, 0, &page),
			 TB_ERR_RESYNC);
}

static void test_a_cursor_of_another_store_starts_over(void **state)
{
	struct fixture *f = *state;

	put_appointment(f, "1", 1, 1);
	assert_resync(f, "000000000000004e-1");
	assert_true(peek(f, "appointments", "000000000000004e-1"));
	assert_resync(f, "000000000000004d-999999");
	assert_true(peek(f, "appointments", "000000000000004d-999999"));
}

static void drop_traces(struct fixture *f)
{
	struct tb_retention_ages ages = { .absence_us = 1, .deleted_us = 1 };
	uint64_t after = 0;
	size_t dropped = 0;

	f->ic.now_us += 10 * 1000000;
	MUST(tb_retention_run(f->ic.core, f->org, &ages, &after, &dropped));
	assert_int_equal(dropped, 1);
}

static void test_who_missed_a_dropped_deletion_starts_over(void **state)
{
	struct fixture *f = *state;
	const char *before, *since = "2023-11-14T22:13:21Z";
	struct tb_follow_page page;
	char after[TEXT_MAX_BYTES];

	put_appointment(f, "1", 1, 1);
	before = stand(f, "appointments");
	fixture_delete(f, APPOINTMENTS, "1");
	MUST(follow(f, "appointments", before, 1, &page));
	assert_int_equal(page.n, 1);
	snprintf(after, sizeof(after), "%s", copy(page.cursor));
	MUST(follow(f, "appointments", since, 1, &page));
	drop_traces(f);
	assert_resync(f, before);
	assert_resync(f, since);
	MUST(follow(f, "appointments", after, 1, &page));
	assert_int_equal(page.n, 0);
	MUST(follow(f, "patients", before, 1, &page));
}

static void test_who_sees_otherwise_since_starts_over(void **state)
{
	struct fixture *f = *state;
	const char *before = stand(f, "appointments");
	struct tb_follow_page page;
	struct tb_heads heads;

	put_appointment(f, "1", 1, 1);
	MUST(tb_core_heads(f->ic.core, f->org, &heads));
	f->principal.sight_num = heads.head;
	f->principal.sight_us = heads.last_us;
	assert_resync(f, before);
	MUST(follow(f, "appointments", stand(f, "appointments"), 1, &page));
}

/* ---- accounts that change while they follow ---- */

/* An account, and the principal of now, which is to grow old. */
static const struct tb_principal *add_account(struct fixture *f,
					      const char *role)
{
	const struct tb_str roles[] = { tb_str_z(role) };
	struct tb_account account = { .kind = TB_ACCOUNT_USER,
				      .org = f->org,
				      .key = TB_STR("5f1c"),
				      .username = TB_STR("anna"),
				      .password = TB_STR("hash"),
				      .profile = TB_STR("8"),
				      .roles = roles,
				      .n_roles = 1 };
	const struct tb_principal *principal;
	struct tb_tx *tx;
	struct tb_org org;

	MUST(tb_directory_add_account(f->ic.core, &f->ic.note, &account));
	tx = inline_core_read(&f->ic);
	MUST(tx->store->ops->org_get(tx, f->org, &org));
	MUST(tb_directory_find(tx, f->ic.arena, TB_ACCOUNT_USER, f->org,
			       account.key, &account));
	tb_core_read_end(tx);
	principal = tb_principal_create(&account, &org);
	assert_non_null(principal);
	return principal;
}

static void change_account(struct fixture *f, const char *key, const char *role)
{
	const struct tb_str roles[] = { tb_str_z(role) };
	struct tb_account to = { .kind = TB_ACCOUNT_USER,
				 .org = f->org,
				 .key = tb_str_z(key),
				 .disabled = !role,
				 .roles = roles,
				 .n_roles = 1 };

	MUST(tb_directory_update_account(
		f->ic.core, &f->ic.note, &to,
		role ? TB_CHANGE_ROLES : TB_CHANGE_DISABLED, false));
}

static void init_auth(struct fixture *f, struct key_folder *folder,
		      struct tb_keys **ret_keys)
{
	key_folder_init(folder);
	MUST(tb_keys_open(folder->path, ret_keys));
	MUST(tb_auth_create(f->ic.core, *ret_keys, &tb_auth_default_options,
			    &f->resources->auth));
}

static void fini_auth(struct fixture *f, struct key_folder *folder,
		      struct tb_keys *keys)
{
	tb_auth_destroy(f->resources->auth);
	tb_keys_destroy(keys);
	key_folder_fini(folder);
}

static void test_an_old_principal_is_what_the_account_is(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_query query = query_of(f, "appointments", NULL, 10);
	struct key_folder folder;
	struct tb_follow_page page;
	struct tb_keys *keys;

	init_auth(f, &folder, &keys);
	fixture_put(f, DOCTORS, "8", "{}");
	put_appointment(f, "1", 1, 8);
	query.principal = add_account(f, "doctor");
	MUST(tb_resources_follow(f->resources, &query, &page));
	query.after = page.cursor;
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_false(tb_resources_follow_peek(f->resources, &query));
	/* Another account changes: nothing is lost, and once it was looked up
	 * memory knows again. */
	inline_core_add_org(&f->ic, "two");
	put_appointment(f, "2", 1, 9);
	assert_false(tb_resources_follow_peek(f->resources, &query));
	MUST(tb_directory_add_store(f->ic.core, &f->ic.note, f->org,
				    TB_STR("s"), TB_STR_NONE));
	change_account(f, "5f1c", "doctor");
	assert_true(tb_resources_follow_peek(f->resources, &query));
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 0);
	query.after = page.cursor;
	assert_false(tb_resources_follow_peek(f->resources, &query));
	put_appointment(f, "3", 1, 8);
	assert_true(tb_resources_follow_peek(f->resources, &query));
	/* A doctor does not see what staff sees. */
	change_account(f, "5f1c", "staff");
	assert_true(tb_resources_follow_peek(f->resources, &query));
	assert_int_equal(tb_resources_follow(f->resources, &query, &page),
			 TB_ERR_RESYNC);
	query.after = TB_STR_NONE;
	MUST(tb_resources_follow(f->resources, &query, &page));
	query.after = page.cursor;
	put_appointment(f, "4", 1, 9);
	MUST(tb_resources_follow(f->resources, &query, &page));
	assert_int_equal(page.n, 1);
	change_account(f, "5f1c", NULL);
	assert_int_equal(tb_resources_follow(f->resources, &query, &page),
			 TB_ERR_UNAUTHENTICATED);
	tb_principal_unref(query.principal);
	fini_auth(f, &folder, keys);
}

/* ---- from memory ---- */

/* Who follows what nobody has made yet. */
static void test_who_sees_nothing_yet_need_not_read_for_it(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;
	const char *cursor;

	fixture_put(f, DOCTORS, "8", "{}");
	put_appointment(f, "1", 1, 9);
	fixture_become(f, "doctor", "8");
	cursor = stand(f, "appointments");
	assert_true(peek(f, "appointments", cursor));
	MUST(follow(f, "appointments", cursor, 1, &page));
	assert_false(peek(f, "appointments", cursor));
	put_appointment(f, "1", 1, 9);
	fixture_delete(f, APPOINTMENTS, "1");
	assert_false(peek(f, "appointments", cursor));
	put_appointment(f, "2", 1, 8);
	assert_true(peek(f, "appointments", cursor));
	MUST(follow(f, "appointments", cursor, 1, &page));
	assert_int_equal(page.n, 1);
}

static void test_who_is_not_there_yet_is_looked_for(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;
	const char *cursor;

	fixture_put(f, DOCTORS, "8", "{}");
	put_appointment(f, "1", 1, 8);
	/* Of a doctor who has a key, and no id. */
	fixture_put(f, APPOINTMENTS, "2", "{\"doctor_id\":\"d-7\"}");
	fixture_become(f, "doctor", "77");
	cursor = stand(f, "appointments");
	MUST(follow(f, "appointments", cursor, 1, &page));
	fixture_write(f, DOCTORS, "d-7", "{}", 77);
	assert_true(peek(f, "appointments", cursor));
	assert_int_equal(follow(f, "appointments", cursor, 1, &page),
			 TB_ERR_RESYNC);
	cursor = stand(f, "appointments");
	fixture_put(f, APPOINTMENTS, "2", "{\"doctor_id\":\"d-7\",\"x\":1}");
	MUST(follow(f, "appointments", cursor, 1, &page));
	assert_int_equal(page.n, 1);
}

#define MANY 10000

static enum tb_err many_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_put put = { .key = TB_STR("many"), .body = TB_STR("{}") };
	const struct tb_record *record;
	enum tb_err err = tb_view_name(view, TB_COLL_COLLECTION, TB_STR("many"),
				       &put.coll);

	(void)commit;
	for (unsigned i = 0; !err && i < MANY; i++)
		err = tb_view_put(view, &put, &record);
	return err;
}

/* Many changes of the org that no collection shows. */
static void change_many(struct fixture *f)
{
	static const struct tb_commit_kind kind = { .name = "test",
						    .decide = many_decide };
	struct tb_commit commit = { .kind = &kind, .org = f->org, .weight = 1 };

	MUST(tb_core_commit(f->ic.core, &commit));
}

static void test_who_is_idle_gets_a_new_cursor_some_day(void **state)
{
	struct fixture *f = *state;
	struct tb_follow_page page;
	const char *after;
	unsigned n = 0;

	fixture_put(f, NOTES, "a", "{}");
	after = stand(f, "notes");
	MUST(follow(f, "notes", after, 1, &page));
	for (; !peek(f, "notes", after); n++)
		change_many(f);
	assert_in_range(n, 2, 20);
	MUST(follow(f, "notes", after, 1, &page));
	assert_int_equal(page.n, 0);
	assert_string_equal(copy(page.cursor), stand(f, "notes"));
	assert_false(peek(f, "notes", copy(page.cursor)));
}

/* ---- what fails ---- */

/* Another one, who sees the same. */
static void forget(void *ctx)
{
	((struct fixture *)ctx)->principal.rid++;
}

static void test_whatever_fails_is_an_error(void **state)
{
	static const struct {
		const char *collection;
		const char *role;
	} asks[] = {
		{ "appointments", "staff" },
		{ "patients", "doctor" },
		{ "pharmacy-stock", "staff" },
	};
	struct fixture *f = *state;
	const char *cursor;

	fixture_put(f, DOCTORS, "8", "{}");
	cursor = stand(f, "appointments");
	fixture_put(f, PATIENTS, "1", "{}");
	put_appointment(f, "1", 1, 8);
	put_appointment(f, "2", 1, 8);
	fixture_delete(f, APPOINTMENTS, "2");
	fixture_write(f, PHARMACIES, "x", "{\"name\":\"n\"}", 5);
	fixture_put(f, STOCK, "1", "{\"pharmacy_id\":\"x\"}");
	for (size_t i = 0; i < TB_ARRAY_LEN(asks); i++) {
		struct follow_torture torture = {
			.follow = tb_resources_follow,
			.state = f->resources,
			.query = query_of(f, asks[i].collection, cursor, 10),
			.store = f->ic.store,
			.forget = forget,
			.ctx = f,
		};

		fixture_become(f, asks[i].role, "8");
		follow_torture(&torture);
	}
}

/* ---- the model ---- */

struct held {
	char id[16];
	char data[TEXT_MAX_BYTES];
};

struct client {
	const char *collection;
	const char *role;
	const char *profile;
	uint64_t rid;
	bool has_begun;
	char cursor[TB_RESOURCES_CURSOR_MAX_BYTES + 1];
	struct held holds[KEYS];
	size_t n;
};

static const struct client kinds[] = {
	{ .collection = "appointments", .role = "staff", .profile = "" },
	{ .collection = "appointments", .role = "doctor", .profile = "1" },
	/* By two rules: as the patient, and as the doctor. */
	{ .collection = "appointments", .role = "patient", .profile = "2" },
	/* Through appointments, which come and go. */
	{ .collection = "patients", .role = "doctor", .profile = "1" },
	{ .collection = "patients", .role = "patient", .profile = "3" },
	{ .collection = "notes", .role = "other", .profile = "" },
};
#define KINDS TB_ARRAY_LEN(kinds)

struct world {
	struct fixture f;
	uint32_t random;
	struct client clients[KINDS];
	size_t n_silent; /* times when memory told that nothing is new */
};

static unsigned pick(struct world *w, unsigned n)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 16) % n;
}

static void change(struct world *w)
{
	static const unsigned of[] = { APPOINTMENTS, APPOINTMENTS, APPOINTMENTS,
				       PATIENTS, NOTES };
	unsigned collection = of[pick(w, TB_ARRAY_LEN(of))];
	unsigned max = collection == PATIENTS ? PEOPLE_MAX : KEYS;
	unsigned i = pick(w, max) + 1;
	char key[16], body[160];

	snprintf(key, sizeof(key), "%u", i);
	if (pick(w, 4) == 0) {
		fixture_delete(&w->f, collection, key);
		return;
	}
	snprintf(body, sizeof(body),
		 collection == NOTES ? "{\"text\":\"%u\"}"
				     : "{\"patient_id\":%u,\"doctor_id\":%u}",
		 pick(w, PEOPLE_MAX) + 1, pick(w, PEOPLE_MAX) + 1);
	fixture_put(&w->f, collection, key, body);
}

static void become(struct world *w, const struct client *client)
{
	w->f.role = tb_str_z(client->role);
	w->f.principal.profile = tb_str_z(client->profile);
	w->f.principal.rid = client->rid;
}

/* Puts, replaces, or takes away where `data` is absent. */
static void hold(struct client *client, struct tb_str id,
		 struct tb_json_value data)
{
	struct held *held = client->holds;
	struct held *end = held + client->n;

	while (held < end && !tb_str_eq(tb_str_z(held->id), id))
		held++;
	if (tb_json_is_absent(data)) {
		if (held < end)
			*held = client->holds[--client->n];
		return;
	}
	if (held == end) {
		assert_in_range(++client->n, 1, KEYS);
		snprintf(held->id, sizeof(held->id), "%.*s", TB_STR_ARG(id));
	}
	snprintf(held->data, sizeof(held->data), "%.*s",
		 TB_STR_ARG(tb_json_raw(data)));
}

static struct tb_json *parse(struct world *w, const char *text)
{
	struct tb_json *json =
		tb_arena_alloc(w->f.ic.arena, sizeof(struct tb_json));

	assert_non_null(json);
	MUST(tb_json_parse(w->f.ic.arena, tb_str_z(text), NULL, json, NULL));
	return json;
}

static void apply(struct world *w, struct client *client, struct tb_str change)
{
	struct tb_str text;
	struct tb_json_value root, data, id;

	MUST(tb_arena_printf(w->f.ic.arena, &text, "{%.*s}",
			     TB_STR_ARG(change)));
	fixture_round(text);
	root = tb_json_root(parse(w, text.p));
	id = tb_json_get(root, TB_STR("id"));
	data = tb_json_get(root, TB_STR("data"));
	assert_true(tb_json_is_absent(data) !=
		    tb_json_is_absent(tb_json_get(root, TB_STR("deleted"))));
	if (!tb_json_is_absent(data))
		assert_true(tb_str_eq(
			tb_json_raw(id),
			tb_json_raw(tb_json_get(data, TB_STR("id")))));
	hold(client, tb_json_raw(id), data);
}

/* A fresh download into another client's hands. */
static void download(struct world *w, struct client *client, const char *query)
{
	struct tb_json_iter it;

	it = tb_json_iter(tb_json_root(
		parse(w, fixture_list(&w->f, client->collection, query))));
	assert_int_equal(w->f.res.status, 200);
	while (tb_json_next(&it)) {
		struct tb_json_value id = tb_json_get(it.value, TB_STR("id"));
		bool is_gone = !tb_json_is_absent(
			tb_json_get(it.value, TB_STR("deleted")));

		hold(client, tb_json_raw(id),
		     is_gone ? TB_JSON_ABSENT : it.value);
	}
}

static const struct held *find(const struct client *client, const char *id)
{
	for (size_t i = 0; i < client->n; i++)
		if (strcmp(client->holds[i].id, id) == 0)
			return &client->holds[i];
	return NULL;
}

static void assert_holds(struct world *w, const struct client *client)
{
	struct client fresh = *client;

	fresh.n = 0;
	download(w, &fresh, NULL);
	assert_int_equal(client->n, fresh.n);
	for (size_t i = 0; i < fresh.n; i++) {
		const struct held *held = find(client, fresh.holds[i].id);

		assert_non_null(held);
		assert_string_equal(held->data, fresh.holds[i].data);
	}
}

static void keep_cursor(struct client *client, struct tb_str cursor)
{
	snprintf(client->cursor, sizeof(client->cursor), "%.*s",
		 TB_STR_ARG(cursor));
}

/* The next page's `after` stands in the header Link; empty: there is none. */
static struct tb_str next_of(struct fixture *f)
{
	struct tb_str link = fixture_header(f, "Link");
	const char *at = link.p ? strstr(link.p, "after=") : NULL;

	at = at ? at + strlen("after=") : "";
	return tb_str(at, strcspn(at, ">"));
}

static void keep_last_sync(struct world *w, struct client *client)
{
	keep_cursor(client, fixture_header(&w->f, "X-Last-Sync"));
}

/* Begins with a download: whole, and goes on from its time; or a page of it,
 * and goes on from that one's cursor. */
static void begin(struct world *w, struct client *client)
{
	client->n = 0;
	client->has_begun = true;
	download(w, client, pick(w, 2) ? "limit=2" : NULL);
	if (next_of(&w->f).n > 0)
		keep_cursor(client, next_of(&w->f));
	else
		keep_last_sync(w, client);
}

/* A page, of which the last changes may be lost. */
static bool follow_page(struct world *w, struct client *client)
{
	struct fixture *f = &w->f;
	struct tb_follow_query query =
		query_of(f, client->collection, client->cursor, 1 + pick(w, 4));
	bool may_have = tb_resources_follow_peek(f->resources, &query);
	struct tb_follow_page page;
	size_t n, bytes = 0;

	query.max_bytes = 1 + pick(w, 1000);
	MUST(tb_resources_follow(f->resources, &query, &page));
	if (!may_have)
		assert_true(page.n == 0 && !page.has_more);
	w->n_silent += !may_have;
	assert_true(page.n <= query.limit);
	n = page.n && pick(w, 4) == 0 ? 1 + pick(w, (unsigned)page.n) : page.n;
	for (size_t i = 0; i < n; i++)
		apply(w, client, page.changes[i]);
	for (size_t i = 0; i < page.n; i++)
		bytes += page.changes[i].n + page.cursors[i].n;
	assert_true(page.n == 1 || bytes <= query.max_bytes);
	keep_cursor(client, n < page.n ? page.cursors[n - 1] : page.cursor);
	return page.has_more || n < page.n;
}

/* Goes on by download from where following has come. */
static void go_back(struct world *w, struct client *client)
{
	char query[TEXT_MAX_BYTES];

	snprintf(query, sizeof(query), "limit=1000&deleted=1&after=%s",
		 client->cursor);
	download(w, client, query);
	assert_int_equal(next_of(&w->f).n, 0);
	keep_last_sync(w, client);
}

static void catch_up(struct world *w, struct client *client)
{
	become(w, client);
	if (!client->has_begun)
		begin(w, client);
	while (follow_page(w, client))
		if (pick(w, 2))
			change(w);
	if (pick(w, 8) == 0)
		go_back(w, client);
	else
		assert_false(follow_page(w, client));
	assert_holds(w, client);
}

static void run(uint32_t seed)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.random = seed;
	fixture_init(&w.f);
	memcpy(w.clients, kinds, sizeof(kinds));
	for (size_t i = 0; i < KINDS; i++)
		w.clients[i].rid = 100 + i;
	for (unsigned i = 0; i < 4 * KEYS; i++)
		change(&w);
	for (unsigned step = 0; step < STEPS; step++) {
		struct client *client = &w.clients[pick(&w, KINDS)];

		change(&w);
		if (step % 50 == 49)
			client->has_begun = false;
		catch_up(&w, client);
		tb_arena_reset(w.f.ic.arena);
	}
	/* Most of the times when there is nothing it is known. */
	assert_true(w.n_silent > STEPS / 2);
	fixture_fini(&w.f);
}

static void test_who_follows_holds_what_a_download_shows(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++)
		run(seed);
}

/* ---- all of them ---- */

static int setup(void **state)
{
	static struct fixture f;

	fixture_init(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_change_is_as_in_a_download),
		TEST(test_an_id_is_as_it_is_written),
		TEST(test_sight_comes_and_goes),
		TEST(test_a_page_is_bounded),
		TEST(test_what_cannot_be_followed),
		TEST(test_cursors_that_are_none),
		TEST(test_a_cursor_of_another_store_starts_over),
		TEST(test_who_missed_a_dropped_deletion_starts_over),
		TEST(test_who_sees_otherwise_since_starts_over),
		TEST(test_an_old_principal_is_what_the_account_is),
		TEST(test_who_sees_nothing_yet_need_not_read_for_it),
		TEST(test_who_is_not_there_yet_is_looked_for),
		TEST(test_whatever_fails_is_an_error),
		TEST(test_who_is_idle_gets_a_new_cursor_some_day),
		cmocka_unit_test(test_who_follows_holds_what_a_download_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
