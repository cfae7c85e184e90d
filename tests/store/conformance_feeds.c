#include "conformance.h"

#include <stdio.h>

#define SCOPE (((uint64_t)1 << TB_RID_ORG_SHIFT) + 65)
#define OTHER_SCOPE (SCOPE + 1)

static const struct tb_feed_query whole_feed = { .scope = SCOPE,
						 .until = UINT64_MAX,
						 .limit = UINT64_MAX };

/* The numbers that a walk gives, as "70 71 73 ". */
static const char *walk(struct fixture *f, struct tb_feed_query query)
{
	static char numbers[1024];
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;
	enum tb_err err;

	numbers[0] = '\0';
	MUST(f->ops->feed_open(tx, &query, &cursor));
	while ((err = f->ops->feed_next(cursor, &row)) == TB_OK)
		n += (size_t)snprintf(numbers + n, sizeof(numbers) - n, "%u ",
				      (unsigned)row.num);
	assert_int_equal(err, TB_ERR_NOT_FOUND);
	assert_int_equal(f->ops->feed_next(cursor, &row), TB_ERR_NOT_FOUND);
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
	return numbers;
}

/* Records 70 ... in the feed, each from the origin given for it. */
static void fill(struct fixture *f, const uint32_t *origins, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tb_entry e = fixture_entry(SCOPE, 70 + i);
		char key[8];
		struct tb_record r;
		struct tb_op op;

		snprintf(key, sizeof(key), "k%zu", i);
		e.origin = origins[i];
		r = fixture_record(tb_rid(1, 70 + i), key, key, &e, 1);
		op = fixture_put(&r, NULL);
		fixture_apply(f, &op, 1);
	}
}

static const uint32_t five_origins[] = { 1, 2, 1, 0, 2 };

static void a_feed_is_given_in_the_order_of_its_numbers(void **state)
{
	struct fixture *f = *state;
	struct tb_entry late = fixture_entry(SCOPE, 300);
	struct tb_entry early = fixture_entry(SCOPE, 71);
	struct tb_entry other = fixture_entry(OTHER_SCOPE, 100);
	struct tb_record records[] = {
		fixture_record(tb_rid(1, 70), "a", "1", &late, 1),
		fixture_record(tb_rid(1, 71), "b", "2", &other, 1),
		fixture_record(tb_rid(1, 72), "c", "3", &early, 1),
	};
	struct tb_op ops[] = {
		fixture_put(&records[0], NULL),
		fixture_put(&records[1], NULL),
		fixture_put(&records[2], NULL),
	};

	fixture_apply(f, ops, 3);
	assert_string_equal(walk(f, whole_feed), "71 300 ");
	assert_string_equal(
		walk(f, (struct tb_feed_query) { .scope = tb_rid(1, 67),
						 .until = UINT64_MAX,
						 .limit = UINT64_MAX }),
		"");
}

static void after_is_exclusive_until_inclusive_limit_counts(void **state)
{
	struct fixture *f = *state;
	struct tb_feed_query query = whole_feed;

	fill(f, five_origins, 5);
	query.after = 71;
	assert_string_equal(walk(f, query), "72 73 74 ");
	query.until = 73;
	assert_string_equal(walk(f, query), "72 73 ");
	query.limit = 1;
	assert_string_equal(walk(f, query), "72 ");
	query.limit = 0;
	assert_string_equal(walk(f, query), "");
	query.limit = UINT64_MAX;
	query.until = 71;
	assert_string_equal(walk(f, query), "");
	query.after = UINT64_MAX;
	query.until = UINT64_MAX;
	assert_string_equal(walk(f, query), "");
}

static void a_site_does_not_get_back_its_own_above_a_mark(void **state)
{
	struct fixture *f = *state;
	struct tb_feed_query query = whole_feed;

	fill(f, five_origins, 5);
	query.skip_origin = 1;
	assert_string_equal(walk(f, query), "71 73 74 ");
	query.skip_above = 70;
	assert_string_equal(walk(f, query), "70 71 73 74 ");
	query.skip_above = UINT64_MAX;
	assert_string_equal(walk(f, query), "70 71 72 73 74 ");
	query.skip_above = 71;
	query.limit = 3;
	assert_string_equal(walk(f, query), "70 71 73 ");
	query.skip_origin = 0;
	assert_string_equal(walk(f, query), "70 71 72 ");
	query.with_records = true;
	query.skip_origin = 2;
	query.skip_above = 0;
	assert_string_equal(walk(f, query), "70 72 73 ");
	query.with_entries = true;
	assert_string_equal(walk(f, query), "70 72 73 ");
}

static void first_row(struct fixture *f, struct tb_tx *tx,
		      const struct tb_feed_query *query,
		      struct tb_cursor **ret_cursor, struct tb_feed_row *ret)
{
	MUST(f->ops->feed_open(tx, query, ret_cursor));
	memset(ret, 0xff, sizeof(*ret));
	MUST(f->ops->feed_next(*ret_cursor, ret));
}

static void a_row_has_what_the_query_asks_for(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[] = { fixture_entry(SCOPE, 90),
				      fixture_entry(OTHER_SCOPE, 91) };
	struct tb_record r =
		fixture_record(tb_rid(1, 70), "a", "{\"b\":1}", entries, 2);
	struct tb_op op = fixture_put(&r, NULL);
	struct tb_feed_query query = whole_feed;
	struct tb_record bare = r;
	static const struct tb_record none;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_tx *tx;

	entries[0].entered = 80;
	entries[0].origin = 63;
	entries[0].flags = TB_ENTRY_PRESENT | TB_ENTRY_HOME;
	r.deleted = true;
	bare.deleted = true;
	bare.entries = NULL;
	bare.n_entries = 0;
	fixture_apply(f, &op, 1);
	tx = fixture_begin(f, TB_TX_READ);

	first_row(f, tx, &query, &cursor, &row);
	assert_true(row.num == 90 && row.rid == r.rid && row.entered == 80);
	assert_true(row.time_us == entries[0].time_us && row.origin == 63);
	assert_int_equal(row.flags, TB_ENTRY_PRESENT | TB_ENTRY_HOME);
	assert_record_equal(&row.record, &none);
	f->ops->feed_close(cursor);

	query.with_records = true;
	first_row(f, tx, &query, &cursor, &row);
	assert_true(row.num == 90 && row.rid == r.rid && row.entered == 80);
	assert_record_equal(&row.record, &bare);
	f->ops->feed_close(cursor);

	query.with_entries = true;
	first_row(f, tx, &query, &cursor, &row);
	assert_record_equal(&row.record, &r);
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
}

/* Rows of such a walk, as "num=body "; nothing else is in them. */
static void bodies_of(struct fixture *f, const struct tb_feed_query *query,
		      char *to, size_t n)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t at = 0;

	to[0] = '\0';
	MUST(f->ops->feed_open(tx, query, &cursor));
	while (f->ops->feed_next(cursor, &row) == TB_OK) {
		const struct tb_record bare = { .body = row.record.body };

		assert_record_equal(&row.record, &bare);
		assert_true(row.rid == 0 && row.entered == 0 &&
			    row.time_us == 0 && row.origin == 0 &&
			    row.flags == 0);
		at += (size_t)snprintf(to + at, n - at, "%llu=%.*s ",
				       (unsigned long long)row.num,
				       TB_STR_ARG(row.record.body));
		assert_true(at < n);
	}
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
}

static void a_walk_over_bodies_has_numbers_and_bodies_alone(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[] = { fixture_entry(SCOPE, 90),
				      fixture_entry(SCOPE, 95),
				      fixture_entry(OTHER_SCOPE, 96) };
	struct tb_record records[] = {
		fixture_record(tb_rid(1, 70), "a", "{\"b\":1}", &entries[0], 1),
		fixture_record(tb_rid(1, 71), "b", "", &entries[1], 2),
	};
	struct tb_op ops[] = {
		fixture_put(&records[0], NULL),
		fixture_put(&records[1], NULL),
	};
	struct tb_feed_query query = whole_feed;
	char rows[256];

	fixture_apply(f, ops, 2);
	query.bodies_only = true;
	bodies_of(f, &query, rows, sizeof(rows));
	assert_string_equal(rows, "90={\"b\":1} 95= ");
	query.limit = 1;
	bodies_of(f, &query, rows, sizeof(rows));
	assert_string_equal(rows, "90={\"b\":1} ");
	query.after = 90;
	query.until = 95;
	bodies_of(f, &query, rows, sizeof(rows));
	assert_string_equal(rows, "95= ");
	query.until = 94;
	bodies_of(f, &query, rows, sizeof(rows));
	assert_string_equal(rows, "");
}

static void a_changed_record_moves_to_its_new_number(void **state)
{
	struct fixture *f = *state;
	struct tb_entry before = fixture_entry(SCOPE, 70);
	struct tb_entry after = fixture_entry(SCOPE, 90);
	struct tb_record old =
		fixture_record(tb_rid(1, 70), "k0", "k0", &before, 1);
	struct tb_record now =
		fixture_record(tb_rid(1, 70), "k0", "new", &after, 1);
	struct tb_op op = fixture_put(&now, &old);

	before.origin = five_origins[0];
	fill(f, five_origins, 5);
	fixture_apply(f, &op, 1);
	assert_string_equal(walk(f, whole_feed), "71 72 73 74 90 ");
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void entries_are_compared_scope_by_scope(void **state)
{
	struct fixture *f = *state;
	struct tb_entry before[] = {
		fixture_entry(tb_rid(1, 65), 70), /* stays */
		fixture_entry(tb_rid(1, 66), 70), /* ends without a trace */
		fixture_entry(tb_rid(1, 67), 70), /* is left */
		fixture_entry(tb_rid(1, 68), 70), /* changes in place */
	};
	struct tb_entry after[] = {
		fixture_entry(tb_rid(1, 69), 90), /* is new */
		fixture_entry(tb_rid(1, 68), 70),
		fixture_entry(tb_rid(1, 67), 90),
		fixture_entry(tb_rid(1, 65), 70),
	};
	struct tb_record old =
		fixture_record(tb_rid(1, 70), "a", "1", before, 4);
	struct tb_record now =
		fixture_record(tb_rid(1, 70), "a", "1", after, 4);
	struct tb_op ops[] = { fixture_put(&old, NULL),
			       fixture_put(&now, &old) };

	after[1].flags = TB_ENTRY_PRESENT | TB_ENTRY_WAITING;
	after[2].flags = 0;
	fixture_apply(f, ops, 2);
	assert_record_equal(fixture_find(f, now.rid), &now);
	assert_int_equal(fixture_count(f, tb_rid(1, 65)), 1);
	assert_int_equal(fixture_count(f, tb_rid(1, 66)), 0);
	assert_int_equal(fixture_count(f, tb_rid(1, 67)), 1);
	assert_int_equal(fixture_count(f, tb_rid(1, 68)), 1);
	assert_int_equal(fixture_count(f, tb_rid(1, 69)), 1);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void many_walks_at_once_do_not_disturb_each_other(void **state)
{
	enum {
		WALKS = 40
	};
	struct fixture *f = *state;
	struct tb_cursor *cursors[WALKS];
	struct tb_feed_row row;
	struct tb_tx *tx;

	fill(f, five_origins, 5);
	for (int round = 0; round < 2; round++) {
		tx = fixture_begin(f, TB_TX_READ);
		for (int i = 0; i < WALKS; i++) {
			struct tb_feed_query query = whole_feed;

			query.after = 69 + (uint64_t)i % 5;
			query.with_records = i % 2;
			query.with_entries = i % 3 == 0;
			MUST(f->ops->feed_open(tx, &query, &cursors[i]));
		}
		for (int i = WALKS - 1; i >= 0; i--) {
			MUST(f->ops->feed_next(cursors[i], &row));
			assert_int_equal(row.num, 70 + i % 5);
		}
		for (int i = 0; i < WALKS; i++)
			f->ops->feed_close(cursors[i]);
		f->ops->rollback(tx);
	}
}

static void a_walk_that_ends_early_can_be_followed_by_others(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *tx;

	fill(f, five_origins, 5);
	tx = fixture_begin(f, TB_TX_READ);
	for (int i = 0; i < 3; i++) {
		struct tb_cursor *cursor;
		struct tb_feed_row row;

		first_row(f, tx, &whole_feed, &cursor, &row);
		assert_int_equal(row.num, 70);
		f->ops->feed_close(cursor);
	}
	f->ops->rollback(tx);
}

static void a_writer_walks_over_what_it_wrote(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_record r = fixture_record(tb_rid(1, 90), "a", "1", &e, 1);
	struct tb_op op = fixture_put(&r, NULL);
	struct tb_tx *tx = fixture_begin(f, TB_TX_WRITE);
	struct tb_feed_query query = whole_feed;
	struct tb_cursor *cursor;
	struct tb_feed_row row;

	query.with_records = true;
	query.with_entries = true;
	MUST(f->ops->apply(tx, &op, 1));
	first_row(f, tx, &query, &cursor, &row);
	assert_record_equal(&row.record, &r);
	f->ops->feed_close(cursor);
	f->ops->feed_close(NULL);
	f->ops->rollback(tx);
}

static void a_row_without_its_record_is_corrupt(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_record r = fixture_record(tb_rid(1, 90), "a", "1", &e, 1);
	struct tb_record lie = fixture_record(r.rid, "a", "1", NULL, 0);
	struct tb_op ops[] = { fixture_put(&r, NULL), fixture_remove(&lie) };
	struct tb_feed_query query = whole_feed;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_tx *tx;

	fixture_apply(f, ops, 2);
	tx = fixture_begin(f, TB_TX_READ);
	for (int i = 0; i < 2; i++) {
		query.with_records = true;
		query.with_entries = i;
		MUST(f->ops->feed_open(tx, &query, &cursor));
		assert_int_equal(f->ops->feed_next(cursor, &row),
				 TB_ERR_CORRUPT);
		f->ops->feed_close(cursor);
	}
	f->ops->rollback(tx);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(a_row_without_its_record_is_corrupt),
	STORE_TEST(a_feed_is_given_in_the_order_of_its_numbers),
	STORE_TEST(after_is_exclusive_until_inclusive_limit_counts),
	STORE_TEST(a_site_does_not_get_back_its_own_above_a_mark),
	STORE_TEST(a_row_has_what_the_query_asks_for),
	STORE_TEST(a_walk_over_bodies_has_numbers_and_bodies_alone),
	STORE_TEST(a_changed_record_moves_to_its_new_number),
	STORE_TEST(entries_are_compared_scope_by_scope),
	STORE_TEST(many_walks_at_once_do_not_disturb_each_other),
	STORE_TEST(a_walk_that_ends_early_can_be_followed_by_others),
	STORE_TEST(a_writer_walks_over_what_it_wrote),
};
PART(feeds, tests);
