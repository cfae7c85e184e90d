#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "kernel/record.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define ORG 7

static enum tb_err decode(struct tb_str bytes, const struct tb_entry **ret,
			  size_t *ret_n)
{
	static struct tb_arena *arena;

	tb_arena_destroy(arena);
	arena = tb_arena_create(ARENA_BYTES);
	assert_non_null(arena);
	return tb_entries_decode(arena, ORG, bytes, ret, ret_n);
}

static void assert_entries_survive(const struct tb_entry *entries, size_t n)
{
	const struct tb_entry *back = NULL;
	size_t n_back = SIZE_MAX;
	struct tb_buf buf;

	tb_buf_init(&buf, TB_ENTRIES_ENCODED_MAX);
	tb_entries_encode(&buf, ORG, entries, n);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_int_equal(decode(tb_buf_str(&buf), &back, &n_back), TB_OK);
	assert_int_equal(n, n_back);
	for (size_t i = 0; i < n; i++) {
		assert_true(entries[i].scope == back[i].scope);
		assert_true(entries[i].num == back[i].num);
		assert_true(entries[i].entered == back[i].entered);
		assert_true(entries[i].time_us == back[i].time_us);
		assert_true(entries[i].origin == back[i].origin);
		assert_true(entries[i].flags == back[i].flags);
	}
	/* A part of it is no list, but where an entry ends. */
	for (size_t cut = 0; n == 1 && cut < buf.n; cut++)
		assert_int_equal(decode(tb_str(buf.p, cut), &back, &n_back),
				 cut == 0 ? TB_OK : TB_ERR_CORRUPT);
	tb_buf_fini(&buf);
}

static void entries_are_decoded_as_they_were(void **state)
{
	const struct tb_entry entries[] = {
		{ .scope = tb_rid(ORG, 1),
		  .num = 70,
		  .entered = 70,
		  .time_us = 1700000000000000,
		  .flags = TB_ENTRY_PRESENT },
		{ .scope = tb_rid(ORG, TB_NUM_MAX),
		  .num = TB_NUM_MAX,
		  .entered = 1,
		  .time_us = 1700000000000001,
		  .origin = 63 },
		{ .scope = 1,
		  .num = 1,
		  .entered = 1,
		  .time_us = INT64_MIN,
		  .origin = UINT32_MAX,
		  .flags = UINT8_MAX },
		{ .scope = tb_rid(TB_ORG_MAX, TB_NUM_MAX),
		  .num = UINT64_MAX,
		  .entered = 0,
		  .time_us = INT64_MAX },
		{ .scope = tb_rid(ORG, 0), .num = 0, .entered = 5 },
		{ .scope = tb_rid(ORG, 9),
		  .num = TB_FIXED_NUM_MAX,
		  .entered = TB_FIXED_NUM_MAX,
		  .time_us = 1700000000000000,
		  .flags = TB_ENTRY_PRESENT | TB_ENTRY_FIXED | TB_ENTRY_SIGHT |
			   TB_ENTRY_DERIVED },
	};

	(void)state;
	assert_entries_survive(NULL, 0);
	for (size_t i = 0; i < TB_ARRAY_LEN(entries); i++)
		assert_entries_survive(&entries[i], 1);
	assert_entries_survive(entries, TB_ARRAY_LEN(entries));
}

static void the_most_and_longest_entries_fit(void **state)
{
	struct tb_entry entries[TB_ENTRIES_MAX];

	(void)state;
	for (size_t i = 0; i < TB_ENTRIES_MAX; i++)
		entries[i] = (struct tb_entry) {
			.scope = tb_rid(TB_ORG_MAX, TB_NUM_MAX - i),
			.num = UINT64_MAX,
			.entered = 1,
			.time_us = i % 2 ? INT64_MAX : INT64_MIN,
			.origin = UINT32_MAX,
			.flags = UINT8_MAX,
		};
	assert_entries_survive(entries, TB_ENTRIES_MAX);
}

#define BYTES(lit)                                                             \
	{                                                                      \
		(lit), sizeof(lit) - 1                                         \
	}

static void what_encode_does_not_make_is_corrupt(void **state)
{
	static const struct {
		const char *what;
		struct tb_str bytes;
	} cases[] = {
		{ "no flags", BYTES("\x02\x05\x00\x00\x00") },
		{ "a zero too many", BYTES("\x82\x00\x05\x00\x00\x00\x01") },
		{ "more than 64 bits",
		  BYTES("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"
			"\x00\x00\x00\x01") },
		{ "more than ten bytes",
		  BYTES("\x02\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
			"\x00\x00\x00\x01") },
		{ "an origin above 32 bits",
		  BYTES("\x02\x05\x00\x00\x80\x80\x80\x80\x10\x01") },
		{ "the own org as another",
		  BYTES("\x83\x80\x80\x80\x80\xc0\x03\x05\x00\x00\x00\x01") },
		{ "a number above the highest",
		  BYTES("\x80\x80\x80\x80\x80\x40\x05\x00\x00\x00\x01") },
		{ "bytes behind the end",
		  BYTES("\x02\x05\x00\x00\x00\x01\x02") },
	};
	static const struct tb_str good = BYTES("\x02\x05\x00\x00\x00\x01");
	const struct tb_entry *entries = NULL;
	size_t n = 77;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++)
		if (decode(cases[i].bytes, &entries, &n) != TB_ERR_CORRUPT)
			fail_msg("taken: %s", cases[i].what);
	assert_null(entries);
	assert_int_equal(n, 77);
	assert_int_equal(decode(good, &entries, &n), TB_OK);
	assert_int_equal(n, 1);
	assert_true(entries[0].scope == tb_rid(ORG, 1) && entries[0].num == 5);
}

static void more_entries_than_allowed_are_corrupt(void **state)
{
	char bytes[(TB_ENTRIES_MAX + 1) * 6];
	const struct tb_entry *entries;
	size_t n;

	(void)state;
	for (size_t i = 0; i <= TB_ENTRIES_MAX; i++)
		memcpy(bytes + i * 6, "\x02\x05\x00\x00\x00\x01", 6);
	assert_int_equal(decode(tb_str(bytes, sizeof(bytes)), &entries, &n),
			 TB_ERR_CORRUPT);
	assert_int_equal(decode(tb_str(bytes, sizeof(bytes) - 6), &entries, &n),
			 TB_OK);
	assert_int_equal(n, TB_ENTRIES_MAX);
}

static void entries_are_equal_when_nothing_differs(void **state)
{
	const struct tb_entry e = { 1, 2, 3, 4, 5, 6 };
	const struct tb_entry others[] = {
		{ 9, 2, 3, 4, 5, 6 }, { 1, 9, 3, 4, 5, 6 },
		{ 1, 2, 9, 4, 5, 6 }, { 1, 2, 3, 9, 5, 6 },
		{ 1, 2, 3, 4, 9, 6 }, { 1, 2, 3, 4, 5, 9 },
	};
	const struct tb_entry same = e;

	(void)state;
	assert_true(tb_entry_equal(&e, &same));
	for (size_t i = 0; i < TB_ARRAY_LEN(others); i++)
		assert_false(tb_entry_equal(&e, &others[i]));
}

static void an_entry_is_found_by_its_scope(void **state)
{
	const struct tb_entry entries[] = { { .scope = 5 }, { .scope = 9 } };
	const struct tb_record record = { .entries = entries, .n_entries = 2 };
	const struct tb_record none = { 0 };

	(void)state;
	assert_ptr_equal(tb_record_entry(&record, 9), &entries[1]);
	assert_null(tb_record_entry(&record, 6));
	assert_null(tb_record_entry(&none, 5));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_decoded_as_they_were),
		cmocka_unit_test(the_most_and_longest_entries_fit),
		cmocka_unit_test(what_encode_does_not_make_is_corrupt),
		cmocka_unit_test(more_entries_than_allowed_are_corrupt),
		cmocka_unit_test(entries_are_equal_when_nothing_differs),
		cmocka_unit_test(an_entry_is_found_by_its_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
