#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/alloc.h"
#include "base/table.h"

#define ROWS 200

struct row {
	uint32_t id;
	uint64_t value;
};

struct table {
	struct row *rows;
	size_t n;
	size_t cap;
};

static size_t position(const struct table *table, uint32_t id)
{
	return tb_table_position(table->rows, table->n, sizeof(*table->rows),
				 id);
}

static bool add(struct table *table, uint32_t id)
{
	size_t at = position(table, id);
	struct row *rows = tb_table_insert(table->rows, &table->n, &table->cap,
					   sizeof(*rows), at);

	if (!rows)
		return false;
	table->rows = rows;
	assert_int_equal(rows[at].id, 0);
	assert_int_equal(rows[at].value, 0);
	rows[at] = (struct row) { id, 3 * (uint64_t)id };
	return true;
}

static void an_empty_one_has_every_position_at_its_beginning(void **state)
{
	const struct table table = { .n = 0 };

	(void)state;
	assert_int_equal(position(&table, 0), 0);
	assert_int_equal(position(&table, UINT32_MAX), 0);
}

/* Whatever the order in which they come: here each third one, again and again
 * around the end. */
static void rows_are_in_the_order_of_their_ids(void **state)
{
	struct table table = { .n = 0 };

	(void)state;
	for (uint32_t i = 0; i < ROWS; i++)
		assert_true(add(&table, 2 * (3 * i % ROWS + 1)));
	assert_int_equal(table.n, ROWS);
	for (uint32_t i = 0; i < ROWS; i++) {
		assert_int_equal(table.rows[i].id, 2 * (i + 1));
		assert_int_equal(table.rows[i].value, 6 * (i + 1));
	}
	tb_free(table.rows);
}

static void a_position_is_the_row_or_the_next_one(void **state)
{
	struct table table = { .n = 0 };

	(void)state;
	assert_true(add(&table, 10) && add(&table, 20) &&
		    add(&table, UINT32_MAX));
	assert_int_equal(position(&table, 0), 0);
	assert_int_equal(position(&table, 10), 0);
	assert_int_equal(position(&table, 11), 1);
	assert_int_equal(position(&table, 20), 1);
	assert_int_equal(position(&table, 21), 2);
	assert_int_equal(position(&table, UINT32_MAX), 2);
	tb_free(table.rows);
}

/* What was there stays, and the row that did not fit can be added again. */
static void without_memory_nothing_changes(void **state)
{
	struct table table = { .n = 0 };
	size_t failures = 0;

	(void)state;
	for (uint32_t i = 0; i < ROWS; i++) {
		tb_alloc_fail_at(1);
		if (!add(&table, i)) {
			tb_alloc_fail_at(0);
			failures++;
			assert_int_equal(table.n, i);
			assert_true(add(&table, i));
		}
		tb_alloc_fail_at(0);
	}
	assert_true(failures > 1 && failures < ROWS / 8);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_int_equal(table.rows[i].id, i);
	tb_free(table.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_empty_one_has_every_position_at_its_beginning),
		cmocka_unit_test(rows_are_in_the_order_of_their_ids),
		cmocka_unit_test(a_position_is_the_row_or_the_next_one),
		cmocka_unit_test(without_memory_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
