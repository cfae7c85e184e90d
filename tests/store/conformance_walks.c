#include "conformance.h"

#include <stdio.h>

/*
 * Walks that are not along a feed with its records: against its order, and the
 * long ones that give of each record what a listing shows. And the numbers that
 * are not of the org's order, on either.
 */
#define SCOPE (((uint64_t)1 << TB_RID_ORG_SHIFT) + 65)

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
		n += (size_t)snprintf(numbers + n, sizeof(numbers) - n, "%llu ",
				      (unsigned long long)row.num);
	assert_int_equal(err, TB_ERR_NOT_FOUND);
	assert_int_equal(f->ops->feed_next(cursor, &row), TB_ERR_NOT_FOUND);
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
	return numbers;
}

static void put(struct fixture *f, const struct tb_record *record,
		const struct tb_record *old)
{
	struct tb_op op = fixture_put(record, old);

	fixture_apply(f, &op, 1);
}

/* Rows 70 to 74 in the feed, and one in each of those beside it. */
static void fill(struct fixture *f)
{
	for (unsigned i = 0; i < 7; i++) {
		uint64_t scope = i == 5   ? SCOPE - 1
				 : i == 6 ? SCOPE + 1
					  : SCOPE;
		struct tb_entry e = fixture_entry(scope, 70 + i);
		char key[8];
		struct tb_record r;

		snprintf(key, sizeof(key), "k%u", i);
		r = fixture_record(tb_rid(1, 70 + i), key, key, &e, 1);
		put(f, &r, NULL);
	}
}

static void a_feed_can_be_walked_backwards(void **state)
{
	struct fixture *f = *state;
	struct tb_feed_query query = whole_feed;

	query.backwards = true;
	assert_string_equal(walk(f, query), "");
	fill(f);
	assert_string_equal(walk(f, query), "74 73 72 71 70 ");
	query.limit = 2;
	assert_string_equal(walk(f, query), "74 73 ");
	query.until = 72;
	assert_string_equal(walk(f, query), "72 71 ");
	query.limit = UINT64_MAX;
	query.after = 70;
	assert_string_equal(walk(f, query), "72 71 ");
	query.after = 72;
	assert_string_equal(walk(f, query), "");
	query.after = 0;
	query.until = 69;
	assert_string_equal(walk(f, query), "");
	query.until = 500;
	query.limit = 0;
	assert_string_equal(walk(f, query), "");
}

static void a_row_met_backwards_is_whole_but_for_its_record(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_record r = fixture_record(tb_rid(1, 70), "a", "1", &e, 1);
	static const struct tb_record none;
	struct tb_feed_query query = whole_feed;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_tx *tx;

	e.entered = 80;
	e.origin = 63;
	e.flags = TB_ENTRY_PRESENT | TB_ENTRY_SIGHT;
	put(f, &r, NULL);
	query.backwards = true;
	tx = fixture_begin(f, TB_TX_READ);
	MUST(f->ops->feed_open(tx, &query, &cursor));
	memset(&row, 0xff, sizeof(row));
	MUST(f->ops->feed_next(cursor, &row));
	assert_true(row.num == 90 && row.rid == r.rid && row.entered == 80);
	assert_true(row.time_us == e.time_us && row.origin == 63);
	assert_int_equal(row.flags, TB_ENTRY_PRESENT | TB_ENTRY_SIGHT);
	assert_record_equal(&row.record, &none);
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
}

static void assert_listed(const struct tb_feed_row *row, uint64_t num,
			  const struct tb_record *record)
{
	const struct tb_record shown = {
		.body = record->body,
		.created_us = record->created_us,
		.updated_us = record->updated_us,
		.synced_us = record->synced_us,
		.deleted = record->deleted,
	};

	assert_true(row->num == num);
	assert_true(row->rid == 0 && row->entered == 0 && row->time_us == 0 &&
		    row->origin == 0 && row->flags == 0);
	assert_record_equal(&row->record, &shown);
}

static void a_listing_has_what_it_shows_of_each_record(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[] = { fixture_entry(SCOPE, 90),
				      fixture_entry(SCOPE + 1, 91),
				      fixture_entry(SCOPE, 95) };
	struct tb_record records[] = {
		fixture_record(tb_rid(1, 70), "a", "{\"b\":1}", &entries[0], 2),
		fixture_record(tb_rid(1, 71), "b", "", &entries[2], 1),
	};
	struct tb_feed_query query = whole_feed;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_tx *tx;

	entries[2].flags = TB_ENTRY_SIGHT;
	records[0].updated_us += 7;
	records[1].version = 77;
	records[1].deleted = true;
	put(f, &records[0], NULL);
	put(f, &records[1], NULL);
	query.for_listing = true;
	tx = fixture_begin(f, TB_TX_READ);
	MUST(f->ops->feed_open(tx, &query, &cursor));
	memset(&row, 0xff, sizeof(row));
	MUST(f->ops->feed_next(cursor, &row));
	assert_listed(&row, 90, &records[0]);
	MUST(f->ops->feed_next(cursor, &row));
	assert_listed(&row, 95, &records[1]);
	assert_int_equal(f->ops->feed_next(cursor, &row), TB_ERR_NOT_FOUND);
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
	query.after = 90;
	assert_string_equal(walk(f, query), "95 ");
	query.until = 94;
	assert_string_equal(walk(f, query), "");
	query.after = 0;
	query.until = UINT64_MAX;
	query.limit = 1;
	assert_string_equal(walk(f, query), "90 ");
}

static void a_listing_without_a_record_is_corrupt(void **state)
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
	query.for_listing = true;
	tx = fixture_begin(f, TB_TX_READ);
	MUST(f->ops->feed_open(tx, &query, &cursor));
	assert_int_equal(f->ops->feed_next(cursor, &row), TB_ERR_CORRUPT);
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
}

/* Each kind of walk takes up a cursor that another has left half way. */
static void walks_of_all_kinds_go_on_side_by_side(void **state)
{
	struct fixture *f = *state;
	struct tb_feed_query queries[] = { whole_feed, whole_feed, whole_feed,
					   whole_feed };
	struct tb_cursor *cursors[4];
	struct tb_feed_row row;
	struct tb_tx *tx;

	fill(f);
	queries[1].backwards = true;
	queries[2].for_listing = true;
	queries[3].bodies_only = true;
	for (int round = 0; round < 3; round++) {
		tx = fixture_begin(f, TB_TX_READ);
		for (int i = 0; i < 4; i++)
			MUST(f->ops->feed_open(tx, &queries[i], &cursors[i]));
		for (unsigned n = 0; n < 3; n++)
			for (int i = 3; i >= 0; i--) {
				MUST(f->ops->feed_next(cursors[i], &row));
				assert_int_equal(row.num,
						 i == 1 ? 74 - n : 70 + n);
			}
		for (int i = 0; i < 4; i++)
			f->ops->feed_close(cursors[i]);
		f->ops->rollback(tx);
	}
}

/* A record with an id of its own in the feed. */
static struct tb_record with_id(struct tb_entry *e, const char *key,
				uint64_t rid, uint64_t id)
{
	*e = fixture_entry(SCOPE, 70);
	e->num = id;
	e->entered = id;
	e->flags |= TB_ENTRY_FIXED;
	return fixture_record(rid, key, key, e, 1);
}

static void fixed_numbers_may_be_as_high_as_allowed(void **state)
{
	struct fixture *f = *state;
	static const uint64_t ids[] = { TB_FIXED_NUM_MAX, FIXTURE_HEAD + 1, 3,
					(uint64_t)1 << 53 };
	static const char *const keys[] = { "a", "b", "c", "d" };
	struct tb_feed_query query = whole_feed;
	struct tb_entry entries[4];
	struct tb_record records[4];

	for (size_t i = 0; i < TB_ARRAY_LEN(ids); i++) {
		records[i] = with_id(&entries[i], keys[i], tb_rid(1, 70 + i),
				     ids[i]);
		records[i].version = 70;
		put(f, &records[i], NULL);
	}
	assert_string_equal(walk(f, query),
			    "3 1000001 9007199254740992 9223372036854775806 ");
	query.backwards = true;
	assert_string_equal(walk(f, query),
			    "9223372036854775806 9007199254740992 1000001 3 ");
	query.until = TB_FIXED_NUM_MAX - 1;
	query.limit = 1;
	assert_string_equal(walk(f, query), "9007199254740992 ");
	query = whole_feed;
	query.after = TB_FIXED_NUM_MAX;
	assert_string_equal(walk(f, query), "");
	query.after--;
	query.until = TB_FIXED_NUM_MAX;
	assert_string_equal(walk(f, query), "9223372036854775806 ");
	for (size_t i = 0; i < TB_ARRAY_LEN(ids); i++)
		assert_record_equal(fixture_find(f, records[i].rid),
				    &records[i]);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void a_fixed_entry_changes_in_place(void **state)
{
	struct fixture *f = *state;
	struct tb_entry before;
	struct tb_entry after;
	struct tb_record r =
		with_id(&before, "a", tb_rid(1, 70), TB_FIXED_NUM_MAX);
	struct tb_record now =
		with_id(&after, "a", tb_rid(1, 70), TB_FIXED_NUM_MAX);

	r.version = 70;
	now.version = 71;
	now.deleted = true;
	after.flags = TB_ENTRY_FIXED;
	put(f, &r, NULL);
	put(f, &now, &r);
	assert_record_equal(fixture_find(f, r.rid), &now);
	assert_string_equal(walk(f, whole_feed), "9223372036854775806 ");
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void a_fixed_number_is_anothers_only_once(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[2];
	struct tb_record records[] = {
		with_id(&entries[0], "a", tb_rid(1, 70), TB_FIXED_NUM_MAX),
		with_id(&entries[1], "b", tb_rid(1, 71), TB_FIXED_NUM_MAX),
	};
	struct tb_op op = fixture_put(&records[1], NULL);
	struct tb_tx *tx;

	put(f, &records[0], NULL);
	tx = fixture_begin(f, TB_TX_WRITE);
	assert_int_equal(f->ops->apply(tx, &op, 1), TB_ERR_EXISTS);
	f->ops->rollback(tx);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(a_feed_can_be_walked_backwards),
	STORE_TEST(a_row_met_backwards_is_whole_but_for_its_record),
	STORE_TEST(a_listing_has_what_it_shows_of_each_record),
	STORE_TEST(a_listing_without_a_record_is_corrupt),
	STORE_TEST(walks_of_all_kinds_go_on_side_by_side),
	STORE_TEST(fixed_numbers_may_be_as_high_as_allowed),
	STORE_TEST(a_fixed_entry_changes_in_place),
	STORE_TEST(a_fixed_number_is_anothers_only_once),
};
PART(walks, tests);
