/*
 * Edits of records by users, on each engine: check and write are one, what
 * loses is in the ledger, what is sent again has one effect; also when a call
 * of the store or an allocation fails.
 */
#include "resource_world.h"

#include "base/alloc.h"

#define DAY_US (24 * 3600 * (int64_t)1000000)

/* ---- making ---- */

static void integers_on(struct resource_world *rw)
{
	struct tb_record a =
		rw_create(rw, VISITS, NULL, "{\"status\":\"NEW\",\"n\":1.50}");
	struct tb_record b = rw_create(rw, VISITS, NULL, "{}");

	assert_int_equal(tb_record_id(&a), 1);
	rw_expect(a.key, "1");
	rw_expect(a.body, "{\"status\":\"NEW\",\"n\":1.50}");
	assert_int_equal(tb_record_id(&b), 2);
	rw_expect(b.key, "2");
	assert_true(b.created_us > a.created_us);
	assert_int_equal(a.created_us, a.updated_us);
	assert_non_null(tb_record_entry(
		&a, tb_scope_known(rw->w.org, TB_SCOPE_CENTRAL)));
	rw_expect_sound(rw);
}

static void test_new_records_get_the_next_integer(void **unused)
{
	(void)unused;
	rw_on_each_engine(integers_on);
}

static void strings_on(struct resource_world *rw)
{
	struct tb_record a = rw_create(rw, NOTES, "n1", "{\"store\":\"s\"}");
	struct tb_org before = rw_org(rw);
	struct tb_org after;
	struct rw_edit edit;

	rw_make(rw, &edit, TB_RESOURCE_CREATE, NOTES, "n1", "{\"a\":1}");
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_EXISTS);
	after = rw_org(rw);
	assert_memory_equal(&before, &after, sizeof(before));
	rw_make(rw, &edit, TB_RESOURCE_DELETE, NOTES, "n1", NULL);
	MUST(rw_commit(rw, &edit));
	assert_true(edit.resource.record.deleted);
	rw_expect(edit.resource.record.body, "{}");
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	rw_make(rw, &edit, TB_RESOURCE_CREATE, NOTES, "n1", "{\"a\":1}");
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.record.rid, a.rid);
	rw_expect(rw_find(rw, NOTES, "n1")->body, "{\"a\":1}");
	rw_expect_sound(rw);
}

static void test_taken_id_is_refused_but_a_deleted_one_is_free(void **unused)
{
	(void)unused;
	rw_on_each_engine(strings_on);
}

static void home_on(struct resource_world *rw)
{
	struct tb_record stored =
		rw_create(rw, NOTES, "n1", "{\"store\":\"s\"}");
	struct tb_record kept = rw_create(rw, NOTES, "n2", "{}");
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	const struct tb_entry *entry;
	uint64_t scope = 0;

	MUST(tb_core_name_rid(rw->core, tx, rw->w.org, TB_COLL_SCOPE,
			      TB_STR("store/s"), &scope));
	entry = tb_record_entry(&stored, scope);
	assert_non_null(entry);
	assert_true(entry->flags & TB_ENTRY_HOME);
	MUST(tb_core_name_rid(rw->core, tx, rw->w.org, TB_COLL_SCOPE,
			      TB_STR("site/0"), &scope));
	entry = tb_record_entry(&kept, scope);
	assert_non_null(entry);
	assert_true(entry->flags & TB_ENTRY_HOME);
	tb_core_read_end(tx);
}

static void test_record_without_a_store_stays_at_the_centre(void **unused)
{
	(void)unused;
	rw_on_each_engine(home_on);
}

/* ---- sync_update ---- */

static void synced_on(struct resource_world *rw)
{
	struct tb_record made =
		rw_create(rw, VISITS, NULL,
			  "{\"x\":[ 1 ],\"status\":\"NEW\",\"n\":1.50}");
	struct rw_edit edit =
		rw_sync(rw, "1", made.updated_us, "{\"status\":\"DONE\"}");
	uint64_t commits = rw_org(rw).commits;
	static const char body[] =
		"{\"x\":[ 1 ],\"status\":\"DONE\",\"n\":1.50}";
	struct tb_record *now;

	assert_int_equal(made.synced_us, 0);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	assert_int_equal(rw_org(rw).commits, commits + 1);
	now = rw_find(rw, VISITS, "1");
	assert_true(now->updated_us >= made.updated_us + 1000);
	assert_int_equal(now->version, edit.resource.record.version);
	assert_int_equal(now->synced_us, now->updated_us);
	assert_int_equal(edit.resource.record.synced_us, now->updated_us);
	rw_expect(now->body, body);
	rw_expect(edit.resource.record.body, body);
	rw_expect(edit.resource.commit.note.detail,
		  "\"collection\":\"visits\",\"id\":1");
	rw_expect_sound(rw);
}

static void test_synced_time_is_the_time_of_the_change(void **unused)
{
	(void)unused;
	rw_on_each_engine(synced_on);
}

static void empty_on(struct resource_world *rw)
{
	struct tb_record made = rw_create(rw, VISITS, NULL, "{}");
	struct rw_edit edit = rw_sync(rw, "1", made.updated_us, "{}");

	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	assert_true(edit.resource.record.updated_us > made.updated_us);
}

static void test_edit_without_changes_is_a_change(void **unused)
{
	(void)unused;
	rw_on_each_engine(empty_on);
}

static void stale_on(struct resource_world *rw)
{
	struct tb_record made =
		rw_create(rw, VISITS, NULL, "{\"status\":\"NEW\"}");
	struct rw_edit edit =
		rw_sync(rw, "1", made.updated_us - 1, "{\"status\":\"DONE\"}");
	struct tb_org before = rw_org(rw);
	struct tb_ledger_entry entries[4];

	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_STALE);
	assert_string_equal(edit.resource.commit.note.status, "conflict");
	rw_expect(edit.resource.record.body, "{\"status\":\"NEW\"}");
	assert_int_equal(rw_org(rw).commits, before.commits);
	assert_int_equal(rw_org(rw).audit_n, before.audit_n + 1);
	assert_int_equal(rw_find(rw, VISITS, "1")->version, made.version);
	assert_int_equal(rw_ledger(rw, entries, 4), 1);
	rw_expect(entries[0].table, "visits");
	rw_expect(entries[0].record, "1");
	assert_int_equal(entries[0].number, 1);
	rw_expect(entries[0].by, "user/anna");
	rw_expect(entries[0].base, "\"then\"");
	rw_expect(entries[0].resolution, "rejected");
	rw_expect(entries[0].server, "{\"status\":\"NEW\"}");
	rw_expect(entries[0].client, "{\"status\":\"DONE\"}");
	assert_null(entries[0].resolved_by.p);
	assert_int_equal(entries[0].detected_us, rw->w.ic.now_us);
	/* Sent again it is no second conflict, and no row. */
	before = rw_org(rw);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_STALE);
	assert_int_equal(rw_org(rw).audit_n, before.audit_n);
	assert_int_equal(rw_ledger(rw, entries, 4), 1);
	edit = rw_sync(rw, "1", made.updated_us - 1, "{}");
	MUST(rw_commit(rw, &edit));
	assert_int_equal(rw_ledger(rw, entries, 4), 2);
	assert_true(entries[0].id < entries[1].id);
	rw_expect_sound(rw);
}

static void test_stale_edit_is_kept_once_and_changes_nothing(void **unused)
{
	(void)unused;
	rw_on_each_engine(stale_on);
}

/* "A base with at most three decimals is compared to the millisecond." */
static void test_base_in_milliseconds_is_compared_so(void **unused)
{
	struct resource_world rw;
	struct tb_record made;
	struct rw_edit edit;
	int64_t ms;

	(void)unused;
	rw_init(&rw, &tb_store_memory);
	rw.w.ic.now_us += 10000999;
	made = rw_create(&rw, VISITS, NULL, "{}");
	ms = made.updated_us / 1000 * 1000;
	assert_true(ms < made.updated_us);
	edit = rw_sync(&rw, "1", ms, "{}");
	MUST(rw_commit(&rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_STALE);
	edit = rw_sync(&rw, "1", ms - 1, "{}");
	edit.resource.base.is_ms = true;
	MUST(rw_commit(&rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_STALE);
	edit = rw_sync(&rw, "1", ms, "{}");
	edit.resource.base.is_ms = true;
	MUST(rw_commit(&rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	edit = rw_sync(&rw, "1", 0, "{\"a\":1}");
	edit.resource.base.is_given = false;
	MUST(rw_commit(&rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	rw_fini(&rw);
}

static void repeated_on(struct resource_world *rw)
{
	struct tb_record made = rw_create(rw, VISITS, NULL, "{}");
	struct rw_edit edit =
		rw_sync(rw, "1", made.updated_us, "{\"status\":\"DONE\"}");
	struct rw_edit other =
		rw_sync(rw, "1", made.updated_us, "{\"status\":\"NEW\"}");
	struct rw_edit patch;
	struct tb_org before;
	struct tb_org after;

	MUST(rw_commit(rw, &edit));
	before = rw_org(rw);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_REPEATED);
	after = rw_org(rw);
	assert_memory_equal(&before, &after, sizeof(before));
	MUST(rw_commit(rw, &other));
	assert_int_equal(other.resource.outcome, TB_RESOURCE_STALE);
	other = edit;
	other.resource.by = TB_STR("user/berta");
	MUST(rw_commit(rw, &other));
	assert_int_equal(other.resource.outcome, TB_RESOURCE_STALE);
	/* Still the record's last one. */
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_REPEATED);
	rw_make(rw, &patch, TB_RESOURCE_PATCH, VISITS, "1", "{\"a\":1}");
	MUST(rw_commit(rw, &patch));
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_STALE);
}

static void test_same_edit_again_is_no_conflict_with_itself(void **unused)
{
	(void)unused;
	rw_on_each_engine(repeated_on);
}

static void race_on(struct resource_world *rw)
{
	enum {
		N = 100
	};
	struct tb_record made = rw_create(rw, VISITS, NULL, "{\"n\":0}");
	static struct rw_edit edits[N];
	struct tb_commit *commits[N];
	struct tb_ledger_entry entries[N];
	size_t n_won = 0;

	for (size_t i = 0; i < N; i++) {
		struct tb_str changes;

		MUST(tb_arena_printf(rw->w.ic.arena, &changes, "{\"n\":%zu}",
				     i + 1));
		edits[i] = rw_sync(rw, "1", made.updated_us, changes.p);
		edits[i].resource.sight = &edits[i].sight;
		edits[i].resource.commit.declaration = &rw->declaration;
		commits[i] = &edits[i].resource.commit;
	}
	MUST(tb_group_run(rw->w.ic.store, commits, N, rw->w.ic.now_us,
			  rw_publish, rw));
	for (size_t i = 0; i < N; i++) {
		MUST(commits[i]->err);
		n_won += edits[i].resource.outcome == TB_RESOURCE_DONE;
	}
	assert_int_equal(n_won, 1);
	assert_int_equal(edits[0].resource.outcome, TB_RESOURCE_DONE);
	assert_int_equal(edits[1].resource.outcome, TB_RESOURCE_STALE);
	assert_int_equal(rw_ledger(rw, entries, N), N - 1);
	rw_expect_sound(rw);
}

static void test_of_many_edits_from_one_base_one_wins(void **unused)
{
	(void)unused;
	rw_on_each_engine(race_on);
}

/* ---- who and whether ---- */

static void sight_on(struct resource_world *rw)
{
	struct rw_edit edit;

	(void)rw_create(rw, VISITS, NULL, "{\"doctor\":\"d1\"}");
	rw_make(rw, &edit, TB_RESOURCE_PATCH, VISITS, "1", "{\"a\":1}");
	rw_look(rw, VISITS, "doctor", "d2", &edit.sight);
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	rw_look(rw, VISITS, "patient", "d1", &edit.sight);
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	rw_look(rw, VISITS, "doctor", "d1", &edit.sight);
	MUST(rw_commit(rw, &edit));
	/* It gives the record away, and sees it no more. */
	rw_make(rw, &edit, TB_RESOURCE_PATCH, VISITS, "1",
		"{\"doctor\":\"d2\"}");
	rw_look(rw, VISITS, "doctor", "d1", &edit.sight);
	MUST(rw_commit(rw, &edit));
	rw_expect(edit.resource.record.body, "{\"doctor\":\"d2\",\"a\":1}");
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	rw_make(rw, &edit, TB_RESOURCE_PATCH, VISITS, "7", "{\"a\":1}");
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	rw_make(rw, &edit, TB_RESOURCE_PATCH, PEOPLE, "7", "{\"a\":1}");
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	rw_expect_sound(rw);
}

static void test_what_is_not_seen_is_not_there(void **unused)
{
	(void)unused;
	rw_on_each_engine(sight_on);
}

static void match_on(struct resource_world *rw)
{
	struct tb_record made = rw_create(rw, VISITS, NULL, "{}");
	struct tb_seen seen = { .num = 0 };
	struct rw_edit edit;
	struct tb_org before;
	struct tb_org after;

	rw_make(rw, &edit, TB_RESOURCE_PATCH, VISITS, "1", "{\"a\":1}");
	assert_true(tb_sight_of(&edit.sight, &made, &seen));
	edit.resource.expected = seen.num;
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	before = rw_org(rw);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_NO_MATCH);
	rw_make(rw, &edit, TB_RESOURCE_DELETE, VISITS, "1", NULL);
	edit.resource.expected = seen.num;
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_NO_MATCH);
	after = rw_org(rw);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_false(rw_find(rw, VISITS, "1")->deleted);
}

static void test_another_state_than_expected_is_left_alone(void **unused)
{
	(void)unused;
	rw_on_each_engine(match_on);
}

/* ---- named requests ---- */

static void name_request(struct rw_edit *edit, const char *key,
			 const char *body)
{
	edit->named =
		(struct tb_named_request) { tb_str_z(key), tb_str_z(body) };
	edit->resource.named = &edit->named;
}

static void named_on(struct resource_world *rw)
{
	struct rw_edit edit;
	struct tb_org before;
	struct tb_org after;
	size_t n;

	rw_make(rw, &edit, TB_RESOURCE_CREATE, VISITS, NULL, "{\"a\":1}");
	name_request(&edit, "k1", "b1");
	MUST(rw_commit(rw, &edit));
	before = rw_org(rw);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_REPEATED);
	rw_expect(edit.resource.record.key, "1");
	name_request(&edit, "k1", "b2");
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_USED);
	after = rw_org(rw);
	assert_memory_equal(&before, &after, sizeof(before));
	name_request(&edit, "k2", "b1");
	MUST(rw_commit(rw, &edit));
	rw_expect(edit.resource.record.key, "2");
	MUST(tb_requests_drop_expired(rw->core, rw->w.org, &n));
	assert_int_equal(n, 0);
	rw->w.ic.now_us += DAY_US - 1000;
	name_request(&edit, "k1", "b1");
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_REPEATED);
	rw->w.ic.now_us += 2000000;
	name_request(&edit, "k1", "b2");
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	rw_expect(edit.resource.record.key, "3");
	/* k1 is young again, k2 is not. */
	MUST(tb_requests_drop_expired(rw->core, rw->w.org, &n));
	assert_int_equal(n, 1);
	MUST(tb_requests_drop_expired(rw->core, rw->w.org, &n));
	assert_int_equal(n, 0);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_REPEATED);
	rw_expect_sound(rw);
}

static void test_named_request_makes_one_record_in_a_day(void **unused)
{
	(void)unused;
	rw_on_each_engine(named_on);
}

static void gone_on(struct resource_world *rw)
{
	struct rw_edit edit;
	struct rw_edit change;

	rw_make(rw, &edit, TB_RESOURCE_CREATE, VISITS, NULL, "{\"a\":1}");
	name_request(&edit, "k1", "b1");
	edit.sight.n = 0; /* who made it need not see it */
	MUST(rw_commit(rw, &edit));
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_REPEATED);
	rw_make(rw, &change, TB_RESOURCE_PATCH, VISITS, "1", "{\"a\":2}");
	MUST(rw_commit(rw, &change));
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
	edit.sight = change.sight;
	MUST(rw_commit(rw, &edit));
	rw_expect(edit.resource.record.body, "{\"a\":2}");
	rw_make(rw, &change, TB_RESOURCE_DELETE, VISITS, "1", NULL);
	MUST(rw_commit(rw, &change));
	assert_int_equal(rw_commit(rw, &edit), TB_ERR_NOT_FOUND);
}

static void test_repeated_request_shows_what_its_caller_may_see(void **unused)
{
	(void)unused;
	rw_on_each_engine(gone_on);
}

/* ---- failures ---- */

/* One run with a failure, and the same requests again; false once the failure
 * is not met any more. */
static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_ledger_entry entries[4];
	struct resource_world rw;
	struct rw_edit create;
	struct rw_edit sync;
	struct rw_edit stale;
	int64_t base_us;
	enum tb_err err;
	bool met;

	rw_init(&rw, ops);
	(void)rw_create(&rw, VISITS, NULL, "{\"status\":\"NEW\"}");
	rw_make(&rw, &create, TB_RESOURCE_CREATE, VISITS, NULL, "{\"b\":1}");
	name_request(&create, "k", "b");
	base_us = rw_find(&rw, VISITS, "1")->updated_us;
	sync = rw_sync(&rw, "1", base_us, "{\"status\":\"DONE\"}");
	stale = rw_sync(&rw, "1", base_us - 1, "{}");
	if (store_call > 0)
		tb_fail_set_plan(rw.w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = rw_commit(&rw, &create);
	if (!err)
		err = rw_commit(&rw, &sync);
	if (!err)
		err = rw_commit(&rw, &stale);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(rw.w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(rw.w.ic.store, NULL);
	assert_true(err == TB_OK || err == TB_ERR_CORRUPT ||
		    err == TB_ERR_NOMEM);
	MUST(rw_commit(&rw, &create));
	MUST(rw_commit(&rw, &sync));
	MUST(rw_commit(&rw, &stale));
	assert_int_equal(stale.resource.outcome, TB_RESOURCE_STALE);
	rw_expect(create.resource.record.key, "2");
	assert_null(rw_find(&rw, VISITS, "3"));
	assert_int_equal(rw_ledger(&rw, entries, 4), 1);
	rw_expect_sound(&rw);
	rw_fini(&rw);
	return met;
}

static void test_nth_store_call_fails(void **unused)
{
	(void)unused;
	world_fail_each_store_call(fail_once);
}

static void test_nth_allocation_fails(void **unused)
{
	(void)unused;
	world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_records_get_the_next_integer),
		cmocka_unit_test(
			test_taken_id_is_refused_but_a_deleted_one_is_free),
		cmocka_unit_test(
			test_record_without_a_store_stays_at_the_centre),
		cmocka_unit_test(test_synced_time_is_the_time_of_the_change),
		cmocka_unit_test(test_edit_without_changes_is_a_change),
		cmocka_unit_test(
			test_stale_edit_is_kept_once_and_changes_nothing),
		cmocka_unit_test(test_base_in_milliseconds_is_compared_so),
		cmocka_unit_test(
			test_same_edit_again_is_no_conflict_with_itself),
		cmocka_unit_test(test_of_many_edits_from_one_base_one_wins),
		cmocka_unit_test(test_what_is_not_seen_is_not_there),
		cmocka_unit_test(
			test_another_state_than_expected_is_left_alone),
		cmocka_unit_test(test_named_request_makes_one_record_in_a_day),
		cmocka_unit_test(
			test_repeated_request_shows_what_its_caller_may_see),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
