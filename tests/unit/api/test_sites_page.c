/*
 * Rendered pages, byte for byte, in each form.
 */
#include "../base/torture.h"

#include <stdio.h>
#include <string.h>

#include "api/sites/page.h"
#include "base/arena.h"
#include "base/assert.h"
#include "codec/json.h"

#define PAGE_MAX_BYTES 4096

static const struct tb_delivery insert = {
	.action = TB_DELIVER_INSERT,
	.sequence = 978987,
	.origin = 63,
	.table = TB_STR_INIT("trans_line"),
	.id = TB_STR_INIT("someUUID"),
	.data = TB_STR_INIT("{\"cost_price\": 65.50}"),
};
static const struct tb_delivery gone = {
	.action = TB_DELIVER_DELETE,
	.sequence = 978988,
	.origin = TB_ORIGIN_CENTRE,
	.table = TB_STR_INIT("item"),
	.id = TB_STR_INIT("b"),
	.data = TB_STR_INIT("{}"),
};
static const struct tb_delivery hole = {
	.action = TB_DELIVER_HOLE,
	.sequence = 978989,
};

static void init(struct tb_page *page, enum tb_page_form form, size_t max_bytes)
{
	struct tb_page_options options = {
		.form = form,
		.central_site_id = 1,
		.max_bytes = max_bytes,
	};

	tb_page_init(page, &options);
}

static void assert_page(struct tb_page *page, uint64_t count,
			const char *expected)
{
	assert_int_equal(tb_page_finish(page, count), TB_OK);
	assert_int_equal(page->buf.n, strlen(expected));
	assert_memory_equal(page->buf.p, expected, page->buf.n);
	tb_page_fini(page);
}

static void test_the_plain_page(void **state)
{
	struct tb_page page;

	(void)state;
	init(&page, TB_PAGE_PLAIN, PAGE_MAX_BYTES);
	assert_true(tb_page_take(&page, &insert));
	assert_true(tb_page_take(&page, &gone));
	assert_true(tb_page_take(&page, &hole));
	assert_int_equal(page.n, 3);
	assert_page(&page, 0,
		    "[{\"site_id\":\"63\",\"table\":\"trans_line\","
		    "\"recordID\":\"someUUID\",\"action\":\"insert\","
		    "\"sequence\":\"978987\",\"data\":{\"cost_price\": 65.50}},"
		    "{\"site_id\":\"1\",\"table\":\"item\","
		    "\"recordID\":\"b\",\"action\":\"delete\","
		    "\"sequence\":\"978988\",\"data\":{}},"
		    "{\"site_id\":\"1\",\"sequence\":\"978989\","
		    "\"data\":\"none\"}]");
}

static void test_the_versioned_queue(void **state)
{
	struct tb_page page;

	(void)state;
	init(&page, TB_PAGE_QUEUE, PAGE_MAX_BYTES);
	assert_true(tb_page_take(&page, &insert));
	assert_page(&page, 17,
		    "{\"queueLength\":17,\"data\":[{\"syncOutId\":\"978987\","
		    "\"tableName\":\"trans_line\",\"recordId\":\"someUUID\","
		    "\"action\":\"insert\","
		    "\"recordData\":{\"cost_price\": 65.50}}]}");
}

static void test_the_versioned_central_feed(void **state)
{
	struct tb_delivery update = insert;
	struct tb_page page;

	(void)state;
	update.action = TB_DELIVER_UPDATE;
	init(&page, TB_PAGE_CENTRAL, PAGE_MAX_BYTES);
	assert_true(tb_page_take(&page, &update));
	assert_true(tb_page_take(&page, &gone));
	assert_page(&page, UINT64_MAX,
		    "{\"maxCursor\":18446744073709551615,\"data\":["
		    "{\"ID\":978987,\"tableName\":\"trans_line\","
		    "\"recordId\":\"someUUID\",\"action\":\"update\","
		    "\"recordData\":{\"cost_price\": 65.50}},"
		    "{\"ID\":978988,\"tableName\":\"item\","
		    "\"recordId\":\"b\",\"action\":\"delete\","
		    "\"recordData\":{}}]}");
}

static void test_empty_pages(void **state)
{
	struct tb_page page;

	(void)state;
	init(&page, TB_PAGE_PLAIN, PAGE_MAX_BYTES);
	assert_page(&page, 5, "[]");
	init(&page, TB_PAGE_QUEUE, PAGE_MAX_BYTES);
	assert_page(&page, 0, "{\"queueLength\":0,\"data\":[]}");
	init(&page, TB_PAGE_CENTRAL, PAGE_MAX_BYTES);
	assert_page(&page, 5, "{\"maxCursor\":5,\"data\":[]}");
}

static void test_names_are_escaped_and_data_is_not_touched(void **state)
{
	struct tb_delivery row = insert;
	struct tb_page page;

	(void)state;
	row.table = TB_STR("t\"\\");
	row.id = TB_STR("a\x01\xc3\xa9\n");
	row.data = TB_STR("{\"\\u0061\":\"\\/\"}");
	init(&page, TB_PAGE_QUEUE, PAGE_MAX_BYTES);
	assert_true(tb_page_take(&page, &row));
	assert_page(&page, 1,
		    "{\"queueLength\":1,\"data\":[{\"syncOutId\":\"978987\","
		    "\"tableName\":\"t\\\"\\\\\","
		    "\"recordId\":\"a\\u0001\xc3\xa9\\n\","
		    "\"action\":\"insert\","
		    "\"recordData\":{\"\\u0061\":\"\\/\"}}]}");
}

/* As many tables and origins as there are rows, each in its row. */
static void test_every_row_has_its_own_table_and_origin(void **state)
{
	struct tb_arena *arena = tb_arena_create((size_t)16 << 20);
	struct tb_json_iter it;
	struct tb_json json;
	struct tb_page page;
	uint32_t i = 0;

	(void)state;
	assert_non_null(arena);
	init(&page, TB_PAGE_PLAIN, (size_t)1 << 20);
	for (uint32_t r = 0; r < 300; r++) {
		struct tb_delivery row = insert;
		char table[16];

		snprintf(table, sizeof(table), "t%u", r % 20);
		row.table = tb_str_z(table);
		row.origin = 1 + r % 3;
		assert_true(tb_page_take(&page, &row));
	}
	assert_int_equal(tb_page_finish(&page, 0), TB_OK);
	assert_int_equal(
		tb_json_parse(arena, tb_buf_str(&page.buf), NULL, &json, NULL),
		TB_OK);
	it = tb_json_iter(tb_json_root(&json));
	for (; tb_json_next(&it); i++) {
		char table[16], origin[16];

		snprintf(table, sizeof(table), "t%u", i % 20);
		snprintf(origin, sizeof(origin), "%u", 1 + i % 3);
		assert_true(tb_json_string_is(
			tb_json_get(it.value, TB_STR("table")),
			tb_str_z(table)));
		assert_true(tb_json_string_is(
			tb_json_get(it.value, TB_STR("site_id")),
			tb_str_z(origin)));
	}
	assert_int_equal(i, 300);
	tb_page_fini(&page);
	tb_arena_destroy(arena);
}

static void test_a_page_ends_before_the_row_that_does_not_fit(void **state)
{
	struct tb_page page;
	size_t n = 0;

	(void)state;
	init(&page, TB_PAGE_PLAIN, PAGE_MAX_BYTES);
	while (tb_page_take(&page, &insert))
		n++;
	assert_true(page.is_cut);
	assert_int_equal(page.n, n);
	assert_true(n > 10);
	assert_int_equal(tb_page_finish(&page, 0), TB_OK);
	assert_true(page.buf.n <= PAGE_MAX_BYTES);
	tb_page_fini(&page);
}

static void test_one_row_always_fits(void **state)
{
	struct tb_page page;

	(void)state;
	init(&page, TB_PAGE_PLAIN, 1);
	assert_true(tb_page_take(&page, &insert));
	assert_false(page.is_cut);
	assert_false(tb_page_take(&page, &insert));
	assert_true(page.is_cut);
	assert_int_equal(tb_page_finish(&page, 0), TB_OK);
	tb_page_fini(&page);
}

static enum tb_err render(void)
{
	struct tb_delivery escaped = insert;
	struct tb_page page;
	enum tb_err err;

	escaped.table = TB_STR("\"");
	escaped.id = TB_STR("\\");
	init(&page, TB_PAGE_CENTRAL, PAGE_MAX_BYTES);
	if (tb_page_take(&page, &insert) && tb_page_take(&page, &escaped))
		tb_page_take(&page, &gone);
	err = tb_page_finish(&page, 3);
	tb_page_fini(&page);
	return err;
}

static void test_each_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(torture(render) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_plain_page),
		cmocka_unit_test(test_the_versioned_queue),
		cmocka_unit_test(test_the_versioned_central_feed),
		cmocka_unit_test(test_empty_pages),
		cmocka_unit_test(
			test_names_are_escaped_and_data_is_not_touched),
		cmocka_unit_test(test_every_row_has_its_own_table_and_origin),
		cmocka_unit_test(
			test_a_page_ends_before_the_row_that_does_not_fit),
		cmocka_unit_test(test_one_row_always_fits),
		cmocka_unit_test(test_each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
