/*
 * What a push may change: rights, patches, merges, types, conflicts, routing,
 * quarantine, and an import's times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "fleet.h"
#include "kernel/audit.h"
#include "kernel/commit.h"
#include "kernel/quarantine.h"
#include "kernel/system.h"
#include "kernel/transfer.h"

static struct page page;

static int setup(void **state)
{
	static struct centre centre;

	centre_open(&centre, memory_store());
	centre_add_site(&centre, "63", false);
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

static struct tb_push_item put(struct centre *c, uint32_t site,
			       const char *table, const char *id,
			       const char *data)
{
	return centre_push(c, site, false, TB_PUSH_UPSERT, table, id, data);
}

static void accepted(struct tb_push_item item)
{
	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

static void unchanged(struct tb_push_item item)
{
	assert_int_equal(item.outcome, TB_PUSH_UNCHANGED);
}

static void rejected(struct tb_push_item item, const char *code)
{
	assert_int_equal(item.outcome, TB_PUSH_REJECTED);
	assert_string_equal(item.code, code);
}

/* The row of a record in what a site is to get, or NULL. */
static const struct row *pulled(struct centre *c, uint32_t site, const char *id)
{
	centre_pull(c, site, 500, &page);
	for (size_t i = 0; i < page.n; i++)
		if (strcmp(page.rows[i].id, id) == 0)
			return &page.rows[i];
	return NULL;
}

static void assert_gets(struct centre *c, uint32_t site, const char *id,
			const char *data)
{
	const struct row *row = pulled(c, site, id);

	assert_non_null(row);
	assert_int_not_equal(row->action, TB_DELIVER_DELETE);
	assert_string_equal(row->data, data);
}

static void assert_loses(struct centre *c, uint32_t site, const char *id)
{
	const struct row *row = pulled(c, site, id);

	assert_non_null(row);
	assert_int_equal(row->action, TB_DELIVER_DELETE);
}

static void acknowledge_all(struct centre *c, uint32_t site)
{
	centre_pull(c, site, 500, &page);
	for (size_t i = 0; i < page.n; i++)
		assert_int_equal(
			centre_ack_sequence(c, site, page.rows[i].sequence), 1);
}

/* ---- rights ---- */

static void test_a_site_writes_what_its_stores_hold(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	/* Neither into another's store, nor what is there, nor out of it. */
	rejected(put(c, 63, "transact", "u", "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	rejected(put(c, 64, "transact", "t", "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	rejected(put(c, 63, "transact", "t", "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	rejected(centre_push(c, 64, false, TB_PUSH_DELETE, "transact", "t",
			     "{}"),
		 TB_PUSH_CODE_NOT_YOURS);
	rejected(centre_push(c, 64, false, TB_PUSH_PATCH, "transact", "t",
			     "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	rejected(put(c, 63, "transact", "w", "{}"), TB_PUSH_CODE_NO_HOME);
}

static size_t count_names(struct centre *c)
{
	struct tb_feed_query query = {
		.scope = tb_scope_known(FLEET_ORG, TB_SCOPE_NAMES),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_tx *tx;
	size_t n = 0;

	assert_int_equal(tb_core_read(c->core, &tx), TB_OK);
	assert_int_equal(c->store->ops->feed_open(tx, &query, &cursor), TB_OK);
	while (c->store->ops->feed_next(cursor, &row) == TB_OK)
		n++;
	c->store->ops->feed_close(cursor);
	tb_core_read_end(tx);
	return n;
}

/* What is refused, or changes nothing, makes no table and no store. */
static void test_refusals_leave_no_names(void **state)
{
	struct centre *c = *state;
	size_t before;

	accepted(put(c, 63, "transact", "t1", "{\"store_ID\":\"s1\"}"));
	before = count_names(c);
	rejected(put(c, 63, "transact", "t2", "{\"store_ID\":\"nowhere\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	rejected(put(c, 63, "transact", "t3",
		     "{\"store_ID\":\"s2\",\"other_store_ID\":\"elsewhere\","
		     "\"status\":\"fn\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	unchanged(centre_push(c, 63, false, TB_PUSH_DELETE, "unheard_of", "u",
			      "{}"));
	rejected(centre_push(c, 63, false, TB_PUSH_PATCH, "unheard_of", "u",
			     "{}"),
		 TB_PUSH_CODE_NOT_FOUND);
	assert_int_equal(count_names(c), before);
}

static void test_central_data_needs_the_permission(void **state)
{
	struct centre *c = *state;

	rejected(put(c, 63, "item", "i", "{\"v\":1}"), TB_PUSH_CODE_CENTRAL);
	accepted(centre_push(c, 63, true, TB_PUSH_UPSERT, "item", "i",
			     "{\"v\":1}"));
	rejected(centre_push(c, 64, false, TB_PUSH_DELETE, "item", "i", "{}"),
		 TB_PUSH_CODE_CENTRAL);
}

static void test_a_moved_store_is_written_by_its_new_site(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	centre_move_store(c, "s1", "64");
	rejected(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\",\"v\":2}"),
		 TB_PUSH_CODE_NOT_YOURS);
	accepted(put(c, 64, "transact", "t", "{\"store_ID\":\"s1\",\"v\":3}"));
	centre_move_store(c, "s1", "");
	rejected(put(c, 64, "transact", "t", "{\"store_ID\":\"s1\",\"v\":4}"),
		 TB_PUSH_CODE_NOT_YOURS);
}

static void test_a_deleted_record_comes_back_by_its_own_site(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	accepted(centre_push(c, 63, false, TB_PUSH_DELETE, "transact", "t",
			     "{}"));
	unchanged(centre_push(c, 63, false, TB_PUSH_DELETE, "transact", "t",
			      "{}"));
	rejected(put(c, 64, "transact", "t", "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
}

static void test_undeclared_tables_belong_to_who_came_first(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "own", "o", "{\"v\":1}"));
	rejected(put(c, 64, "own", "o", "{\"v\":2}"), TB_PUSH_CODE_NOT_YOURS);
	accepted(put(c, 64, "own", "p", "{\"v\":2}"));
	assert_null(pulled(c, 64, "o"));
}

/* ---- patches and merges ---- */

static void test_a_patch_changes_the_members_it_has(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t",
		     "{\"store_ID\":\"s1\", \"n\":1.50,\"x\":[ 1 ]}"));
	accepted(centre_push(c, 63, false, TB_PUSH_PATCH, "transact", "t",
			     "{\"n\":2.0,\"y\":null}"));
	unchanged(centre_push(c, 63, false, TB_PUSH_PATCH, "transact", "t",
			      "{\"n\":2.0,\"y\":null}"));
	centre_move_store(c, "s1", "64");
	assert_gets(c, 64, "t",
		    "{\"store_ID\":\"s1\",\"n\":2.0,\"x\":[ 1 ],\"y\":null}");
}

static void test_a_patch_needs_its_record(void **state)
{
	struct centre *c = *state;

	rejected(
		centre_push(c, 63, false, TB_PUSH_PATCH, "transact", "t", "{}"),
		TB_PUSH_CODE_NOT_FOUND);
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	accepted(centre_push(c, 63, false, TB_PUSH_DELETE, "transact", "t",
			     "{}"));
	rejected(centre_push(c, 63, false, TB_PUSH_PATCH, "transact", "t",
			     "{\"v\":1}"),
		 TB_PUSH_CODE_NOT_FOUND);
}

static struct tb_push_item merge(struct centre *c, const char *id,
				 const char *into)
{
	char data[64];

	snprintf(data, sizeof(data), "{\"mergeIdToKeep\":\"%s\"}", into);
	return centre_push(c, 63, false, TB_PUSH_MERGE, "transact", id, data);
}

static void test_a_merge_needs_two_records(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "a", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 64, "transact", "z", "{\"store_ID\":\"s2\"}"));
	rejected(merge(c, "a", "a"), TB_PUSH_CODE_NOT_FOUND);
	rejected(merge(c, "a", "b"), TB_PUSH_CODE_NOT_FOUND);
	rejected(merge(c, "b", "a"), TB_PUSH_CODE_NOT_FOUND);
	rejected(merge(c, "a", "z"), TB_PUSH_CODE_NOT_YOURS);
	rejected(
		centre_push(c, 63, false, TB_PUSH_MERGE, "transact", "a", "{}"),
		TB_PUSH_CODE_NOT_FOUND);
}

static void test_merges_cannot_go_round(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "a", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 63, "transact", "b", "{\"store_ID\":\"s1\",\"v\":1}"));
	accepted(put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"a\"}"));
	accepted(merge(c, "a", "b"));
	rejected(merge(c, "b", "a"), TB_PUSH_CODE_NOT_FOUND);
	/* What is written again is merged no more, and may survive. */
	accepted(put(c, 63, "transact", "a", "{\"store_ID\":\"s1\",\"v\":2}"));
	accepted(merge(c, "b", "a"));
	unchanged(merge(c, "b", "a"));
	accepted(put(c, 63, "transact", "a",
		     "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		     "\"status\":\"fn\"}"));
	assert_gets(c, 64, "l", "{\"transaction_ID\":\"a\"}");
}

static void test_children_of_the_merged_go_with_the_survivor(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "a", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 63, "transact", "b", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 63, "transact", "d", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"a\"}"));
	accepted(merge(c, "a", "b"));
	accepted(merge(c, "b", "d"));
	assert_null(pulled(c, 64, "l"));
	/* The survivor's route changes after the merge. */
	accepted(put(c, 63, "transact", "d",
		     "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		     "\"status\":\"fn\"}"));
	assert_gets(c, 64, "l", "{\"transaction_ID\":\"a\"}");
}

/* ---- routing ---- */

static void test_children_go_home_when_their_parent_is_deleted(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t",
		     "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		     "\"status\":\"fn\"}"));
	accepted(put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"t\"}"));
	assert_gets(c, 64, "l", "{\"transaction_ID\":\"t\"}");
	accepted(centre_push(c, 63, false, TB_PUSH_DELETE, "transact", "t",
			     "{}"));
	assert_loses(c, 64, "t");
	assert_loses(c, 64, "l");
	accepted(put(c, 63, "trans_line", "l",
		     "{\"transaction_ID\":\"t\",\"v\":2}"));
}

static void test_a_child_follows_the_parent_that_it_names_now(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "here", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 63, "transact", "there",
		     "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		     "\"status\":\"fn\"}"));
	accepted(
		put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"here\"}"));
	assert_null(pulled(c, 64, "l"));
	accepted(put(c, 63, "trans_line", "l",
		     "{\"transaction_ID\":\"there\"}"));
	assert_gets(c, 64, "l", "{\"transaction_ID\":\"there\"}");
	accepted(
		put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"here\"}"));
	assert_loses(c, 64, "l");
	accepted(put(c, 63, "transact", "there", "{\"store_ID\":\"s1\"}"));
	assert_loses(c, 64, "there");
}

static void
test_who_is_not_the_mover_is_told_of_children_that_move(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"t\"}"));
	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "t",
		     "{\"store_ID\":\"s2\"}"));
	assert_loses(c, 63, "t");
	assert_loses(c, 63, "l");
	assert_gets(c, 64, "l", "{\"transaction_ID\":\"t\"}");
	acknowledge_all(c, 63);
	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "t",
		     "{\"store_ID\":\"s1\"}"));
	assert_gets(c, 63, "l", "{\"transaction_ID\":\"t\"}");
	assert_loses(c, 64, "l");
	/* The author of a child that waited is not sent it back. */
	accepted(put(c, 63, "trans_line", "w", "{\"transaction_ID\":\"x\"}"));
	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "x",
		     "{\"store_ID\":\"s1\"}"));
	assert_null(pulled(c, 63, "w"));
}

static void test_nobody_hangs_records_below_what_is_not_theirs(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 64, "trans_line", "l", "{\"transaction_ID\":\"t\"}"));
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	assert_null(pulled(c, 63, "l"));
	rejected(put(c, 64, "trans_line", "m", "{\"transaction_ID\":\"t\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
}

/* A member that names further stores may list some of them. */
static void test_further_stores_may_be_listed(void **state)
{
	static const char listed[] =
		"{\"store_ID\":\"s1\",\"status\":\"fn\","
		"\"other_store_ID\":[\"s2\",null,\"\",{\"a\":[1]},\"s2\"]}";
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t", listed));
	assert_gets(c, 64, "t", listed);
	accepted(put(c, 63, "transact", "t",
		     "{\"store_ID\":\"s1\",\"status\":\"fn\","
		     "\"other_store_ID\":[]}"));
	assert_loses(c, 64, "t");
}

static void test_over_64_listed_stores_are_too_many(void **state)
{
	struct centre *c = *state;
	struct tb_buf data;

	for (int n = 64; n <= 65; n++) {
		tb_buf_init(&data, 4096);
		tb_buf_append_z(&data, "{\"store_ID\":\"s1\",\"status\":"
				       "\"fn\",\"other_store_ID\":[\"s2\"");
		for (int i = 1; i < n; i++)
			tb_buf_append_z(&data, ",\"s2\"");
		tb_buf_append_z(&data, "]}");
		tb_buf_append_char(&data, '\0');
		assert_int_equal(tb_buf_err(&data), TB_OK);
		if (n == 64)
			accepted(put(c, 63, "transact", "t", data.p));
		else
			rejected(put(c, 63, "transact", "t", data.p),
				 TB_PUSH_CODE_SCOPES);
		tb_buf_fini(&data);
	}
}

/* A record that wandered through as many stores as it may; each that it left
 * still has to be told. It can go back, and be deleted, and nothing else. */
static void test_a_record_in_too_many_stores_harms_itself_alone(void **state)
{
	struct centre *c = *state;
	char data[128];
	char id[16];

	for (int i = 0; i < 3; i++) {
		snprintf(id, sizeof(id), "w%d", i);
		centre_add_store(c, id, "63");
	}
	/* More than a site may hold: the centre sends it around. */
	for (int i = 3; i < TB_ENTRIES_MAX; i++) {
		snprintf(data, sizeof(data), "{\"store_ID\":\"w%d\"}", i);
		accepted(put(c, TB_ORIGIN_CENTRE, "transact", "t", data));
	}
	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "t",
		     "{\"store_ID\":\"w1\"}"));
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"w0\"}"));
	rejected(put(c, 63, "transact", "t", "{\"store_ID\":\"w2\"}"),
		 TB_PUSH_CODE_SCOPES);
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"w1\"}"));
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"w0\"}"));
	accepted(centre_push(c, 63, false, TB_PUSH_DELETE, "transact", "t",
			     "{}"));
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"w1\"}"));
}

/* ---- types ---- */

static void test_fields_are_of_their_types(void **state)
{
	static const char *const good[] = {
		"\"visits\":-3",
		"\"weight\":70.25",
		"\"weight\":null",
		"\"active\":false",
		"\"seen\":\"2024-02-29T10:00:00.5Z\"",
		"\"born\":\"2024-02-29\"",
		"\"blood\":\"B\"",
		"\"more\":[{}]",
	};
	static const char *const bad[] = {
		"\"visits\":1.5",
		"\"visits\":1e3",
		"\"visits\":\"1\"",
		"\"visits\":null",
		"\"weight\":\"70\"",
		"\"active\":0",
		"\"seen\":\"yesterday\"",
		"\"born\":\"2023-02-29\"",
		"\"born\":\"2024-02-29T10:00:00Z\"",
		"\"blood\":\"C\"",
	};
	struct centre *c = *state;
	char data[128];

	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		snprintf(data, sizeof(data),
			 "{\"store_ID\":\"s1\",\"name\":\"N\",%s}", good[i]);
		accepted(put(c, 63, "patient", "p", data));
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		snprintf(data, sizeof(data),
			 "{\"store_ID\":\"s1\",\"name\":\"N\",%s}", bad[i]);
		rejected(put(c, 63, "patient", "p", data), TB_PUSH_CODE_TYPE);
	}
	rejected(put(c, 63, "patient", "p", "{\"store_ID\":\"s1\"}"),
		 TB_PUSH_CODE_TYPE);
	/* So is what a patch makes of a record. */
	rejected(centre_push(c, 63, false, TB_PUSH_PATCH, "patient", "p",
			     "{\"name\":1}"),
		 TB_PUSH_CODE_TYPE);
}

/* ---- conflicts ---- */

static void test_a_conflict_keeps_the_centres_fields(void **state)
{
	const char *merged = "{\"store_ID\":\"s1\",\"name\":\"Site\","
			     "\"doctor\":\"Centre\"}";
	const char *sent = "{\"store_ID\":\"s1\",\"name\":\"Site\","
			   "\"doctor\":\"Old\"}";
	struct centre *c = *state;

	accepted(put(c, 63, "patient", "p",
		     "{\"store_ID\":\"s1\",\"name\":\"N\"}"));
	accepted(put(c, TB_ORIGIN_CENTRE, "patient", "p",
		     "{\"store_ID\":\"s1\",\"name\":\"C\","
		     "\"doctor\":\"Centre\"}"));
	accepted(put(c, 63, "patient", "p", sent));
	assert_gets(c, 63, "p", merged);
	/* The same again was settled and is no further conflict. */
	unchanged(put(c, 63, "patient", "p", sent));
	acknowledge_all(c, 63);
	assert_null(pulled(c, 63, "p"));
	/* Who has seen the centre's version may change it. */
	accepted(put(c, 63, "patient", "p", sent));
	assert_null(pulled(c, 63, "p"));
}

static void test_a_patch_in_conflict_comes_back_whole(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "t",
		     "{\"store_ID\":\"s1\",\"x\":1}"));
	accepted(centre_push(c, 63, false, TB_PUSH_PATCH, "transact", "t",
			     "{\"y\":2}"));
	assert_gets(c, 63, "t", "{\"store_ID\":\"s1\",\"x\":1,\"y\":2}");
	unchanged(centre_push(c, 63, false, TB_PUSH_PATCH, "transact", "t",
			      "{\"y\":2}"));
}

static void test_a_conflict_over_a_deletion(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "note", "n", "{\"store_ID\":\"s1\"}"));
	accepted(put(c, TB_ORIGIN_CENTRE, "note", "n",
		     "{\"store_ID\":\"s1\",\"v\":2}"));
	accepted(centre_push(c, 63, false, TB_PUSH_DELETE, "note", "n", "{}"));
	unchanged(centre_push(c, 63, false, TB_PUSH_DELETE, "note", "n", "{}"));
	assert_gets(c, 63, "n", "{\"store_ID\":\"s1\",\"v\":2}");
	acknowledge_all(c, 63);
	accepted(centre_push(c, 63, false, TB_PUSH_DELETE, "note", "n", "{}"));
}

/* ---- quarantine ---- */

static struct tb_consumer marks(struct centre *c, uint32_t site)
{
	struct tb_arena *arena = tb_arena_create((size_t)64 << 20);
	struct tb_consumer consumer;
	struct tb_tx *tx;

	assert_non_null(arena);
	assert_int_equal(tb_core_read(c->core, &tx), TB_OK);
	assert_int_equal(
		tb_consumer_read(tx, arena, FLEET_ORG, site, &consumer), TB_OK);
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	consumer.subs = NULL;
	consumer.n_subs = 0;
	return consumer;
}

static void test_quarantine_holds_one_entry_for_each_record(void **state)
{
	struct centre *c = *state;
	uint64_t bytes;

	rejected(put(c, 63, "transact", "t", "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	bytes = marks(c, 63).quarantined_bytes;
	assert_true(bytes > 0);
	rejected(put(c, 63, "transact", "t", "{\"store_ID\":\"s2\"}"),
		 TB_PUSH_CODE_NOT_YOURS);
	assert_int_equal(marks(c, 63).quarantined, 1);
	assert_int_equal(marks(c, 63).quarantined_bytes, bytes);
	rejected(put(c, 63, "transact", "t", "{\"store_ID\":\"s2\",\"v\":2}"),
		 TB_PUSH_CODE_NOT_YOURS);
	assert_int_equal(marks(c, 63).quarantined, 1);
	assert_int_equal(marks(c, 63).quarantined_bytes,
			 bytes + strlen(",\"v\":2"));
	/* Another site's push does not close it; a later one of its own does,
	 * also when it changes nothing. */
	accepted(put(c, 64, "transact", "t", "{\"store_ID\":\"s2\"}"));
	assert_int_equal(marks(c, 63).quarantined, 1);
	centre_move_store(c, "s2", "63");
	unchanged(put(c, 63, "transact", "t", "{\"store_ID\":\"s2\"}"));
	assert_int_equal(marks(c, 63).quarantined, 0);
	assert_int_equal(marks(c, 63).quarantined_bytes, 0);
}

static void test_quarantine_has_a_ceiling(void **state)
{
	enum {
		BATCH = 1000
	};
	static struct tb_push_item items[BATCH];
	static char ids[BATCH][16];
	struct centre *c = *state;

	for (unsigned k = 0; k < TB_QUARANTINE_ENTRIES_MAX; k += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			snprintf(ids[i], sizeof(ids[i]), "t%u", k + i);
			items[i] = (struct tb_push_item) {
				.table = TB_STR("transact"),
				.id = tb_str_z(ids[i]),
				.data = TB_STR("{}"),
				.record = TB_STR("{}")
			};
		}
		assert_int_equal(centre_try_push(c, 63, false, items, BATCH),
				 TB_OK);
		rejected(items[BATCH - 1], TB_PUSH_CODE_NO_HOME);
	}
	rejected(put(c, 63, "transact", "over", "{}"), TB_PUSH_CODE_FULL);
	/* One that is there may change; another site has a quarantine of its
	 * own; and nothing good is kept out. */
	rejected(put(c, 63, "transact", "t0", "{\"v\":1}"),
		 TB_PUSH_CODE_NO_HOME);
	rejected(put(c, 64, "transact", "over", "{}"), TB_PUSH_CODE_NO_HOME);
	accepted(put(c, 63, "transact", "t1", "{\"store_ID\":\"s1\"}"));
	assert_int_equal(marks(c, 63).quarantined,
			 TB_QUARANTINE_ENTRIES_MAX - 1);
	rejected(put(c, 63, "transact", "over", "{}"), TB_PUSH_CODE_NO_HOME);
}

/* ---- a page and what happens before it is marked ---- */

static void move_in(void *ctx)
{
	struct centre *c = ctx;

	c->before_mark = NULL;
	centre_move_store(c, "s2", "63");
}

static void initialise(void *ctx)
{
	struct centre *c = ctx;

	c->before_mark = NULL;
	centre_initialise(c, 63);
}

static void test_a_store_that_comes_meanwhile_was_not_delivered(void **state)
{
	struct centre *c = *state;

	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "b",
		     "{\"store_ID\":\"s2\"}"));
	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "a",
		     "{\"store_ID\":\"s1\"}"));
	c->before_mark = move_in;
	c->before_mark_ctx = c;
	assert_non_null(pulled(c, 63, "a"));
	assert_int_equal(centre_ack_id(c, 63, "b"), 0);
	assert_int_equal(pulled(c, 63, "b")->action, TB_DELIVER_INSERT);
}

/* The record left one of the site's stores, which the site was told; then it
 * gets the store that the record is in still. */
static void test_a_store_brings_what_had_left_another(void **state)
{
	struct centre *c = *state;

	accepted(put(c, 63, "transact", "t",
		     "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		     "\"status\":\"fn\"}"));
	accepted(put(c, 63, "trans_line", "l", "{\"transaction_ID\":\"t\"}"));
	acknowledge_all(c, 64);
	accepted(put(c, 63, "transact", "t", "{\"store_ID\":\"s1\"}"));
	assert_loses(c, 64, "l");
	acknowledge_all(c, 64);
	centre_move_store(c, "s1", "64");
	assert_gets(c, 64, "t", "{\"store_ID\":\"s1\"}");
	assert_gets(c, 64, "l", "{\"transaction_ID\":\"t\"}");
	acknowledge_all(c, 64);
	centre_pull(c, 64, 500, &page);
	assert_int_equal(page.n, 0);
}

static void test_an_initialisation_meanwhile_begins_at_nothing(void **state)
{
	struct centre *c = *state;

	accepted(put(c, TB_ORIGIN_CENTRE, "transact", "a",
		     "{\"store_ID\":\"s1\"}"));
	c->before_mark = initialise;
	c->before_mark_ctx = c;
	assert_non_null(pulled(c, 63, "a"));
	assert_int_equal(pulled(c, 63, "a")->action, TB_DELIVER_INSERT);
}

/* ---- imports ---- */

struct exported {
	size_t n;
	int64_t updated_us;
};

static enum tb_err export_row(void *ctx, const struct tb_export_row *row)
{
	struct exported *exported = ctx;

	exported->n++;
	exported->updated_us = row->updated_us;
	return TB_OK;
}

static enum tb_err import(struct centre *c, const char *id, int64_t updated_us)
{
	struct tb_push_item item = { .table = TB_STR("item"),
				     .id = tb_str_z(id),
				     .data = TB_STR("{}"),
				     .updated_us = updated_us };
	struct tb_push push = { .keep_times = true,
				.items = &item,
				.n_items = 1,
				.arena = tb_arena_create(1u << 20) };
	enum tb_err err;

	assert_non_null(push.arena);
	err = tb_push_prepare(&push, &fleet_declaration, FLEET_ORG);
	if (err == TB_OK)
		err = tb_core_commit(c->core, &push.commit);
	tb_arena_destroy(push.arena);
	return err;
}

/* The last audit row of the org. */
static void assert_last_operation(struct centre *c, const char *operation)
{
	struct tb_arena *arena = tb_arena_create(1u << 20);
	struct tb_audit_entry entry;
	struct tb_audit_row row;
	struct tb_org org;
	struct tb_tx *tx;

	assert_non_null(arena);
	assert_int_equal(tb_core_read(c->core, &tx), TB_OK);
	assert_int_equal(tx->store->ops->org_get(tx, FLEET_ORG, &org), TB_OK);
	assert_int_equal(tx->store->ops->audit_next(tx, arena, FLEET_ORG,
						    org.audit_n - 1, &row),
			 TB_OK);
	tb_core_read_end(tx);
	assert_int_equal(tb_audit_decode(arena, &row, &entry), TB_OK);
	assert_true(tb_str_eq(entry.operation, tb_str_z(operation)));
	tb_arena_destroy(arena);
}

static void test_an_import_keeps_times_until_the_org_is_used(void **state)
{
	struct tb_audit_note seal = { .event_type = "test",
				      .operation = "import_seal",
				      .status = "ok" };
	struct exported exported = { .n = 0 };
	struct centre *c = *state;

	assert_int_equal(import(c, "i", 1500000000000000), TB_OK);
	assert_int_equal(
		tb_transfer_export(c->core, FLEET_ORG, export_row, &exported),
		TB_OK);
	assert_int_equal(exported.n, 1);
	assert_int_equal(exported.updated_us, 1500000000000000);
	assert_int_equal(tb_transfer_seal(c->core, &seal, FLEET_ORG), TB_OK);
	assert_last_operation(c, "import_seal");
	assert_int_equal(import(c, "j", 1500000000000001), TB_ERR_CONFLICT);
	exported.n = 0;
	assert_int_equal(
		tb_transfer_export(c->core, FLEET_ORG, export_row, &exported),
		TB_OK);
	assert_int_equal(exported.n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_site_writes_what_its_stores_hold),
		TEST(test_refusals_leave_no_names),
		TEST(test_central_data_needs_the_permission),
		TEST(test_a_moved_store_is_written_by_its_new_site),
		TEST(test_a_deleted_record_comes_back_by_its_own_site),
		TEST(test_undeclared_tables_belong_to_who_came_first),
		TEST(test_a_patch_changes_the_members_it_has),
		TEST(test_a_patch_needs_its_record),
		TEST(test_a_merge_needs_two_records),
		TEST(test_merges_cannot_go_round),
		TEST(test_children_of_the_merged_go_with_the_survivor),
		TEST(test_children_go_home_when_their_parent_is_deleted),
		TEST(test_a_child_follows_the_parent_that_it_names_now),
		TEST(test_who_is_not_the_mover_is_told_of_children_that_move),
		TEST(test_nobody_hangs_records_below_what_is_not_theirs),
		TEST(test_further_stores_may_be_listed),
		TEST(test_over_64_listed_stores_are_too_many),
		TEST(test_a_record_in_too_many_stores_harms_itself_alone),
		TEST(test_fields_are_of_their_types),
		TEST(test_a_conflict_keeps_the_centres_fields),
		TEST(test_a_patch_in_conflict_comes_back_whole),
		TEST(test_a_conflict_over_a_deletion),
		TEST(test_quarantine_holds_one_entry_for_each_record),
		TEST(test_quarantine_has_a_ceiling),
		TEST(test_a_store_that_comes_meanwhile_was_not_delivered),
		TEST(test_a_store_brings_what_had_left_another),
		TEST(test_an_initialisation_meanwhile_begins_at_nothing),
		TEST(test_an_import_keeps_times_until_the_org_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
