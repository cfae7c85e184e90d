/*
 * Places: what goes round in a circle is noticed, whatever its length and
 * however much comes before it, also where each step is another process's; and
 * what does not is read to its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "jobs/connectors/place.h"

#define ARENA_MAX ((size_t)1 << 20)
#define NAME_MAX_BYTES 32

/* Through a cursor, as over a restart. */
static void pass_on(struct tb_arena *arena, struct tb_place *place)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);
	struct tb_json json;
	struct tb_place read;

	tb_buf_init(&buf, 4096);
	tb_json_begin_object(&w);
	tb_place_put(&w, place);
	tb_json_end_object(&w);
	assert_int_equal(
		tb_json_parse(arena, tb_buf_str(&buf), NULL, &json, NULL),
		TB_OK);
	assert_int_equal(tb_place_read(arena, tb_json_root(&json), &read),
			 TB_OK);
	assert_true(tb_str_eq(tb_place_next(&read), tb_place_next(place)));
	assert_int_equal(read.read, place->read);
	assert_int_equal(read.n_empty, place->n_empty);
	assert_int_equal(read.remembered, place->remembered);
	assert_int_equal(read.is_done, place->is_done);
	tb_buf_fini(&buf);
	*place = read;
}

static enum tb_err step(struct tb_place *place, struct tb_arena *arena,
			size_t n, struct tb_connector_failure *failure)
{
	char name[NAME_MAX_BYTES];
	struct tb_str next;

	snprintf(name, sizeof(name), "page %zu", n);
	next = tb_str_z(name);
	return tb_place_go_on(place, arena, 1, next, next, failure);
}

/* Pages until the circle is noticed; 0: it is not. */
static size_t go_round(size_t before, size_t length, bool restarts)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connector_failure failure;
	struct tb_place place = { 0 };
	size_t max = 4 * (before + length) + 4, at = 0;

	for (size_t n = 1; n <= max; n++) {
		struct tb_place old = place;

		if (step(&place, arena, at, &failure) != TB_OK) {
			assert_string_equal(failure.code, "cursor_loops");
			assert_false(failure.may_pass);
			assert_memory_equal(&old, &place, sizeof(place));
			tb_arena_destroy(arena);
			return n;
		}
		assert_int_equal(place.read, n);
		at = at + 1 < before + length ? at + 1 : before;
		if (restarts)
			pass_on(arena, &place);
		tb_arena_reset(arena);
	}
	tb_arena_destroy(arena);
	return 0;
}

static void any_circle_is_noticed(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 40; length++) {
		for (size_t before = 0; before <= 40; before++) {
			size_t n = go_round(before, length, false);

			/* Not before it has come round. */
			assert_true(n > before + length);
			assert_int_equal(go_round(before, length, true), n);
		}
	}
	assert_true(go_round(1000, 1000, false) > 0);
}

static void the_same_page_again_is_noticed_at_once(void **state)
{
	(void)state;
	for (size_t before = 0; before < 50; before++)
		assert_int_equal(go_round(before, 1, false), before + 2);
}

static void what_never_comes_again_is_no_circle(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connector_failure failure;
	struct tb_place place = { 0 };

	(void)state;
	for (size_t n = 0; n < 100000; n++)
		assert_int_equal(step(&place, arena, n, &failure), TB_OK);
	tb_place_end(&place, 5);
	assert_true(place.is_done);
	assert_int_equal(place.read, 100005);
	pass_on(arena, &place);
	tb_arena_destroy(arena);
}

/* Asks for ever new pages without a record, until one is refused. */
static size_t count_empty(struct tb_place *place, struct tb_arena *arena,
			  struct tb_connector_failure *failure)
{
	char name[NAME_MAX_BYTES];
	struct tb_str next;
	size_t n = 0;

	for (;; n++) {
		snprintf(name, sizeof(name), "empty %zu", n);
		next = tb_str_z(name);
		if (tb_place_go_on(place, arena, 0, next, next, failure) !=
		    TB_OK)
			return n;
		if (n == 5)
			pass_on(arena, place);
	}
}

static void pages_without_records_have_an_end(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connector_failure failure;
	struct tb_place place = { 0 };

	(void)state;
	assert_int_equal(step(&place, arena, 1, &failure), TB_OK);
	assert_int_equal(count_empty(&place, arena, &failure),
			 TB_PLACE_EMPTY_MAX);
	assert_string_equal(failure.code, "cursor_loops");
	assert_false(failure.may_pass);
	/* One record, and it may go on. */
	assert_int_equal(step(&place, arena, 2, &failure), TB_OK);
	assert_int_equal(count_empty(&place, arena, &failure),
			 TB_PLACE_EMPTY_MAX);
	tb_arena_destroy(arena);
}

static void another_series_begins_afresh(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connector_failure failure;
	struct tb_place place = { 0 };

	(void)state;
	for (size_t series = 0; series < 5; series++) {
		for (size_t n = 0; n < 9; n++)
			assert_int_equal(step(&place, arena, n, &failure),
					 TB_OK);
		tb_place_begin_series(&place, 1);
		assert_int_equal(tb_place_next(&place).n, 0);
		assert_int_equal(place.read, 10 * (series + 1));
	}
	tb_arena_destroy(arena);
}

static void a_mark_that_comes_again_under_new_names_is_a_circle(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connector_failure failure;
	struct tb_place place = { 0 };

	(void)state;
	assert_int_equal(tb_place_go_on(&place, arena, 1, TB_STR("2"),
					TB_STR("[7]"), &failure),
			 TB_OK);
	assert_int_equal(tb_place_go_on(&place, arena, 1, TB_STR("3"),
					TB_STR("[7]"), &failure),
			 TB_ERR_CONFLICT);
	tb_arena_destroy(arena);
}

static void a_long_name_is_refused_and_nothing_changes(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	static char name[TB_PLACE_NEXT_MAX_BYTES + 1];
	struct tb_connector_failure failure;
	struct tb_place place = { 0 };
	struct tb_str longest = tb_str(name, TB_PLACE_NEXT_MAX_BYTES);
	struct tb_str longer = tb_str(name, sizeof(name));

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(
		tb_place_go_on(&place, arena, 1, longer, longer, &failure),
		TB_ERR_TOO_LARGE);
	assert_string_equal(failure.code, "cursor_too_long");
	assert_int_equal(place.read, 0);
	assert_int_equal(
		tb_place_go_on(&place, arena, 1, longest, longest, &failure),
		TB_OK);
	pass_on(arena, &place);
	tb_arena_destroy(arena);
}

static void what_is_no_place_is_invalid(void **state)
{
	static const char *const bad[] = {
		"7",
		"{}",
		"[]",
		"{\"next\":7,\"read\":0,\"remembered\":0,\"since\":0,"
		"\"doubled\":0,\"done\":false}",
		"{\"next\":\"\",\"read\":-1,\"remembered\":0,\"since\":0,"
		"\"doubled\":0,\"done\":false}",
		"{\"next\":\"\",\"read\":0,\"remembered\":0,\"since\":0,"
		"\"doubled\":0}",
		"{\"next\":\"\",\"read\":0,\"since\":0,\"doubled\":0,"
		"\"done\":false}",
		"{\"next\":\"\",\"read\":0,\"remembered\":0,\"since\":0,"
		"\"doubled\":0,\"empty\":\"1\",\"done\":false}",
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_place place;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_json json;

		assert_int_equal(tb_json_parse(arena, tb_str_z(bad[i]), NULL,
					       &json, NULL),
				 TB_OK);
		assert_int_equal(
			tb_place_read(arena, tb_json_root(&json), &place),
			TB_ERR_INVALID);
	}
	tb_arena_destroy(arena);
}

static int init(void **state)
{
	(void)state;
	return tb_digest_init() != TB_OK;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_circle_is_noticed),
		cmocka_unit_test(the_same_page_again_is_noticed_at_once),
		cmocka_unit_test(what_never_comes_again_is_no_circle),
		cmocka_unit_test(pages_without_records_have_an_end),
		cmocka_unit_test(another_series_begins_afresh),
		cmocka_unit_test(
			a_mark_that_comes_again_under_new_names_is_a_circle),
		cmocka_unit_test(a_long_name_is_refused_and_nothing_changes),
		cmocka_unit_test(what_is_no_place_is_invalid),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
