/*
 * A running store: commits go through its writer or inline, a failed sync ends
 * writing and not reading, and what another process wrote is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "codec/digest.h"
#include "engine/engine.h"
#include "fleet.h"
#include "kernel/commit.h"
#include "kernel/directory.h"
#include "store/fail/fail.h"
#include "store/stores.h"

#define THREADS 8
#define COMMITS 50

/* A memory store that fails by plan, opened as an engine of its own. */
static enum tb_err open_fail(const struct tb_store_options *options,
			     struct tb_store **ret)
{
	struct tb_store *memory;
	enum tb_err err = tb_store_memory.open(options, &memory);

	return err == TB_OK ? tb_fail_create(memory, ret) : err;
}

static struct tb_engine *open_engine(bool writer)
{
	const struct tb_store_ops ops = { .name = "failing",
					  .open = open_fail };
	struct tb_engine_options options = tb_engine_default_options;
	struct tb_engine *engine;

	options.store = &ops;
	options.at.create = true;
	options.declaration = &fleet_declaration;
	options.writer = writer;
	assert_int_equal(tb_digest_init(), TB_OK);
	assert_int_equal(tb_engine_open(&options, &engine), TB_OK);
	assert_int_equal(tb_directory_init(tb_engine_core(engine), 1), TB_OK);
	return engine;
}

static enum tb_err add_org(struct tb_engine *engine, const char *name,
			   uint32_t *ret)
{
	struct tb_audit_note note = { .event_type = "test" };

	return tb_directory_add_org(tb_engine_core(engine), &note,
				    tb_str_z(name), TB_STR("An org"), 7, ret);
}

static void test_a_failed_sync_ends_writing_and_not_reading(void **state)
{
	struct tb_fail_plan plan = {
		.call = TB_FAIL_COMMIT, .first = 1, .last = 1, .err = TB_ERR_IO
	};
	struct tb_heads heads;
	struct tb_tx *tx;

	(void)state;
	for (int writer = 0; writer < 2; writer++) {
		struct tb_engine *engine = open_engine(writer);
		uint32_t org;

		assert_int_equal(add_org(engine, "one", &org), TB_OK);
		assert_true(tb_engine_is_writable(engine));
		assert_true(tb_core_is_writable(tb_engine_core(engine)));
		tb_fail_set_plan(tb_engine_store(engine), &plan);
		assert_int_equal(add_org(engine, "two", &org), TB_ERR_IO);
		assert_false(tb_engine_is_writable(engine));
		assert_false(tb_core_is_writable(tb_engine_core(engine)));
		/* The store is well again, and is not asked. */
		assert_int_equal(add_org(engine, "two", &org), TB_ERR_IO);
		assert_int_equal(
			tb_fail_calls(tb_engine_store(engine), TB_FAIL_COMMIT),
			1);
		assert_int_equal(tb_core_read(tb_engine_core(engine), &tx),
				 TB_OK);
		tb_core_read_end(tx);
		assert_int_equal(
			tb_core_heads(tb_engine_core(engine), org, &heads),
			TB_OK);
		tb_engine_close(engine);
	}
}

static void test_a_full_disk_is_no_end(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_FULL };
	struct tb_engine *engine = open_engine(true);
	uint32_t org;

	(void)state;
	tb_fail_set_plan(tb_engine_store(engine), &plan);
	assert_int_equal(add_org(engine, "one", &org), TB_ERR_FULL);
	assert_true(tb_engine_is_writable(engine));
	assert_int_equal(add_org(engine, "one", &org), TB_OK);
	tb_engine_close(engine);
}

static void test_what_another_process_wrote_is_seen_after_refresh(void **state)
{
	struct tb_engine *engine = open_engine(false);
	struct tb_store *store = tb_engine_store(engine);
	struct tb_org org = {
		.id = 9, .name = "other", .epoch = 5, .head = 70
	};
	struct tb_op op = { .kind = TB_OP_ORG, .org_id = 9, .org = &org };
	struct tb_heads heads;
	struct tb_tx *tx;

	(void)state;
	assert_int_equal(store->ops->begin(store, TB_TX_WRITE, &tx), TB_OK);
	assert_int_equal(store->ops->apply(tx, &op, 1), TB_OK);
	assert_int_equal(store->ops->commit(tx), TB_OK);
	assert_int_equal(tb_core_heads(tb_engine_core(engine), 9, &heads),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(tb_engine_refresh(engine), TB_OK);
	assert_int_equal(tb_core_heads(tb_engine_core(engine), 9, &heads),
			 TB_OK);
	assert_int_equal(heads.head, 70);
	tb_engine_close(engine);
}

/* Heads only rise: a snapshot of a moment ago takes nothing back. */
static void test_older_heads_are_not_published(void **state)
{
	struct tb_engine *engine = open_engine(false);
	struct tb_core *core = tb_engine_core(engine);
	struct tb_org org = { .id = 9, .epoch = 5, .head = 70 };
	struct tb_org older = org;
	struct tb_heads heads;

	(void)state;
	org.floor[TB_DENSE_CENTRAL] = 3;
	assert_int_equal(tb_core_publish(core, &org), TB_OK);
	assert_int_equal(tb_core_publish(core, &older), TB_OK);
	older.head = 60;
	assert_int_equal(tb_core_publish(core, &older), TB_OK);
	assert_int_equal(tb_core_heads(core, 9, &heads), TB_OK);
	assert_int_equal(heads.head, 70);
	assert_int_equal(heads.floor[TB_DENSE_CENTRAL], 3);
	/* A restored store begins anew. */
	older.epoch = 6;
	assert_int_equal(tb_core_publish(core, &older), TB_OK);
	assert_int_equal(tb_core_heads(core, 9, &heads), TB_OK);
	assert_int_equal(heads.head, 60);
	tb_engine_close(engine);
}

static void *add_orgs(void *arg)
{
	static _Atomic unsigned next;
	struct tb_engine *engine = arg;
	char name[32];
	uint32_t org;

	for (int i = 0; i < COMMITS; i++) {
		snprintf(name, sizeof(name), "org-%u", next++);
		assert_int_equal(add_org(engine, name, &org), TB_OK);
	}
	return NULL;
}

static void test_many_threads_commit_and_nothing_is_lost(void **state)
{
	struct tb_engine *engine = open_engine(true);
	pthread_t threads[THREADS];
	struct tb_heads heads;
	uint32_t id = TB_ORG_SYSTEM;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, add_orgs, engine), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	while (tb_core_next_org(tb_engine_core(engine), id, &id, &heads))
		n++;
	assert_int_equal(n, THREADS * COMMITS);
	tb_engine_close(engine);
}

static void test_a_store_that_does_not_open_is_no_engine(void **state)
{
	struct tb_engine_options options = tb_engine_default_options;
	struct tb_engine *engine = NULL;

	(void)state;
	options.store = tb_store_find(TB_STR("sqlite"));
	options.at.path = "/nonexistent/folder";
	assert_int_not_equal(tb_engine_open(&options, &engine), TB_OK);
	assert_null(engine);
	tb_engine_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_failed_sync_ends_writing_and_not_reading),
		cmocka_unit_test(test_a_full_disk_is_no_end),
		cmocka_unit_test(
			test_what_another_process_wrote_is_seen_after_refresh),
		cmocka_unit_test(test_older_heads_are_not_published),
		cmocka_unit_test(test_many_threads_commit_and_nothing_is_lost),
		cmocka_unit_test(test_a_store_that_does_not_open_is_no_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
