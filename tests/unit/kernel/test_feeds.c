/*
 * Where a feed ends and up to which number it had come at a time, on random
 * feeds against a look at every row, on each engine.
 */
#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>

#include "kernel/feeds.h"
#include "store/fail/fail.h"

#define SCOPE tb_rid(1, 70)
#define NEIGHBOUR tb_rid(1, 71)
#define ROWS_MAX 60
#define PROBES_MAX 44

static const char *const engines[] = { "memory", "sqlite" };

struct row {
	uint64_t num;
	int64_t time_us;
};

static uint64_t seed = 20240229;

static uint64_t random_below(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 20) % n;
}

/* Rows with rising numbers and times that rise or stay. */
static size_t make_rows(struct row *rows)
{
	size_t n = random_below(ROWS_MAX + 1);
	uint64_t gap = (uint64_t)1 << random_below(34);
	uint64_t num = 0;
	int64_t time_us = 1000;

	for (size_t i = 0; i < n; i++) {
		num += 1 + random_below(gap);
		time_us += (int64_t)random_below(4);
		rows[i] = (struct row) { num, time_us };
	}
	return n;
}

static void put_row(struct fixture *f, struct tb_tx *tx, uint64_t scope,
		    struct row row, unsigned i)
{
	struct tb_entry entry = fixture_entry(scope, row.num);
	char key[16];
	struct tb_record record;
	struct tb_op op;

	snprintf(key, sizeof(key), "%u", i);
	entry.time_us = row.time_us;
	record = fixture_record(tb_rid(1, 100 + i), key, "{}", &entry, 1);
	op = fixture_put(&record, NULL);
	MUST(f->ops->apply(tx, &op, 1));
}

/* The answer by its definition. */
static uint64_t reference(const struct row *rows, size_t n, int64_t after_us,
			  uint64_t head)
{
	for (size_t i = 0; i < n && rows[i].num <= head; i++)
		if (rows[i].time_us > after_us)
			return rows[i].num - 1;
	return head;
}

static void assert_found(struct tb_tx *tx, struct tb_store *counting,
			 const struct row *rows, size_t n, int64_t after_us,
			 uint64_t head)
{
	uint64_t found = UINT64_MAX;
	uint64_t probes = tb_fail_calls(counting, TB_FAIL_FEED_OPEN);
	uint64_t expected = reference(rows, n, after_us, head);

	MUST(tb_feed_find_time(tx, SCOPE, after_us, head, &found));
	if (found != expected)
		fail_msg("%" PRIu64 " is not %" PRIu64
			 " (%zu rows, after %" PRId64 ", head %" PRIu64 ")",
			 found, expected, n, after_us, head);
	probes = tb_fail_calls(counting, TB_FAIL_FEED_OPEN) - probes;
	assert_in_range(probes, 1, PROBES_MAX);
}

static void try_feed(struct fixture *f, struct tb_store *counting)
{
	struct row rows[ROWS_MAX];
	size_t n = make_rows(rows);
	uint64_t end = n > 0 ? rows[n - 1].num : 10;
	const struct row early = { 1, 1 };
	const struct row late = { end + 1000, INT64_MAX };
	struct tb_feed_row last;
	struct tb_tx *tx;

	MUST(counting->ops->begin(counting, TB_TX_WRITE, &tx));
	assert_int_equal(tb_feed_last(tx, SCOPE, &last), TB_ERR_NOT_FOUND);
	put_row(f, tx, SCOPE - 1, late, 0);
	put_row(f, tx, NEIGHBOUR, early, 1);
	for (size_t i = 0; i < n; i++)
		put_row(f, tx, SCOPE, rows[i], 2 + (unsigned)i);
	if (n > 0) {
		MUST(tb_feed_last(tx, SCOPE, &last));
		assert_true(last.num == end);
		assert_true(last.time_us == rows[n - 1].time_us);
	}
	for (size_t i = 0; i < 3 * n; i++) {
		int64_t near = rows[i / 3].time_us + (int64_t)(i % 3) - 1;

		assert_found(tx, counting, rows, n, near, end);
		assert_found(tx, counting, rows, n, near,
			     end + random_below(50));
		assert_found(tx, counting, rows, n, near, random_below(end));
	}
	assert_found(tx, counting, rows, n, INT64_MIN, end);
	assert_found(tx, counting, rows, n, INT64_MAX, end);
	counting->ops->rollback(tx);
}

static void a_time_is_found_in_any_feed(void **state)
{
	struct fixture f;
	struct tb_store *counting;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++) {
		fixture_init(&f, tb_store_find(tb_str_z(engines[i])));
		MUST(tb_fail_create(f.store, &counting));
		f.store = counting;
		f.ops = counting->ops;
		for (int round = 0; round < 60; round++)
			try_feed(&f, counting);
		fixture_fini(&f);
	}
}

static void who_knows_all_but_the_end_costs_little(void **state)
{
	struct fixture f;
	struct tb_store *counting;
	struct tb_tx *tx;
	uint64_t found;

	(void)state;
	fixture_init(&f, tb_store_find(TB_STR("memory")));
	MUST(tb_fail_create(f.store, &counting));
	f.store = counting;
	f.ops = counting->ops;
	MUST(counting->ops->begin(counting, TB_TX_WRITE, &tx));
	for (unsigned i = 0; i < 200; i++)
		put_row(&f, tx, SCOPE,
			(struct row) { 1000000 + i, 1000 + (int64_t)i }, i);
	MUST(tb_feed_find_time(tx, SCOPE, 1190, 1000199, &found));
	assert_int_equal(found, 1000190);
	assert_in_range(tb_fail_calls(counting, TB_FAIL_FEED_OPEN), 1, 7);
	counting->ops->rollback(tx);
	fixture_fini(&f);
}

/* The n-th call of the store fails, for every n until none does. */
static void an_error_of_the_store_is_the_answer(void **state)
{
	struct fixture f;
	struct tb_store *failing;
	struct tb_tx *tx;
	uint64_t found = 77;
	enum tb_err err = TB_ERR_IO;

	(void)state;
	fixture_init(&f, tb_store_find(TB_STR("memory")));
	MUST(tb_fail_create(f.store, &failing));
	f.store = failing;
	f.ops = failing->ops;
	MUST(failing->ops->begin(failing, TB_TX_WRITE, &tx));
	for (unsigned i = 0; i < 10; i++)
		put_row(&f, tx, SCOPE,
			(struct row) { 100 + i, 1000 + (int64_t)i }, i);
	for (uint64_t n = 1; err != TB_OK; n++) {
		const struct tb_fail_plan plan = { .call = TB_FAIL_FEED_NEXT,
						   .first = n,
						   .last = n,
						   .err = TB_ERR_IO };

		assert_int_equal(found, 77);
		tb_fail_set_plan(failing, &plan);
		err = tb_feed_find_time(tx, SCOPE, 1004, 109, &found);
		assert_true(err == TB_OK || err == TB_ERR_IO);
	}
	assert_int_equal(found, 104);
	tb_fail_set_plan(failing, NULL);
	failing->ops->rollback(tx);
	fixture_fini(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_found_in_any_feed),
		cmocka_unit_test(who_knows_all_but_the_end_costs_little),
		cmocka_unit_test(an_error_of_the_store_is_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
