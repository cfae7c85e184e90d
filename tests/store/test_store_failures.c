/*
 * What fails on purpose: each call of a store, and each allocation that an
 * engine makes itself. Whatever fails, the caller is told, nothing of its
 * change is there, and the next attempt succeeds.
 */
#include "fixture.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "store/fail/fail.h"

#define SCOPE tb_rid(1, 65)

static const char *const engines[] = { "memory", "sqlite" };

/* Reads of every kind; the first error. NOT_FOUND is none here. */
static enum tb_err read_all(struct fixture *f, struct tb_tx *tx,
			    struct tb_arena *arena)
{
	const struct tb_feed_query query = { .scope = SCOPE,
					     .until = UINT64_MAX,
					     .limit = UINT64_MAX,
					     .with_records = true,
					     .with_entries = true };
	struct tb_key key = { .org = 1,
			      .coll = FIXTURE_COLL,
			      .key = TB_STR("a") };
	struct tb_record *record;
	struct tb_audit_row audit;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_org org;
	uint64_t child;
	size_t n;
	enum tb_err err = f->ops->org_get(tx, 1, &org);

	if (err == TB_OK)
		err = f->ops->org_next(tx, 0, &org);
	if (err == TB_OK)
		err = f->ops->find(tx, arena, &key, 1, &record);
	if (err == TB_OK)
		err = f->ops->children(tx, 1, FIXTURE_COLL, TB_STR("p"), 0,
				       &child, 1, &n);
	if (err == TB_OK)
		err = f->ops->audit_next(tx, arena, 1, 0, &audit);
	if (err == TB_ERR_NOT_FOUND)
		err = TB_OK;
	if (err == TB_OK)
		err = f->ops->feed_open(tx, &query, &cursor);
	if (err != TB_OK)
		return err;
	do
		err = f->ops->feed_next(cursor, &row);
	while (err == TB_OK);
	f->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err write_all(struct fixture *f, struct tb_tx *tx)
{
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_entry later = fixture_entry(SCOPE, 91);
	struct tb_record a = fixture_record(tb_rid(1, 90), "a", "1", &e, 1);
	struct tb_record b = fixture_record(tb_rid(1, 90), "a", "2", &later, 1);
	struct tb_org org = fixture_org(1);
	struct tb_op ops[] = {
		fixture_put(&a, NULL),
		fixture_put(&b, &a),
		fixture_link(TB_OP_LINK, 1, "p", a.rid),
		fixture_audit(1, 1, "row", "detail"),
		fixture_put_org(&org),
	};

	org.audit_n = 1;
	memset(org.audit_hash, 1, sizeof(org.audit_hash));
	return f->ops->apply(tx, ops, TB_ARRAY_LEN(ops));
}

/* Writes something of everything and reads it back. */
static enum tb_err work(struct fixture *f, struct tb_arena *arena)
{
	struct tb_tx *tx;
	enum tb_err err = f->ops->begin(f->store, TB_TX_WRITE, &tx);

	if (err != TB_OK)
		return err;
	err = read_all(f, tx, arena);
	if (err == TB_OK)
		err = write_all(f, tx);
	if (err != TB_OK) {
		f->ops->rollback(tx);
		return err;
	}
	err = f->ops->commit(tx);
	if (err != TB_OK)
		return err;
	err = f->ops->begin(f->store, TB_TX_READ, &tx);
	if (err != TB_OK)
		return err;
	err = read_all(f, tx, arena);
	f->ops->rollback(tx);
	return err;
}

/* Takes away what `work` made, so that it can run again. */
static void undo_work(struct fixture *f)
{
	struct tb_entry later = fixture_entry(SCOPE, 91);
	struct tb_record b = fixture_record(tb_rid(1, 90), "a", "2", &later, 1);
	struct tb_org org = fixture_org(1);
	struct tb_op ops[] = {
		fixture_remove(&b),
		fixture_link(TB_OP_UNLINK, 1, "p", b.rid),
		fixture_forget(TB_OP_AUDIT_DROP, 1, 1),
		fixture_put_org(&org),
	};

	fixture_apply(f, ops, TB_ARRAY_LEN(ops));
}

/* All of it or nothing. */
static bool work_is_there(struct fixture *f)
{
	struct tb_record *record = fixture_find(f, tb_rid(1, 90));
	size_t rows = fixture_count(f, SCOPE);

	assert_int_equal(rows, record ? 1 : 0);
	assert_int_equal(fixture_broken(f, NULL), 0);
	return record != NULL;
}

/* A fixture whose store is wrapped to fail. */
static void init_failing(struct fixture *f, const char *engine)
{
	struct tb_store *inner;

	fixture_init(f, tb_store_find(tb_str_z(engine)));
	inner = f->store;
	MUST(tb_fail_create(inner, &f->store));
	f->ops = f->store->ops;
	fixture_add_org(f, 1);
}

static void each_call_fails_once_and_leaves_all_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .err = TB_ERR_IO };
		struct fixture f;
		enum tb_err err = TB_ERR_IO;

		init_failing(&f, engines[i]);
		for (plan.first = 1; err != TB_OK; plan.first++) {
			tb_fail_set_plan(f.store, &plan);
			err = work(&f, f.arena);
			tb_fail_set_plan(f.store, NULL);
			assert_true(err == TB_OK || err == TB_ERR_IO);
			if (work_is_there(&f))
				undo_work(&f);
			else
				assert_int_equal(err, TB_ERR_IO);
		}
		/* begin, 7 reads, apply, commit, begin, 8 reads, end. */
		assert_true(plan.first > 15);
		fixture_fini(&f);
	}
}

static void a_chosen_call_fails_as_often_as_planned(void **state)
{
	struct tb_fail_plan plan = {
		.call = TB_FAIL_BEGIN, .first = 2, .last = 3, .err = TB_ERR_BUSY
	};
	struct fixture f;
	struct tb_tx *tx;

	(void)state;
	init_failing(&f, "memory");
	tb_fail_set_plan(f.store, &plan);
	for (uint64_t n = 1; n <= 4; n++) {
		enum tb_err err = f.ops->begin(f.store, TB_TX_READ, &tx);

		assert_int_equal(err, n == 2 || n == 3 ? TB_ERR_BUSY : TB_OK);
		if (err == TB_OK)
			f.ops->rollback(tx);
	}
	assert_int_equal(tb_fail_calls(f.store, TB_FAIL_BEGIN), 4);
	assert_int_equal(tb_fail_calls(f.store, TB_FAIL_COMMIT), 0);
	assert_int_equal(tb_fail_calls(f.store, TB_FAIL_ANY), 4);
	tb_fail_set_plan(f.store, NULL);
	fixture_fini(&f);
}

static void a_commit_that_fails_may_have_happened(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .err = TB_ERR_IO };
	struct fixture f;

	(void)state;
	init_failing(&f, "memory");
	tb_fail_set_plan(f.store, &plan);
	assert_int_equal(work(&f, f.arena), TB_ERR_IO);
	assert_false(work_is_there(&f));
	plan.commit_happens = true;
	tb_fail_set_plan(f.store, &plan);
	assert_int_equal(work(&f, f.arena), TB_ERR_IO);
	assert_true(work_is_there(&f));
	fixture_fini(&f);
}

static void it_is_made_around_a_store_and_not_opened(void **state)
{
	struct fixture f;
	struct tb_store *none = NULL;

	(void)state;
	init_failing(&f, "memory");
	assert_int_equal(f.ops->open(&f.options, &none), TB_ERR_UNSUPPORTED);
	assert_null(none);
	f.ops->close(NULL);
	f.ops->rollback(NULL);
	f.ops->feed_close(NULL);
	fixture_fini(&f);
}

static void each_allocation_fails_once_and_leaves_all_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++) {
		struct fixture f;
		enum tb_err err = TB_ERR_NOMEM;
		uint64_t n;

		fixture_init(&f, tb_store_find(tb_str_z(engines[i])));
		fixture_add_org(&f, 1);
		for (n = 1; err != TB_OK; n++) {
			struct tb_arena *arena = tb_arena_create(1 << 20);

			/* Connections and cursors are made anew, too. */
			if (tb_str_eq(tb_str_z(engines[i]), TB_STR("sqlite")))
				fixture_reopen(&f);
			tb_alloc_fail_at(n);
			err = work(&f, arena);
			tb_alloc_fail_at(0);
			tb_arena_destroy(arena);
			assert_true(err == TB_OK || err == TB_ERR_NOMEM);
			if (work_is_there(&f))
				undo_work(&f);
			else
				assert_int_equal(err, TB_ERR_NOMEM);
		}
		assert_true(n > 5);
		fixture_fini(&f);
	}
}

static void each_allocation_of_opening_fails_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++) {
		struct fixture f;
		enum tb_err err = TB_ERR_NOMEM;
		uint64_t n;

		fixture_init(&f, tb_store_find(tb_str_z(engines[i])));
		for (n = 1; err != TB_OK; n++) {
			f.ops->close(f.store);
			f.store = NULL;
			remove_folder(f.folder);
			tb_alloc_fail_at(n);
			err = f.ops->open(&f.options, &f.store);
			tb_alloc_fail_at(0);
			assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		}
		assert_true(n > 2);
		fixture_fini(&f);
	}
}

static void count_nothing(void *ctx, const char *invariant, uint64_t rid,
			  const char *what)
{
	(void)ctx;
	(void)invariant;
	(void)rid;
	(void)what;
}

static void each_allocation_of_the_check_fails_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++) {
		struct fixture f;
		enum tb_err err = TB_ERR_NOMEM;
		struct tb_tx *tx;

		fixture_init(&f, tb_store_find(tb_str_z(engines[i])));
		fixture_add_org(&f, 1);
		MUST(work(&f, f.arena));
		tx = fixture_begin(&f, TB_TX_READ);
		for (uint64_t n = 1; err != TB_OK; n++) {
			tb_alloc_fail_at(n);
			err = f.ops->check(tx, count_nothing, NULL);
			tb_alloc_fail_at(0);
			assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		}
		f.ops->rollback(tx);
		fixture_fini(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_call_fails_once_and_leaves_all_or_nothing),
		cmocka_unit_test(a_chosen_call_fails_as_often_as_planned),
		cmocka_unit_test(a_commit_that_fails_may_have_happened),
		cmocka_unit_test(it_is_made_around_a_store_and_not_opened),
		cmocka_unit_test(
			each_allocation_fails_once_and_leaves_all_or_nothing),
		cmocka_unit_test(each_allocation_of_opening_fails_once),
		cmocka_unit_test(each_allocation_of_the_check_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
