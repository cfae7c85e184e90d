/*
 * Reading the audit trail: each row that fits, the newest first, whatever
 * slices and pages it is read in.
 */
#include "audit_world.h"

#include "base/alloc.h"
#include "kernel/audit_keep.h"

/* Types and devices by turns. */
#define ROWS 31
#define LAST ROWS

static const char *const types[] = { "devices", "sites", "events" };
static const char *const devices[] = { "d1", "d2", "d\"3\"\\", "" };

static void fill(struct world *w)
{
	for (size_t i = 0; i < ROWS; i++)
		add_row(w, types[i % TB_ARRAY_LEN(types)],
			devices[i % TB_ARRAY_LEN(devices)]);
}

static int64_t time_of(const struct world *w, uint64_t n)
{
	return w->ic.now_us - (int64_t)(LAST - n) * SECOND_US;
}

static struct tb_audit_query everything(const struct world *w)
{
	return (struct tb_audit_query) { .org = w->org,
					 .since_us = INT64_MIN,
					 .until_us = INT64_MAX };
}

static bool is_asked(const struct tb_audit_query *query, uint64_t n)
{
	size_t i = (size_t)n - 1;

	return (query->event_type.p == NULL ||
		tb_str_eq(query->event_type,
			  tb_str_z(types[i % TB_ARRAY_LEN(types)]))) &&
	       (query->device.p == NULL ||
		tb_str_eq(query->device,
			  tb_str_z(devices[i % TB_ARRAY_LEN(devices)])));
}

/* What is expected, by looking at everything; its count. */
static size_t expect(const struct world *w, const struct tb_audit_query *query,
		     uint64_t *rets)
{
	size_t count = 0;

	for (uint64_t n = LAST; n >= 1; n--)
		if (is_asked(query, n) && time_of(w, n) >= query->since_us &&
		    time_of(w, n) <= query->until_us)
			rets[count++] = n;
	return count;
}

static void check_walk(struct world *w, const struct tb_audit_query *query,
		       size_t max)
{
	uint64_t expected[LAST];
	uint64_t got[LAST];
	size_t n_expected = expect(w, query, expected);
	size_t n_got = 0;
	size_t n;
	struct tb_audit_walk walk;

	MUST(tb_audit_walk_begin(w->ic.core, query, &walk));
	while (!tb_audit_walk_is_done(&walk)) {
		uint64_t rows[LAST];

		MUST(tb_audit_walk_next(w->ic.core, &walk, rows, max, &n));
		assert_true(n <= max && n_got + n <= n_expected);
		memcpy(got + n_got, rows, n * sizeof(*rows));
		n_got += n;
	}
	assert_int_equal(n_got, n_expected);
	assert_memory_equal(got, expected, n_got * sizeof(*got));
}

static void check_pages(struct world *w, const struct tb_audit_query *query,
			size_t limit)
{
	static struct tb_audit_page page;
	uint64_t expected[LAST];
	size_t n_expected = expect(w, query, expected);

	for (size_t offset = 0; offset <= n_expected; offset += limit) {
		size_t left = n_expected - offset;

		MUST(tb_audit_page_read(w->ic.core, query, offset, limit, LAST,
					&page));
		assert_true(page.is_complete);
		assert_int_equal(page.total, n_expected);
		assert_int_equal(page.n, left < limit ? left : limit);
		assert_memory_equal(page.rows, expected + offset,
				    page.n * sizeof(*expected));
	}
}

static void check(struct world *w, const struct tb_audit_query *query)
{
	for (size_t max = 1; max <= LAST; max += 7) {
		check_walk(w, query, max);
		check_pages(w, query, max);
	}
}

static void each_row_that_fits_is_read_on(struct world *w)
{
	struct tb_audit_query query = everything(w);

	fill(w);
	check(w, &query);
	for (size_t i = 0; i < TB_ARRAY_LEN(types); i++) {
		query.event_type = tb_str_z(types[i]);
		check(w, &query);
		for (size_t j = 0; j < 3; j++) {
			query.device = tb_str_z(devices[j]);
			check(w, &query);
		}
		query.device = TB_STR_NONE;
	}
	/* A part of a name is not the name. */
	query.event_type = TB_STR("device");
	check(w, &query);
}

static void each_row_that_fits_is_read(void **unused)
{
	(void)unused;
	world_on_each_engine(each_row_that_fits_is_read_on);
}

static void times_are_inclusive(void **unused)
{
	struct tb_audit_query query;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	fill(&w);
	for (uint64_t from = 1; from <= LAST; from += 5)
		for (uint64_t to = from; to <= LAST; to += 6)
			for (int64_t shift = -1; shift <= 1; shift++) {
				query = everything(&w);
				query.since_us = time_of(&w, from) + shift;
				query.until_us = time_of(&w, to) + shift;
				check(&w, &query);
				query.event_type = TB_STR("sites");
				check(&w, &query);
			}
	query = everything(&w);
	query.since_us = time_of(&w, 9);
	query.until_us = time_of(&w, 8);
	check(&w, &query);
	query.until_us = time_of(&w, 1) - 1;
	check(&w, &query);
	query = everything(&w);
	query.since_us = time_of(&w, LAST) + 1;
	check(&w, &query);
	world_fini(&w);
}

static void only_so_many_are_looked_at(void **unused)
{
	static struct tb_audit_page page;
	struct tb_audit_query query;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	fill(&w);
	query = everything(&w);
	query.event_type = TB_STR("devices");
	MUST(tb_audit_page_read(w.ic.core, &query, 0, 100, 6, &page));
	assert_false(page.is_complete);
	assert_int_equal(page.total, 2);
	assert_int_equal(page.n, 2);
	MUST(tb_audit_page_read(w.ic.core, &query, 0, 100, LAST - 1, &page));
	assert_false(page.is_complete);
	MUST(tb_audit_page_read(w.ic.core, &query, 0, 100, LAST, &page));
	assert_true(page.is_complete);
	/* Of times alone nothing has to be looked at. */
	query.event_type = TB_STR_NONE;
	MUST(tb_audit_page_read(w.ic.core, &query, 29, 100, 1, &page));
	assert_true(page.is_complete);
	assert_int_equal(page.total, LAST);
	assert_int_equal(page.n, 2);
	world_fini(&w);
}

static void dropped_rows_are_not_there(void **unused)
{
	static struct tb_audit_page page;
	struct tb_audit_query query;
	struct tb_audit_entry entry;
	struct tb_tx *tx;
	struct world w;
	uint64_t n;

	(void)unused;
	world_init(&w, &tb_store_memory);
	fill(&w);
	query = everything(&w);
	MUST(tb_audit_drop(w.ic.core, &w.ic.note, w.org, time_of(&w, 11), &n));
	assert_int_equal(n, 10);
	MUST(tb_audit_page_read(w.ic.core, &query, 0, 100, LAST, &page));
	assert_int_equal(page.total, LAST + 1 - 10);
	assert_int_equal(page.rows[page.n - 1], 11);
	tx = inline_core_read(&w.ic);
	assert_int_equal(tb_audit_find(tx, w.ic.arena, w.org, 10, &entry),
			 TB_ERR_NOT_FOUND);
	MUST(tb_audit_find_before(tx, w.ic.arena, w.org, time_of(&w, 11), &n));
	assert_int_equal(n, 0);
	MUST(tb_audit_find_before(tx, w.ic.arena, w.org, time_of(&w, 12), &n));
	assert_int_equal(n, 11);
	tb_core_read_end(tx);
	world_fini(&w);
}

static bool spoil(struct tb_audit_row *row)
{
	row->row = TB_STR("no JSON");
	return true;
}

static bool leave_out(struct tb_audit_row *row)
{
	(void)row;
	return false;
}

static void a_damaged_row_hides_no_other(void **unused)
{
	static struct tb_audit_page page;
	struct tb_audit_query query;
	struct tb_audit_entry entry;
	struct tb_tx *tx;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	fill(&w);
	tamper_with(&w, 16, spoil);
	tamper_with(&w, 19, leave_out);
	query = everything(&w);
	query.event_type = TB_STR("devices");
	MUST(tb_audit_page_read(w.ic.core, &query, 0, 100, LAST, &page));
	/* Of eleven. */
	assert_int_equal(page.total, 9);
	query.since_us = time_of(&w, 15);
	query.until_us = time_of(&w, 21);
	query.event_type = TB_STR_NONE;
	MUST(tb_audit_page_read(w.ic.core, &query, 0, 100, LAST, &page));
	assert_int_equal(page.rows[0], 21);
	assert_int_equal(page.rows[page.n - 1], 15);
	tx = inline_core_read(&w.ic);
	MUST(tb_audit_find(tx, w.ic.arena, w.org, 16, &entry));
	assert_int_equal(entry.n, 16);
	assert_true(tb_str_eq(entry.status, TB_STR("damaged")));
	tb_core_read_end(tx);
	world_fini(&w);
}

static void times_of_queries(void **unused)
{
	static const struct {
		const char *text;
		int64_t begin_us, end_us; /* 0: it is none */
	} cases[] = {
		{ "2023-11-14", 1699920000000000, 1700006399999999 },
		{ "2023-11-14T22:13:20", 1700000000000000, 1700000000000000 },
		{ "2023-11-14T22:13:20.5Z", 1700000000500000,
		  1700000000500000 },
		{ "2023-11-15T00:13:20+02:00", 1700000000000000,
		  1700000000000000 },
		{ "2023-11-31", 0, 0 },
		{ "yesterday", 0, 0 },
		{ "", 0, 0 },
	};

	(void)unused;
	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_str text = tb_str_z(cases[i].text);
		int64_t begin_us = 0;
		int64_t end_us = 0;
		enum tb_err expected =
			cases[i].begin_us != 0 ? TB_OK : TB_ERR_INVALID;

		assert_int_equal(tb_audit_parse_time(text, false, &begin_us),
				 expected);
		assert_int_equal(tb_audit_parse_time(text, true, &end_us),
				 expected);
		assert_int_equal(begin_us, cases[i].begin_us);
		assert_int_equal(end_us, cases[i].end_us);
	}
}

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	static struct tb_audit_page page;
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_IO };
	struct tb_audit_query query;
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	add_rows(&w, 5);
	query = everything(&w);
	query.event_type = TB_STR("devices");
	query.since_us = w.ic.now_us - 3 * SECOND_US;
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = tb_audit_page_read(w.ic.core, &query, 0, 100, 100, &page);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	assert_int_equal(err == TB_OK, page.total == 4);
	world_fini(&w);
	return met;
}

static void nth_store_call_fails(void **unused)
{
	(void)unused;
	world_fail_each_store_call(fail_once);
}

static void nth_allocation_fails(void **unused)
{
	(void)unused;
	world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_that_fits_is_read),
		cmocka_unit_test(times_are_inclusive),
		cmocka_unit_test(only_so_many_are_looked_at),
		cmocka_unit_test(dropped_rows_are_not_there),
		cmocka_unit_test(a_damaged_row_hides_no_other),
		cmocka_unit_test(times_of_queries),
		cmocka_unit_test(nth_store_call_fails),
		cmocka_unit_test(nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
