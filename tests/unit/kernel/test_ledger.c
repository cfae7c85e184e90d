/*
 * The ledger of conflicts, and settling them, on each engine: entries keep
 * their ids, there is a ceiling, and what was sent can be applied after all;
 * also when a call of the store or an allocation fails.
 */
#include "resource_world.h"

#include "base/alloc.h"
#include "kernel/settle.h"

/* A visit and a stale edit of it; the id of the entry. */
static uint64_t conflict(struct resource_world *rw, const char *changes)
{
	struct tb_record made =
		rw_create(rw, VISITS, NULL, "{\"status\":\"NEW\",\"n\":1.0}");
	struct tb_ledger_entry entries[16];
	struct rw_edit edit =
		rw_sync(rw, made.key.p, made.updated_us - 1, changes);
	size_t n;

	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_STALE);
	n = rw_ledger(rw, entries, 16);
	return entries[n - 1].id;
}

static struct tb_settlement settlement(struct resource_world *rw, uint64_t id,
				       bool takes_client)
{
	return (struct tb_settlement) { .org = rw->w.org,
					.id = id,
					.takes_client = takes_client,
					.note = rw->w.ic.note,
					.arena = rw->w.ic.arena };
}

static struct tb_ledger_entry entry_of(struct resource_world *rw, uint64_t id)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	struct tb_ledger_entry entry;

	MUST(tb_ledger_find(tx, rw->w.ic.arena, rw->w.org, id, &entry));
	tb_core_read_end(tx);
	return entry;
}

static void pages_on(struct resource_world *rw)
{
	uint64_t ids[5];
	struct tb_ledger_entry entries[3];
	struct tb_ledger_entry entry;
	struct tb_tx *tx;
	size_t n = 0;

	for (size_t i = 0; i < 5; i++)
		ids[i] = conflict(rw, "{\"status\":\"DONE\"}");
	tx = inline_core_read(&rw->w.ic);
	MUST(tb_ledger_list(tx, rw->w.ic.arena, rw->w.org, 0, entries, 3, &n));
	assert_int_equal(n, 3);
	assert_int_equal(entries[2].id, ids[2]);
	MUST(tb_ledger_list(tx, rw->w.ic.arena, rw->w.org, ids[2], entries, 3,
			    &n));
	assert_int_equal(n, 2);
	assert_int_equal(entries[1].id, ids[4]);
	MUST(tb_ledger_list(tx, rw->w.ic.arena, rw->w.org, ids[4], entries, 3,
			    &n));
	assert_int_equal(n, 0);
	/* What is no entry's id is none's, even if it is a record's. */
	for (uint64_t id = ids[0] - 2; id < ids[0]; id++)
		assert_int_equal(tb_ledger_find(tx, rw->w.ic.arena, rw->w.org,
						id, &entry),
				 TB_ERR_NOT_FOUND);
	assert_int_equal(
		tb_ledger_find(tx, rw->w.ic.arena, rw->w.org, 0, &entry),
		TB_ERR_NOT_FOUND);
	assert_int_equal(tb_ledger_find(tx, rw->w.ic.arena, rw->w.org,
					UINT64_MAX, &entry),
			 TB_ERR_NOT_FOUND);
	tb_core_read_end(tx);
}

static void test_ledger_is_listed_in_pages(void **unused)
{
	(void)unused;
	rw_on_each_engine(pages_on);
}

static void server_on(struct resource_world *rw)
{
	uint64_t id = conflict(rw, "{\"status\":\"DONE\"}");
	uint64_t other = conflict(rw, "{\"status\":\"DONE\"}");
	struct tb_settlement s = settlement(rw, id, false);
	uint64_t version = rw_find(rw, VISITS, "1")->version;
	struct tb_org before = rw_org(rw);
	struct tb_ledger_entry entry;
	struct tb_ledger_entry entries[4];

	MUST(tb_settle(rw->core, &s));
	entry = entry_of(rw, id);
	rw_expect(entry.resolution, "server");
	rw_expect(entry.resolved_by, "cli");
	assert_int_equal(entry.resolved_us, rw->w.ic.now_us);
	rw_expect(entry.client, "{\"status\":\"DONE\"}");
	assert_int_equal(rw_find(rw, VISITS, "1")->version, version);
	assert_int_equal(rw_org(rw).commits, before.commits);
	assert_int_equal(rw_org(rw).audit_n, before.audit_n + 1);
	/* Its place stays. */
	assert_int_equal(rw_ledger(rw, entries, 4), 2);
	assert_int_equal(entries[0].id, id);
	assert_int_equal(entries[1].id, other);
	s.takes_client = true;
	assert_int_equal(tb_settle(rw->core, &s), TB_ERR_CONFLICT);
	s.id = 1;
	assert_int_equal(tb_settle(rw->core, &s), TB_ERR_NOT_FOUND);
	rw_expect_sound(rw);
}

static void test_taking_the_server_changes_the_entry_alone(void **unused)
{
	(void)unused;
	rw_on_each_engine(server_on);
}

static void client_on(struct resource_world *rw)
{
	uint64_t id = conflict(rw, "{\"status\":\"DONE\",\"m\":2.50}");
	struct tb_settlement s = settlement(rw, id, true);
	struct tb_org before = rw_org(rw);
	struct tb_record *now;

	MUST(tb_settle(rw->core, &s));
	now = rw_find(rw, VISITS, "1");
	rw_expect(now->body, "{\"status\":\"DONE\",\"n\":1.0,\"m\":2.50}");
	assert_int_equal(now->origin, TB_ORIGIN_CENTRE);
	rw_expect(entry_of(rw, id).resolution, "client");
	rw_expect(entry_of(rw, id).server, "{\"status\":\"NEW\",\"n\":1.0}");
	assert_int_equal(rw_org(rw).commits, before.commits + 1);
	assert_int_equal(tb_settle(rw->core, &s), TB_ERR_CONFLICT);
	rw_expect_sound(rw);
}

static void test_taking_the_client_applies_its_edit(void **unused)
{
	(void)unused;
	rw_on_each_engine(client_on);
}

static void unfit_on(struct resource_world *rw)
{
	uint64_t bad = conflict(rw, "{\"status\":\"NONE\"}");
	uint64_t gone = conflict(rw, "{\"status\":\"DONE\"}");
	struct tb_settlement s = settlement(rw, bad, true);
	struct tb_org before;
	struct tb_org after;
	struct rw_edit edit;

	rw_make(rw, &edit, TB_RESOURCE_DELETE, VISITS, "2", NULL);
	MUST(rw_commit(rw, &edit));
	before = rw_org(rw);
	assert_int_equal(tb_settle(rw->core, &s), TB_ERR_INVALID);
	assert_true(s.message.n > 0);
	s = settlement(rw, gone, true);
	assert_int_equal(tb_settle(rw->core, &s), TB_ERR_INVALID);
	after = rw_org(rw);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_null(entry_of(rw, gone).resolved_by.p);
	s = settlement(rw, gone, false);
	MUST(tb_settle(rw->core, &s));
}

static void test_what_cannot_be_applied_stays_open(void **unused)
{
	(void)unused;
	rw_on_each_engine(unfit_on);
}

/* ---- entries of sites, and the ceiling ---- */

struct adding {
	struct tb_commit commit;
	struct tb_ledger_entry entry;
	/* What the ledger believes it has; NULL: as is. */
	const char *count;
	const char *bytes;
};

static enum tb_err add_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct adding *adding = (struct adding *)commit;
	enum tb_err err = TB_OK;

	if (adding->count != NULL)
		err = tb_view_put_silent(view, TB_COLL_SETTING,
					 TB_STR("conflicts"),
					 tb_str_z(adding->count));
	if (err == TB_OK && adding->bytes != NULL)
		err = tb_view_put_silent(view, TB_COLL_SETTING,
					 TB_STR("conflict_bytes"),
					 tb_str_z(adding->bytes));
	return err == TB_OK ? tb_ledger_add(view, &adding->entry, 7) : err;
}

static void add_to(struct resource_world *rw, const char *key,
		   const char *count, const char *bytes, struct tb_str client)
{
	static const struct tb_commit_kind kind = { .name = "add",
						    .decide = add_decide };
	struct adding adding = {
		.commit = { .kind = &kind, .org = rw->w.org, .weight = 1 },
		.entry = { .key = tb_str_z(key),
			   .table = TB_STR("visits"),
			   .record = TB_STR("1"),
			   .by = TB_STR("site/7"),
			   .base = TB_STR("12"),
			   .resolution = TB_STR("centre"),
			   .server = TB_STR("{\"a\":1}"),
			   .client = client },
		.count = count,
		.bytes = bytes,
	};

	MUST(tb_core_commit(rw->core, &adding.commit));
}

static void add(struct resource_world *rw, const char *key,
		struct tb_str client)
{
	add_to(rw, key, NULL, NULL, client);
}

static void site_on(struct resource_world *rw)
{
	struct tb_ledger_entry entries[4];
	struct tb_settlement s;

	(void)rw_create(rw, VISITS, NULL, "{\"a\":1}");
	add(rw, "k1", TB_STR("{\"status\":\"DONE\"}"));
	add(rw, "k2", TB_STR_NONE);
	assert_int_equal(rw_ledger(rw, entries, 4), 2);
	rw_expect(entries[0].by, "site/7");
	assert_null(entries[1].client.p);
	/* A site sends whole records. */
	s = settlement(rw, entries[0].id, true);
	MUST(tb_settle(rw->core, &s));
	rw_expect(rw_find(rw, VISITS, "1")->body, "{\"status\":\"DONE\"}");
	s = settlement(rw, entries[1].id, true);
	MUST(tb_settle(rw->core, &s));
	assert_true(rw_find(rw, VISITS, "1")->deleted);
}

static void
test_taking_a_sites_side_makes_the_record_what_it_sent(void **unused)
{
	(void)unused;
	rw_on_each_engine(site_on);
}

static void ceiling_on(struct resource_world *rw)
{
	struct tb_ledger_entry entries[8];
	struct tb_settlement s;

	_Static_assert(TB_LEDGER_MAX == 100000, "the count below");
	(void)rw_create(rw, VISITS, NULL, "{}");
	add(rw, "a", TB_STR("{}"));
	add(rw, "b", TB_STR("{}"));
	add(rw, "c", TB_STR("{}"));
	assert_int_equal(rw_ledger(rw, entries, 8), 3);
	s = settlement(rw, entries[1].id, false);
	MUST(tb_settle(rw->core, &s));
	add_to(rw, "d", "99999", NULL, TB_STR("{}"));
	assert_int_equal(rw_ledger(rw, entries, 8), 4);
	/* First the one that is resolved goes, then the oldest. */
	add(rw, "e", TB_STR("{}"));
	assert_int_equal(rw_ledger(rw, entries, 8), 4);
	rw_expect(entries[0].key, "a");
	rw_expect(entries[1].key, "c");
	add(rw, "f", TB_STR("{}"));
	assert_int_equal(rw_ledger(rw, entries, 8), 4);
	rw_expect(entries[0].key, "c");
	rw_expect(entries[3].key, "f");
	rw_expect_sound(rw);
}

static void test_ledger_has_a_ceiling(void **unused)
{
	(void)unused;
	rw_on_each_engine(ceiling_on);
}

static struct tb_record *find(struct resource_world *rw, struct tb_key key)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	struct tb_record *record = NULL;

	key.org = rw->w.org;
	MUST(tx->store->ops->find(tx, rw->w.ic.arena, &key, 1, &record));
	tb_core_read_end(tx);
	assert_non_null(record);
	return record;
}

/* A JSON text of so many bytes. */
static struct tb_str text_of(char *buf, size_t n)
{
	memset(buf, 'x', n);
	buf[0] = buf[n - 1] = '"';
	return tb_str(buf, n);
}

/* However large entries are, some are read, and those behind them next. */
static void large_on(struct resource_world *rw)
{
	size_t size = TB_LEDGER_LIST_BYTES;
	struct tb_ledger_entry entries[8];
	struct tb_arena *arena = tb_arena_create(16 * size);
	char *text = tb_malloc(size);
	struct tb_tx *tx;
	size_t n;

	assert_non_null(arena);
	assert_non_null(text);
	(void)rw_create(rw, VISITS, NULL, "{}");
	add(rw, "a", TB_STR("{}"));
	add(rw, "b", text_of(text, size));
	add(rw, "c", text_of(text, size));
	tx = inline_core_read(&rw->w.ic);
	MUST(tb_ledger_list(tx, arena, rw->w.org, 0, entries, 8, &n));
	assert_int_equal(n, 2);
	rw_expect(entries[1].key, "b");
	MUST(tb_ledger_list(tx, arena, rw->w.org, entries[1].id, entries, 8,
			    &n));
	assert_int_equal(n, 1);
	rw_expect(entries[0].key, "c");
	MUST(tb_ledger_list(tx, arena, rw->w.org, entries[0].id, entries, 8,
			    &n));
	assert_int_equal(n, 0);
	tb_core_read_end(tx);
	tb_free(text);
	tb_arena_destroy(arena);
}

static void test_large_entries_are_listed_in_parts(void **unused)
{
	(void)unused;
	rw_on_each_engine(large_on);
}

static void expect_counter(struct resource_world *rw, const char *name,
			   size_t value)
{
	struct tb_key key = { .coll = TB_COLL_SETTING, .key = tb_str_z(name) };
	char text[24];

	(void)snprintf(text, sizeof(text), "%zu", value);
	rw_expect(find(rw, key)->body, text);
}

/* What is counted is what there is. */
static void expect_counted(struct resource_world *rw)
{
	struct tb_ledger_entry entries[8];
	size_t n = rw_ledger(rw, entries, 8);
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += find(rw,
			      (struct tb_key) {
				      .rid = tb_rid(rw->w.org, entries[i].id) })
				 ->body.n;
	expect_counter(rw, "conflicts", n);
	expect_counter(rw, "conflict_bytes", bytes);
}

static void bytes_on(struct resource_world *rw)
{
	struct tb_ledger_entry entries[8];
	struct tb_settlement s;
	char small[1000], large[1500];

	_Static_assert(TB_LEDGER_BYTES_MAX == 17179869184, "full below");
	(void)rw_create(rw, VISITS, NULL, "{}");
	add(rw, "a", text_of(small, sizeof(small)));
	add(rw, "b", text_of(small, sizeof(small)));
	add(rw, "c", text_of(small, sizeof(small)));
	rw_ledger(rw, entries, 8);
	s = settlement(rw, entries[2].id, false);
	MUST(tb_settle(rw->core, &s));
	expect_counted(rw);
	/* Two go for one that is larger than either, and no more. */
	add_to(rw, "d", NULL, "17179869184", text_of(large, sizeof(large)));
	assert_int_equal(rw_ledger(rw, entries, 8), 2);
	rw_expect(entries[0].key, "b");
	rw_expect(entries[1].key, "d");
	rw_expect_sound(rw);
}

static void test_ledger_has_a_ceiling_of_bytes(void **unused)
{
	(void)unused;
	rw_on_each_engine(bytes_on);
}

/* ---- failures ---- */

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct resource_world rw;
	struct tb_settlement s;
	uint64_t id;
	enum tb_err err;
	bool met;

	rw_init(&rw, ops);
	id = conflict(&rw, "{\"status\":\"DONE\"}");
	s = settlement(&rw, id, true);
	if (store_call > 0)
		tb_fail_set_plan(rw.w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = tb_settle(rw.core, &s);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(rw.w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(rw.w.ic.store, NULL);
	if (err != TB_OK) {
		assert_null(entry_of(&rw, id).resolved_by.p);
		rw_expect(rw_find(&rw, VISITS, "1")->body,
			  "{\"status\":\"NEW\",\"n\":1.0}");
		MUST(tb_settle(rw.core, &s));
	}
	rw_expect(entry_of(&rw, id).resolution, "client");
	rw_expect(rw_find(&rw, VISITS, "1")->body,
		  "{\"status\":\"DONE\",\"n\":1.0}");
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
		cmocka_unit_test(test_ledger_is_listed_in_pages),
		cmocka_unit_test(
			test_taking_the_server_changes_the_entry_alone),
		cmocka_unit_test(test_taking_the_client_applies_its_edit),
		cmocka_unit_test(test_what_cannot_be_applied_stays_open),
		cmocka_unit_test(
			test_taking_a_sites_side_makes_the_record_what_it_sent),
		cmocka_unit_test(test_large_entries_are_listed_in_parts),
		cmocka_unit_test(test_ledger_has_a_ceiling),
		cmocka_unit_test(test_ledger_has_a_ceiling_of_bytes),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
