/*
 * Sums of what does not write: they add up, bounded, and none is lost because
 * it could not be written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/reads.h"
#include "fleet.h"
#include "kernel/audit.h"
#include "store/fail/fail.h"

static const uint8_t salt[16] = { 1 };

struct fixture {
	struct centre centre;
	struct tb_store *fail;
	struct tb_reads *reads;
};

static int setup(void **state)
{
	static struct fixture f;

	assert_int_equal(tb_fail_create(memory_store(), &f.fail), TB_OK);
	centre_open(&f.centre, f.fail);
	f.reads = tb_reads_create();
	assert_non_null(f.reads);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_reads_destroy(f->reads);
	centre_close(&f->centre);
	return 0;
}

/* The details of all rows of sums, one after the other; how many there are. */
static size_t read_rows(struct fixture *f, char *text, size_t size)
{
	struct tb_arena *arena = tb_arena_create((size_t)64 << 20);
	struct tb_audit_row row = { .n = 0 };
	struct tb_audit_entry entry;
	struct tb_tx *tx;
	size_t rows = 0;
	size_t n = 0;

	assert_non_null(arena);
	assert_int_equal(tb_core_read(f->centre.core, &tx), TB_OK);
	while (f->fail->ops->audit_next(tx, arena, FLEET_ORG, row.n, &row) ==
	       TB_OK) {
		assert_int_equal(tb_audit_decode(arena, &row, &entry), TB_OK);
		if (!tb_str_eq(entry.event_type, TB_STR("access")))
			continue;
		rows++;
		n += (size_t)snprintf(text + n, size - n, "%.*s",
				      TB_STR_ARG(entry.detail));
		assert_true(n < size);
	}
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	return rows;
}

/* What the counts in a text come to. */
static unsigned long total(const char *text)
{
	static const char name[] = "\"count\":";
	unsigned long sum = 0;

	while ((text = strstr(text, name)) != NULL) {
		unsigned long count;

		assert_int_equal(sscanf(text + strlen(name), "%lu", &count), 1);
		sum += count;
		text += strlen(name);
	}
	return sum;
}

static void add(struct fixture *f, const char *principal, unsigned status)
{
	tb_reads_add(f->reads, FLEET_ORG, tb_str_z(principal), TB_STR("pull"),
		     status);
}

static char text[4 << 20];

static void test_requests_that_are_alike_are_one_sum(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		add(f, "site/63", 200);
	add(f, "site/63", 401);
	add(f, "site/64", 200);
	assert_int_equal(tb_reads_flush(f->reads, f->centre.core, salt), TB_OK);
	assert_int_equal(read_rows(f, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "{\"principal\":\"site/63\",\"operation\":"
				     "\"pull\",\"status\":200,\"count\":3}"));
	assert_int_equal(total(text), 5);
	/* They are written once. */
	assert_int_equal(tb_reads_flush(f->reads, f->centre.core, salt), TB_OK);
	assert_int_equal(read_rows(f, text, sizeof(text)), 1);
}

static void test_what_could_not_be_written_is_written_later(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_FULL };
	struct fixture *f = *state;

	add(f, "site/63", 200);
	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(tb_reads_flush(f->reads, f->centre.core, salt),
			 TB_ERR_FULL);
	tb_fail_set_plan(f->fail, NULL);
	add(f, "site/63", 200);
	assert_int_equal(tb_reads_flush(f->reads, f->centre.core, salt), TB_OK);
	assert_int_equal(read_rows(f, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "\"count\":2"));
}

static void add_many(struct fixture *f, const char *prefix)
{
	char principal[32];

	for (int i = 0; i < 20001; i++) {
		snprintf(principal, sizeof(principal), "%s/%d", prefix, i);
		add(f, principal, 200);
	}
}

/* Names past the ceiling are counted without them: also of sums that come
 * back because they could not be written. */
static void test_past_the_ceiling_requests_are_counted_namelessly(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_FULL };
	struct fixture *f = *state;

	add_many(f, "a");
	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(tb_reads_flush(f->reads, f->centre.core, salt),
			 TB_ERR_FULL);
	tb_fail_set_plan(f->fail, NULL);
	add_many(f, "b");
	add_many(f, "c");
	assert_int_equal(tb_reads_flush(f->reads, f->centre.core, salt), TB_OK);
	assert_int_equal(read_rows(f, text, sizeof(text)), 20001 / 200 + 1);
	assert_int_equal(total(text), 3 * 20001);
	assert_non_null(strstr(text, "(others)"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests_that_are_alike_are_one_sum),
		TEST(test_what_could_not_be_written_is_written_later),
		TEST(test_past_the_ceiling_requests_are_counted_namelessly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
