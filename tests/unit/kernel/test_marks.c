/*
 * Which of a run of numbers are done, against a plain list of all of them; and
 * the text that they are kept as.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/device_marks.h"
#include "kernel/marks.h"

#define MUST(call) assert_int_equal((call), TB_OK)
#define NUMS 200
#define ROUNDS 200
#define ADDS 60

static uint64_t random_state = 88172645463325252ull;

static unsigned pick(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

static struct tb_arena *new_arena(void)
{
	struct tb_arena *arena = tb_arena_create((size_t)16 << 20);

	assert_non_null(arena);
	return arena;
}

static void add(struct tb_marks *marks, struct tb_arena *arena, uint64_t first,
		uint64_t last)
{
	MUST(tb_marks_add(marks, arena, first, last, SIZE_MAX));
}

static struct tb_str text_of(struct tb_arena *arena,
			     const struct tb_marks *marks)
{
	struct tb_str text = TB_STR_NONE;
	struct tb_buf buf;

	tb_buf_init(&buf, (size_t)1 << 20);
	tb_marks_encode(&buf, marks);
	MUST(tb_buf_copy_out(&buf, arena, &text));
	return text;
}

static void expect_text(struct tb_arena *arena, const struct tb_marks *marks,
			const char *expected)
{
	struct tb_str text = text_of(arena, marks);

	assert_int_equal(text.n, strlen(expected));
	assert_memory_equal(text.p, expected, text.n);
}

static void test_islands_grow_together(void **unused)
{
	struct tb_arena *arena = new_arena();
	struct tb_marks marks = { .done = 0 };

	(void)unused;
	expect_text(arena, &marks, "{\"done\":0,\"islands\":[]}");
	add(&marks, arena, 5, 6);
	add(&marks, arena, 9, 9);
	expect_text(arena, &marks, "{\"done\":0,\"islands\":[[5,6],[9,9]]}");
	add(&marks, arena, 7, 8);
	expect_text(arena, &marks, "{\"done\":0,\"islands\":[[5,9]]}");
	add(&marks, arena, 20, 21);
	add(&marks, arena, 12, 12);
	add(&marks, arena, 4, 13);
	expect_text(arena, &marks, "{\"done\":0,\"islands\":[[4,13],[20,21]]}");
	add(&marks, arena, 1, 2);
	expect_text(arena, &marks, "{\"done\":2,\"islands\":[[4,13],[20,21]]}");
	add(&marks, arena, 3, 3);
	expect_text(arena, &marks, "{\"done\":13,\"islands\":[[20,21]]}");
	add(&marks, arena, 5, 7);
	expect_text(arena, &marks, "{\"done\":13,\"islands\":[[20,21]]}");
	add(&marks, arena, 1, 30);
	expect_text(arena, &marks, "{\"done\":30,\"islands\":[]}");
	tb_arena_destroy(arena);
}

/* ---- against a list ---- */

struct naive {
	bool is_done[NUMS + 2]; /* from 1; the last never is */
};

static void expect_same(const struct tb_marks *marks, const struct naive *naive)
{
	uint64_t last = 0;
	uint64_t begin = 1;

	for (uint64_t num = 1; num <= NUMS; num++) {
		uint64_t next = num;
		uint64_t next_done = num;

		while (naive->is_done[next])
			next++;
		while (next_done <= NUMS && !naive->is_done[next_done])
			next_done++;
		assert_true(tb_marks_has(marks, num) == naive->is_done[num]);
		assert_int_equal(tb_marks_next(marks, num), next);
		assert_int_equal(tb_marks_next_done(marks, num),
				 next_done <= NUMS ? next_done : UINT64_MAX);
		assert_int_equal(tb_marks_last_done(marks, num), last);
		if (naive->is_done[num])
			assert_int_equal(tb_marks_begin_of(marks, num), begin);
		else
			begin = num + 1;
		last = naive->is_done[num] ? num : last;
	}
}

static void expect_missing(const struct tb_marks *marks,
			   const struct naive *naive)
{
	uint64_t first = 1 + pick(NUMS);
	uint64_t last = first + pick((unsigned)(NUMS + 1 - first));
	uint64_t n = 0;

	for (uint64_t num = first; num <= last; num++)
		n += !naive->is_done[num];
	assert_int_equal(tb_marks_missing(marks, first, last), n);
}

static void expect_sound(struct tb_arena *arena, const struct tb_marks *marks,
			 const struct naive *naive)
{
	struct tb_marks again = { .done = 0 };

	for (size_t i = 1; i < marks->n_islands; i++)
		assert_true(marks->islands[i].first >
			    marks->islands[i - 1].last + 1);
	if (marks->n_islands > 0)
		assert_true(marks->islands[0].first > marks->done + 1);
	MUST(tb_marks_decode(arena, text_of(arena, marks), &again));
	expect_same(&again, naive);
}

static void run_round(struct tb_arena *arena)
{
	struct tb_marks marks = { .done = 0 };
	struct naive naive = { .is_done = { false } };
	unsigned longest = 1 + pick(20);

	for (int i = 0; i < ADDS; i++) {
		uint64_t first = 1 + pick(NUMS);
		uint64_t last = first + pick(longest);

		if (last > NUMS)
			last = NUMS;
		add(&marks, arena, first, last);
		for (uint64_t num = first; num <= last; num++)
			naive.is_done[num] = true;
		expect_missing(&marks, &naive);
		if (i % 10 == 0)
			expect_same(&marks, &naive);
	}
	expect_sound(arena, &marks, &naive);
}

static void test_marks_are_as_a_list_of_all_numbers(void **unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		struct tb_arena *arena = new_arena();

		run_round(arena);
		tb_arena_destroy(arena);
	}
}

/* ---- ceilings and failures ---- */

static void test_too_many_islands_change_nothing(void **unused)
{
	struct tb_arena *arena = new_arena();
	struct tb_marks marks = { .done = 0 };

	(void)unused;
	for (uint64_t i = 1; i <= 3; i++)
		MUST(tb_marks_add(&marks, arena, 10 * i, 10 * i + 1, 3));
	assert_int_equal(tb_marks_add(&marks, arena, 40, 40, 3),
			 TB_ERR_TOO_LARGE);
	expect_text(arena, &marks,
		    "{\"done\":0,\"islands\":[[10,11],[20,21],[30,31]]}");
	/* What makes none more is taken. */
	MUST(tb_marks_add(&marks, arena, 32, 32, 3));
	MUST(tb_marks_add(&marks, arena, 1, 4, 3));
	MUST(tb_marks_add(&marks, arena, 12, 19, 3));
	MUST(tb_marks_add(&marks, arena, 40, 40, 3));
	expect_text(arena, &marks,
		    "{\"done\":4,\"islands\":[[10,21],[30,32],[40,40]]}");
	tb_arena_destroy(arena);
}

static void test_without_memory_nothing_changes(void **unused)
{
	struct tb_arena *arena = tb_arena_create(256);
	struct tb_marks marks = { .done = 0 };
	enum tb_err err = TB_OK;
	uint64_t n = 0;

	(void)unused;
	assert_non_null(arena);
	while (err == TB_OK) {
		n++;
		err = tb_marks_add(&marks, arena, 10 * n, 10 * n, SIZE_MAX);
	}
	assert_int_equal(err, TB_ERR_NOMEM);
	assert_int_equal(marks.n_islands, n - 1);
	assert_false(tb_marks_has(&marks, 10 * n));
	assert_true(tb_marks_has(&marks, 10 * (n - 1)));
	tb_arena_destroy(arena);
}

static void test_largest_numbers(void **unused)
{
	struct tb_arena *arena = new_arena();
	struct tb_marks marks = { .done = 0 };
	uint64_t last = UINT64_MAX - 1;

	(void)unused;
	add(&marks, arena, last, last);
	assert_true(tb_marks_has(&marks, last));
	assert_int_equal(tb_marks_next(&marks, last), UINT64_MAX);
	assert_int_equal(tb_marks_missing(&marks, 1, last), last - 1);
	add(&marks, arena, 1, last - 1);
	assert_int_equal(marks.done, last);
	assert_int_equal(marks.n_islands, 0);
	tb_arena_destroy(arena);
}

static void test_what_encode_does_not_make_is_corrupt(void **unused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"done\":1}",
		"{\"islands\":[]}",
		"{\"done\":-1,\"islands\":[]}",
		"{\"done\":1,\"islands\":{}}",
		"{\"done\":1,\"islands\":[3]}",
		"{\"done\":1,\"islands\":[[3]]}",
		"{\"done\":1,\"islands\":[[3,4,5]]}",
		"{\"done\":1,\"islands\":[[3,\"4\"]]}",
		"{\"done\":1,\"islands\":[[4,3]]}",
		"{\"done\":1,\"islands\":[[2,3]]}",
		"{\"done\":1,\"islands\":[[3,4],[5,6]]}",
		"{\"done\":1,\"islands\":[[8,9],[5,6]]}",
		"{\"done\":1,\"islands\":[[3,18446744073709551615]]}",
		"{\"done\":18446744073709551615,\"islands\":[]}",
	};
	struct tb_arena *arena = new_arena();
	struct tb_marks marks;

	(void)unused;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		assert_int_equal(
			tb_marks_decode(arena, tb_str_z(texts[i]), &marks),
			TB_ERR_CORRUPT);
	tb_arena_destroy(arena);
}

/* ---- those of a device ---- */

static void test_kinds_of_events_have_marks_of_their_own(void **unused)
{
	struct tb_arena *arena = new_arena();
	struct tb_device_marks marks = { .critical = { .done = 2 },
					 .others = { .done = 4 } };
	struct tb_device_marks again;
	struct tb_str text;

	(void)unused;
	add(&marks.critical, arena, 6, 9);
	add(&marks.others, arena, 8, 12);
	assert_true(tb_device_marks_have(&marks, true, 6));
	assert_false(tb_device_marks_have(&marks, false, 6));
	assert_true(tb_device_marks_have(&marks, false, 12));
	assert_int_equal(tb_device_marks_next(&marks, 1), 3);
	assert_int_equal(tb_device_marks_next_done(&marks, 3), 8);
	assert_int_equal(tb_device_marks_next(&marks, 8), 10);
	assert_int_equal(tb_device_marks_next_done(&marks, 10), UINT64_MAX);
	assert_int_equal(tb_device_marks_missed(&marks, 2), 0);
	assert_int_equal(tb_device_marks_missed(&marks, 3), 3);
	MUST(tb_device_marks_encode(arena, &marks, &text));
	MUST(tb_device_marks_decode(arena, text, &again));
	expect_text(arena, &again.critical, "{\"done\":2,\"islands\":[[6,9]]}");
	expect_text(arena, &again.others, "{\"done\":4,\"islands\":[[8,12]]}");
	assert_int_equal(tb_device_marks_decode(
				 arena, TB_STR("{\"critical\":{}}"), &again),
			 TB_ERR_CORRUPT);
	assert_int_equal(
		tb_device_marks_decode(arena,
				       TB_STR("{\"critical\":{\"done\":1,"
					      "\"islands\":[]}}"),
				       &again),
		TB_ERR_CORRUPT);
	tb_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_islands_grow_together),
		cmocka_unit_test(test_marks_are_as_a_list_of_all_numbers),
		cmocka_unit_test(test_too_many_islands_change_nothing),
		cmocka_unit_test(test_without_memory_nothing_changes),
		cmocka_unit_test(test_largest_numbers),
		cmocka_unit_test(test_what_encode_does_not_make_is_corrupt),
		cmocka_unit_test(test_kinds_of_events_have_marks_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
