/* Pages of a site's queue and of the central feed, and what a site pushes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/torture.h"
#include "base/assert.h"
#include "base/buf.h"
#include "jobs/connectors/site_page.h"
#include "jobs/connectors/site_send.h"

#define ARENA_MAX ((size_t)16 << 20)
#define MUST(call) assert_int_equal((call), TB_OK)

static const struct tb_rename renames[] = {
	{ TB_STR_INIT("n"), TB_STR_INIT("name") },
};
static struct tb_source_entity entities[] = {
	{ .name = TB_STR_INIT("items"),
	  .path = TB_STR_INIT("item"),
	  .key = TB_STR_INIT("id") },
	{ .name = TB_STR_INIT("units"),
	  .path = TB_STR_INIT("unit"),
	  .key = TB_STR_INIT("id"),
	  .renames = renames,
	  .n_renames = 1 },
};
static struct tb_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = tb_arena_create(ARENA_MAX);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static enum tb_err read_page(const char *answer, struct tb_site_page *ret,
			     const char **ret_problem)
{
	return tb_site_page_read(arena, tb_str_z(answer), entities,
				 TB_ARRAY_LEN(entities), ret, ret_problem);
}

/* What a page holds: its sequences, then each record. */
static void assert_page(const char *answer, const char *expected)
{
	const char *problem = "";
	struct tb_site_page page;
	struct tb_buf log;

	MUST(read_page(answer, &page, &problem));
	tb_buf_init(&log, 1u << 16);
	for (size_t i = 0; i < page.n; i++)
		tb_buf_printf(&log, "%llu ",
			      (unsigned long long)page.sequences[i]);
	for (size_t i = 0; i < page.records.n; i++) {
		const struct tb_connector_record *r = &page.records.list[i];

		tb_buf_printf(&log, "\n%.*s %.*s ", TB_STR_ARG(r->entity->name),
			      TB_STR_ARG(r->key));
		if (r->deleted)
			tb_buf_append_z(&log, "deleted ");
		if (r->refused != NULL)
			tb_buf_printf(&log, "%s %.*s", r->refused,
				      TB_STR_ARG(r->message));
		else
			tb_buf_append_str(&log, r->body);
	}
	tb_buf_append_char(&log, '\0');
	assert_string_equal(log.p, expected);
	tb_buf_fini(&log);
}

static void records_are_taken_byte_for_byte(void **state)
{
	(void)state;
	assert_page("[]", "");
	assert_page(
		"[{\"site_id\":\"63\",\"table\":\"item\",\"recordID\":\"a\","
		"\"action\":\"insert\",\"sequence\":\"94\","
		"\"data\":{\"n\": 1.50}},\n"
		"{\"sequence\":95,\"table\":\"unit\",\"recordID\":\"b\\u0041\","
		"\"action\":\"UPDATE\",\"data\":{\"n\":1},\"more\":[]},"
		"{\"table\":\"it\\u0065m\",\"recordID\":\"c\","
		"\"action\":\"delete\",\"sequence\":\"96\"}]",
		"94 95 96 \nitems a {\"n\": 1.50}\nunits bA {\"name\":1}\n"
		"items c deleted {}");
}

static void other_tables_and_holes_are_passed_over(void **state)
{
	(void)state;
	assert_page("[{\"site_id\":\"1\",\"sequence\":\"17\",\"data\":\"none\"}"
		    ",{\"table\":\"other\",\"recordID\":\"x\","
		    "\"action\":\"insert\",\"sequence\":\"18\",\"data\":{}},"
		    "{\"table\":7,\"sequence\":\"19\"},"
		    "{\"table\":\"item\",\"recordID\":\"y\","
		    "\"action\":\"insert\",\"sequence\":\"20\",\"data\":{}}]",
		    "17 18 19 20 \nitems y {}");
}

static void a_bad_record_is_refused_and_holds_up_no_other(void **state)
{
	(void)state;
	assert_page(
		"[{\"table\":\"item\",\"recordID\":\"a\",\"sequence\":1,"
		"\"action\":\"insert\",\"data\":{\"x\":1,\"x\":2}},"
		"{\"table\":\"item\",\"recordID\":\"b\",\"sequence\":2,"
		"\"action\":\"insert\",\"data\":[]},"
		"{\"table\":\"item\",\"recordID\":\"c\",\"sequence\":3,"
		"\"action\":\"insert\"},"
		"{\"table\":\"item\",\"recordID\":\"d\",\"sequence\":4,"
		"\"action\":\"merge\",\"data\":{}},"
		"{\"table\":\"item\",\"recordID\":5,\"sequence\":5,"
		"\"action\":\"insert\",\"data\":{}},"
		"{\"table\":\"item\",\"sequence\":6,\"action\":\"delete\"},"
		"{\"table\":\"item\",\"recordID\":\"g\",\"sequence\":7,"
		"\"action\":\"insert\",\"data\":{}}]",
		"1 2 3 4 5 6 7 \n"
		"items a record_invalid duplicate key at byte 7\n"
		"items b record_invalid no object at byte 0\n"
		"items c record_invalid unexpected end of the text at byte 0\n"
		"items d record_invalid action is none of insert, update, "
		"delete\n"
		"items  key_missing recordID is no text\n"
		"items  key_missing recordID is no text\n"
		"items g {}");
}

static void a_key_that_is_too_long_is_refused_of_deletions_too(void **state)
{
	static const char *const actions[] = { "insert", "delete" };
	struct tb_buf text;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(actions); i++) {
		tb_buf_init(&text, SIZE_MAX / 2);
		tb_buf_printf(&text,
			      "[{\"table\":\"item\",\"sequence\":1,"
			      "\"action\":\"%s\",\"data\":{},"
			      "\"recordID\":\"%0513d\"}]",
			      actions[i], 0);
		tb_buf_append_char(&text, '\0');
		assert_page(text.p, "1 \nitems  key_too_long "
				    "the key is over 512 bytes");
		tb_buf_fini(&text);
	}
}

static void what_is_no_page_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"nothing",
		"[1]",
		"[{}]",
		"[{\"sequence\":\"1\"}",
		"[{\"sequence\":\"x\"}]",
		"[{\"sequence\":\"\"}]",
		"[{\"sequence\":-1}]",
		"[{\"sequence\":null}]",
		"[{\"sequence\":18446744073709551616}]",
		"[{\"sequence\":1}] x",
	};
	struct tb_site_page page;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		const char *problem = NULL;

		assert_int_equal(read_page(bad[i], &page, &problem),
				 TB_ERR_INVALID);
		assert_non_null(problem);
	}
}

static void many_entries_are_all_there(void **state)
{
	const char *problem;
	struct tb_site_page page;
	struct tb_buf answer;

	(void)state;
	tb_buf_init(&answer, (size_t)4 << 20);
	for (int i = 1; i <= 5000; i++)
		tb_buf_printf(&answer,
			      "%c{\"table\":\"item\",\"recordID\":\"r%d\","
			      "\"action\":\"insert\",\"sequence\":\"%d\","
			      "\"data\":{}}",
			      i == 1 ? '[' : ',', i, i);
	tb_buf_append_z(&answer, "]");
	tb_buf_append_char(&answer, '\0');
	MUST(read_page(answer.p, &page, &problem));
	assert_int_equal(page.n, 5000);
	assert_int_equal(page.records.n, 5000);
	for (size_t i = 0; i < page.n; i++)
		assert_int_equal(page.sequences[i], i + 1);
	tb_buf_fini(&answer);
}

static enum tb_err read_once(void)
{
	struct tb_arena *own = tb_arena_create(ARENA_MAX);
	enum tb_err err = TB_ERR_NOMEM;
	const char *problem;
	struct tb_site_page page;

	if (own != NULL)
		err = tb_site_page_read(
			own,
			TB_STR("[{\"table\":\"unit\",\"recordID\":\"\\u0041\","
			       "\"action\":\"insert\",\"sequence\":1,"
			       "\"data\":{\"n\":1}}]"),
			entities, TB_ARRAY_LEN(entities), &page, &problem);
	if (err == TB_OK)
		assert_int_equal(page.records.n, 1);
	tb_arena_destroy(own);
	return err;
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(torture(read_once) > 2);
}

/* ---- pushing ---- */

static void batches_are_made_of_what_is_to_be_pushed(void **state)
{
	struct tb_connector_record records[] = {
		{ .key = TB_STR("a"), .body = TB_STR("{\"x\": 1}") },
		{ .key = TB_STR("b"), .body = TB_STR("{}"), .refused = "bad" },
		{ .key = TB_STR("c\""), .body = TB_STR("{}"), .deleted = true },
		{ .key = TB_STR("d"), .body = TB_STR("{}") },
	};
	struct tb_site_batch batch;

	(void)state;
	MUST(tb_site_batch_make(arena, &entities[0], records, 4, 1000, &batch));
	assert_int_equal(batch.n, 4);
	assert_true(tb_str_eq(
		batch.body, TB_STR("[{\"table\":\"item\",\"recordID\":\"a\","
				   "\"action\":\"update\",\"data\":{\"x\": 1}},"
				   "{\"table\":\"item\",\"recordID\":\"c\\\"\","
				   "\"action\":\"delete\",\"data\":{}},"
				   "{\"table\":\"item\",\"recordID\":\"d\","
				   "\"action\":\"update\",\"data\":{}}]")));
	/* One at least, and what is behind it and left out. */
	MUST(tb_site_batch_make(arena, &entities[0], records, 4, 10, &batch));
	assert_int_equal(batch.n, 2);
	entities[0].on_delete = TB_ON_DELETE_IGNORE;
	MUST(tb_site_batch_make(arena, &entities[0], records + 1, 2, 1000,
				&batch));
	entities[0].on_delete = TB_ON_DELETE_DELETE;
	assert_int_equal(batch.n, 2);
	assert_int_equal(batch.body.n, 0);
}

static void what_was_rejected_is_marked(void **state)
{
	struct tb_connector_record records[] = {
		{ .key = TB_STR("a") },
		{ .key = TB_STR("b") },
		{ .key = TB_STR("c") },
	};

	(void)state;
	MUST(tb_site_batch_judge(
		arena,
		TB_STR("{\"accepted\":2,\"rejected\":[{\"recordID\":\"b\","
		       "\"table\":\"item\",\"code\":\"store_not_on_site\","
		       "\"message\":\"no\"},{\"recordID\":\"z\"},7]}"),
		records, 3));
	assert_null(records[0].refused);
	assert_string_equal(records[1].refused, "target_refused");
	assert_true(
		tb_str_eq(records[1].message, TB_STR("store_not_on_site: no")));
	assert_null(records[2].refused);
	/* "The server response: 200 or barf" */
	MUST(tb_site_batch_judge(arena, TB_STR(""), records, 3));
	MUST(tb_site_batch_judge(arena, TB_STR("[]"), records, 3));
	MUST(tb_site_batch_judge(arena, TB_STR("{\"rejected\":1}"), records,
				 3));
	assert_null(records[0].refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_taken_byte_for_byte),
		cmocka_unit_test(other_tables_and_holes_are_passed_over),
		cmocka_unit_test(a_bad_record_is_refused_and_holds_up_no_other),
		cmocka_unit_test(
			a_key_that_is_too_long_is_refused_of_deletions_too),
		cmocka_unit_test(what_is_no_page_is_refused),
		cmocka_unit_test(many_entries_are_all_there),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(batches_are_made_of_what_is_to_be_pushed),
		cmocka_unit_test(what_was_rejected_is_marked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
