#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "fleet.h"
#include "kernel/audit_verify.h"
#include "kernel/directory.h"
#include "kernel/retention.h"

static struct page page;

static int setup(void **state)
{
	static struct centre centre;

	centre_open(&centre, memory_store());
	centre_add_site(&centre, "63", true);
	centre_add_site(&centre, "64", false);
	centre_add_store(&centre, "s1", "63");
	centre_add_store(&centre, "s2", "64");
	*state = &centre;
	return 0;
}

static int teardown(void **state)
{
	centre_close(*state);
	return 0;
}

static void put_item(struct centre *c, int i, int v)
{
	char id[32];
	char data[32];

	snprintf(id, sizeof(id), "i%d", i);
	snprintf(data, sizeof(data), "{\"v\":%d}", v);
	centre_push(c, 63, true, TB_PUSH_UPSERT, "item", id, data);
}

static void transact(struct centre *c, uint32_t site, const char *id,
		     const char *data)
{
	struct tb_push_item item = centre_push(c, site, false, TB_PUSH_UPSERT,
					       "transact", id, data);

	assert_int_not_equal(item.outcome, TB_PUSH_REJECTED);
}

static void test_central_page_counts_numbers(void **state)
{
	struct centre *c = *state;

	for (int i = 0; i < 30; i++)
		put_item(c, i, 1);
	assert_int_equal(centre_pull_central(c, 5, 10, false, &page), TB_OK);
	assert_int_equal(page.n, 10);
	for (size_t i = 0; i < page.n; i++)
		assert_int_equal(page.rows[i].sequence, 6 + i);
}

static void test_changed_record_leaves_hole(void **state)
{
	struct centre *c = *state;

	for (int i = 0; i < 3; i++)
		put_item(c, i, 1);
	put_item(c, 1, 2);
	assert_int_equal(centre_pull_central(c, 0, 10, false, &page), TB_OK);
	assert_int_equal(page.n, 4);
	assert_int_equal(page.rows[1].action, TB_DELIVER_HOLE);
	assert_int_equal(page.rows[1].sequence, 2);
	assert_string_equal(page.rows[3].data, "{\"v\":2}");
	/* From behind its entry it is new to nobody. */
	assert_int_equal(centre_pull_central(c, 3, 10, false, &page), TB_OK);
	assert_int_equal(page.rows[0].action, TB_DELIVER_UPDATE);
}

static void test_run_of_holes_is_one_row(void **state)
{
	struct centre *c = *state;

	for (int v = 0; v < 100; v++)
		put_item(c, 0, v);
	assert_int_equal(centre_pull_central(c, 0, 10, false, &page), TB_OK);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.rows[0].action, TB_DELIVER_HOLE);
	assert_int_equal(page.rows[0].sequence, 99);
	assert_int_equal(centre_pull_central(c, 99, 10, false, &page), TB_OK);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.rows[0].sequence, 100);
	assert_int_equal(centre_pull_central(c, 100, 10, false, &page), TB_OK);
	assert_int_equal(page.n, 0);
}

static void test_cursor_above_head_resyncs(void **state)
{
	struct centre *c = *state;

	put_item(c, 0, 0);
	assert_int_equal(centre_pull_central(c, 2, 10, false, &page),
			 TB_ERR_RESYNC);
}

static void test_skipping_holes_fills_the_page(void **state)
{
	struct centre *c = *state;

	for (int i = 0; i < 20; i++)
		put_item(c, i, 1);
	for (int i = 0; i < 10; i++)
		put_item(c, i, 2);
	assert_int_equal(centre_pull_central(c, 0, 15, true, &page), TB_OK);
	assert_int_equal(page.n, 15);
	assert_int_equal(page.rows[0].sequence, 11);
	assert_int_equal(page.last, 25);
}

static void test_queue_repeats_until_acknowledged(void **state)
{
	struct centre *c = *state;

	transact(c, 63, "t1",
		 "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		 "\"status\":\"fn\"}");
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 0); /* never its own change */
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.rows[0].action, TB_DELIVER_INSERT);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.rows[0].action, TB_DELIVER_UPDATE);
	assert_int_equal(centre_ack_id(c, 64, "t1"), 1);
	assert_int_equal(centre_ack_id(c, 64, "t1"), 0);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 0);
}

static void test_change_after_pull_survives_ack(void **state)
{
	struct centre *c = *state;
	const char *body = "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
			   "\"status\":\"fn\",\"v\":2}";

	transact(c, 63, "t1",
		 "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		 "\"status\":\"fn\"}");
	centre_pull(c, 64, 10, &page);
	transact(c, 63, "t1", body);
	assert_int_equal(centre_ack_id(c, 64, "t1"), 0);
	assert_int_equal(centre_ack_sequence(c, 64, page.rows[0].sequence), 0);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].data, body);
}

static void test_undelivered_cannot_be_acknowledged(void **state)
{
	struct centre *c = *state;

	for (int i = 0; i < 4; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		transact(c, 63, id,
			 "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
			 "\"status\":\"fn\"}");
	}
	centre_pull(c, 64, 2, &page);
	assert_int_equal(centre_ack_id(c, 64, "t3"), 0);
	assert_int_equal(centre_ack_id(c, 64, "t1"), 1);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 3);
	assert_string_equal(page.rows[0].id, "t0");
	assert_string_equal(page.rows[1].id, "t2");
}

/* A record that a site never acknowledges holds up nothing behind it. */
static void test_one_bad_record_blocks_nobody(void **state)
{
	struct centre *c = *state;
	unsigned got = 0;

	for (int i = 0; i < 400; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		transact(c, 63, id,
			 "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
			 "\"status\":\"fn\"}");
	}
	for (;;) {
		centre_pull(c, 64, 7, &page);
		if (page.n <= 1)
			break;
		assert_string_equal(page.rows[0].id, "t0");
		for (size_t i = 1; i < page.n; i++)
			got += (unsigned)centre_ack_sequence(
				c, 64, page.rows[i].sequence);
	}
	assert_int_equal(got, 399);
	assert_int_equal(centre_ack_id(c, 64, "t0"), 1);
	centre_pull(c, 64, 7, &page);
	assert_int_equal(page.n, 0);
}

static void test_same_id_in_two_tables_goes_lowest_first(void **state)
{
	struct centre *c = *state;
	struct tb_ack_item both[] = { { .id = TB_STR("x") },
				      { .id = TB_STR("x") } };

	centre_push(c, 0, true, TB_PUSH_UPSERT, "note", "x",
		    "{\"store_ID\":\"s2\"}");
	centre_push(c, 0, true, TB_PUSH_UPSERT, "transact", "x",
		    "{\"store_ID\":\"s2\"}");
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 2);
	assert_int_equal(centre_ack_id(c, 64, "x"), 1);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].table, "transact");
	centre_push(c, 0, true, TB_PUSH_UPSERT, "note", "x",
		    "{\"store_ID\":\"s2\",\"v\":2}");
	centre_pull(c, 64, 10, &page);
	assert_int_equal(centre_ack(c, 64, both, 2), 2);
}

static void read_marks(struct centre *c, struct tb_arena *arena, uint32_t site,
		       struct tb_consumer *ret)
{
	struct tb_tx *tx;

	assert_int_equal(tb_core_read(c->core, &tx), TB_OK);
	assert_int_equal(tb_consumer_read(tx, arena, FLEET_ORG, site, ret),
			 TB_OK);
	tb_core_read_end(tx);
}

/* A site that only pushes does not walk over its own changes for ever. */
static void test_own_changes_are_walked_over_once(void **state)
{
	struct centre *c = *state;
	struct tb_arena *arena = tb_arena_create(1u << 20);
	struct tb_consumer before;
	struct tb_consumer after;

	for (int i = 0; i < 5000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		transact(c, 63, id, "{\"store_ID\":\"s1\"}");
	}
	read_marks(c, arena, 63, &before);
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 0);
	read_marks(c, arena, 63, &after);
	for (size_t i = 0; i < after.n_subs; i++)
		assert_true(after.subs[i].acked >= before.subs[i].acked + 5000);
	/* What comes later is still to be had. */
	centre_push(c, 0, true, TB_PUSH_UPSERT, "transact", "t1",
		    "{\"store_ID\":\"s1\",\"v\":2}");
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 1);
	tb_arena_destroy(arena);
}

static void test_record_that_leaves_is_deleted(void **state)
{
	struct centre *c = *state;

	centre_push(c, 0, true, TB_PUSH_UPSERT, "transact", "t",
		    "{\"store_ID\":\"s1\"}");
	centre_pull(c, 63, 10, &page);
	centre_ack_id(c, 63, "t");
	centre_push(c, 0, true, TB_PUSH_UPSERT, "transact", "t",
		    "{\"store_ID\":\"s2\"}");
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.rows[0].action, TB_DELIVER_DELETE);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.rows[0].action, TB_DELIVER_INSERT);
}

static void test_initialise_brings_own_records_back(void **state)
{
	struct centre *c = *state;
	struct tb_audit_note note = { .event_type = "test",
				      .operation = "initialise",
				      .status = "ok" };

	transact(c, 63, "t1", "{\"store_ID\":\"s1\"}");
	centre_push(c, 63, false, TB_PUSH_UPSERT, "own_table", "o1", "{}");
	assert_int_equal(
		tb_delivery_initialise(c->core, &note, FLEET_ORG, 63, false),
		TB_OK);
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 2);
	assert_int_equal(centre_ack_id(c, 63, "t1"), 1);
	/* It is under way: asking again does not start over. */
	assert_int_equal(
		tb_delivery_initialise(c->core, &note, FLEET_ORG, 63, false),
		TB_OK);
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 1);
	centre_ack_id(c, 63, "o1");
	assert_int_equal(
		tb_delivery_initialise(c->core, &note, FLEET_ORG, 63, false),
		TB_OK);
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 2);
}

static void test_moved_store_comes_from_its_beginning(void **state)
{
	struct centre *c = *state;
	struct tb_audit_note note = { .event_type = "test",
				      .operation = "assign",
				      .status = "ok" };
	struct tb_push_item item;

	transact(c, 63, "t1", "{\"store_ID\":\"s1\"}");
	assert_int_equal(tb_directory_assign_store(c->core, &note, FLEET_ORG,
						   TB_STR("s1"), TB_STR("64")),
			 TB_OK);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	item = centre_push(c, 63, false, TB_PUSH_UPSERT, "transact", "t1",
			   "{\"store_ID\":\"s1\",\"v\":2}");
	assert_int_equal(item.outcome, TB_PUSH_REJECTED);
	assert_string_equal(item.code, TB_PUSH_CODE_NOT_YOURS);
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 0);
}

static void test_conflict_goes_back_to_the_site(void **state)
{
	struct centre *c = *state;
	struct tb_push_item item;

	centre_push(c, 0, true, TB_PUSH_UPSERT, "note", "n",
		    "{\"store_ID\":\"s1\",\"by\":\"centre\"}");
	for (int again = 0; again < 3; again++) {
		item = centre_push(c, 63, false, TB_PUSH_UPSERT, "note", "n",
				   "{\"store_ID\":\"s1\",\"by\":\"site\"}");
		assert_int_equal(item.outcome,
				 again ? TB_PUSH_UNCHANGED : TB_PUSH_ACCEPTED);
	}
	centre_pull(c, 63, 10, &page);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].data,
			    "{\"store_ID\":\"s1\",\"by\":\"centre\"}");
}

static void test_many_children_follow_in_bounded_steps(void **state)
{
	struct centre *c = *state;
	static struct tb_push_item items[5000];
	static char ids[5000][16];
	size_t got = 0;

	for (size_t i = 0; i < TB_ARRAY_LEN(items); i++) {
		snprintf(ids[i], sizeof(ids[i]), "l%zu", i);
		items[i] = (struct tb_push_item) {
			.table = TB_STR("trans_line"),
			.id = tb_str_z(ids[i]),
			.data = TB_STR("{\"transaction_ID\":\"t\"}"),
		};
	}
	assert_int_equal(
		centre_try_push(c, 63, false, items, TB_ARRAY_LEN(items)),
		TB_OK);
	transact(c, 63, "t",
		 "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		 "\"status\":\"fn\"}");
	centre_work(c);
	for (;;) {
		struct tb_ack_item acks[512];

		centre_pull(c, 64, 500, &page);
		if (page.n == 0)
			break;
		for (size_t i = 0; i < page.n; i++)
			acks[i] = (struct tb_ack_item) {
				.sequence = page.rows[i].sequence
			};
		got += centre_ack(c, 64, acks, page.n);
	}
	assert_int_equal(got, 5001);
}

static void test_merged_parent_keeps_its_children(void **state)
{
	struct centre *c = *state;
	struct tb_push_item item;

	transact(c, 63, "a", "{\"store_ID\":\"s1\"}");
	transact(c, 63, "b",
		 "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		 "\"status\":\"fn\"}");
	centre_push(c, 63, false, TB_PUSH_UPSERT, "trans_line", "l",
		    "{\"transaction_ID\":\"a\"}");
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 1);
	item = centre_push(c, 63, false, TB_PUSH_MERGE, "transact", "a",
			   "{\"mergeIdToKeep\":\"b\"}");
	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
	centre_pull(c, 64, 10, &page);
	assert_int_equal(page.n, 2);
	assert_string_equal(page.rows[1].id, "l");
}

static void test_tombstones_go_when_nobody_needs_them(void **state)
{
	const struct tb_retention_ages ages = { .absence_us = 1000000 };
	struct centre *c = *state;
	struct tb_site_activity seen = { .site_id = 64, .has_central = true };
	uint64_t after = 0;
	size_t dropped;

	for (int i = 0; i < 3; i++)
		put_item(c, i, 1);
	seen.central_to = 3;
	seen.seen_us = c->now_us;
	assert_int_equal(
		tb_delivery_note_activity(c->core, FLEET_ORG, &seen, 1), TB_OK);
	centre_push(c, 63, true, TB_PUSH_DELETE, "item", "i1", "{}");
	assert_int_equal(
		tb_retention_run(c->core, FLEET_ORG, &ages, &after, &dropped),
		TB_OK);
	assert_int_equal(dropped, 0);
	assert_int_equal(centre_pull_central(c, 3, 10, false, &page), TB_OK);
	assert_int_equal(page.rows[0].action, TB_DELIVER_DELETE);
	/* The site stays away for too long: it has to start over. */
	c->now_us += 2000000;
	assert_int_equal(
		tb_retention_run(c->core, FLEET_ORG, &ages, &after, &dropped),
		TB_OK);
	assert_int_equal(dropped, 1);
	assert_int_equal(centre_pull_central(c, 3, 10, false, &page),
			 TB_ERR_RESYNC);
	assert_int_equal(centre_pull_central(c, 0, 10, true, &page), TB_OK);
	assert_int_equal(page.n, 2);
}

static void test_audit_chain_verifies(void **state)
{
	struct centre *c = *state;
	struct tb_audit_verdict verdict;

	put_item(c, 1, 1);
	put_item(c, 1, 1);
	assert_int_equal(tb_audit_verify(c->core, FLEET_ORG, &verdict), TB_OK);
	assert_null(verdict.problem);
	assert_true(verdict.rows > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_central_page_counts_numbers),
		TEST(test_changed_record_leaves_hole),
		TEST(test_run_of_holes_is_one_row),
		TEST(test_cursor_above_head_resyncs),
		TEST(test_skipping_holes_fills_the_page),
		TEST(test_queue_repeats_until_acknowledged),
		TEST(test_change_after_pull_survives_ack),
		TEST(test_undelivered_cannot_be_acknowledged),
		TEST(test_one_bad_record_blocks_nobody),
		TEST(test_same_id_in_two_tables_goes_lowest_first),
		TEST(test_own_changes_are_walked_over_once),
		TEST(test_record_that_leaves_is_deleted),
		TEST(test_initialise_brings_own_records_back),
		TEST(test_moved_store_comes_from_its_beginning),
		TEST(test_conflict_goes_back_to_the_site),
		TEST(test_many_children_follow_in_bounded_steps),
		TEST(test_merged_parent_keeps_its_children),
		TEST(test_tombstones_go_when_nobody_needs_them),
		TEST(test_audit_chain_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
