/*
 * Cursors: one text for each, and no other text is one.
 */
#include "../base/torture.h"

#include "api/events/cursor.h"
#include "base/assert.h"
#include "codec/digest.h"

static void expect_text(const struct tb_events_cursor *cursor, const char *text)
{
	char buf[TB_EVENTS_CURSOR_MAX_BYTES];
	struct tb_events_cursor back;

	assert_true(
		tb_str_eq(tb_events_cursor_text(cursor, buf), tb_str_z(text)));
	assert_int_equal(tb_events_cursor_parse(tb_str_z(text), &back), TB_OK);
	assert_int_equal(back.epoch, cursor->epoch);
	assert_int_equal(back.num, cursor->num);
	assert_int_equal(back.is_restricted, cursor->is_restricted);
	assert_int_equal(back.version, cursor->version);
	assert_int_equal(back.reader, cursor->reader);
}

static void test_text_and_cursor_are_one_to_one(void **state)
{
	struct tb_events_cursor cursor = { .epoch = 0x9f3a51c07d24ee81,
					   .num = 3 };

	(void)state;
	expect_text(&cursor, "9f3a51c07d24ee81-3");
	cursor.num = 0;
	expect_text(&cursor, "9f3a51c07d24ee81-0");
	cursor = (struct tb_events_cursor) { .epoch = 1,
					     .num = UINT64_MAX,
					     .is_restricted = true,
					     .version = UINT64_MAX,
					     .reader = 2 };
	expect_text(&cursor, "0000000000000001-18446744073709551615-"
			     "18446744073709551615-0000000000000002");
}

static void test_other_texts_are_no_cursors(void **state)
{
	static const char *const texts[] = {
		"",
		"-",
		"0",
		"3",
		"9f3a51c07d24ee81",
		"9f3a51c07d24ee81-",
		"9f3a51c07d24ee81-03",
		"9f3a51c07d24ee81-00",
		"9f3a51c07d24ee81-+3",
		"9f3a51c07d24ee81--3",
		"9f3a51c07d24ee81-3 ",
		" 9f3a51c07d24ee81-3",
		"9F3A51C07D24EE81-3",
		"9f3a51c07d24ee8-3",
		"09f3a51c07d24ee81-3",
		"9f3a51c07d24ee8g-3",
		"9f3a51c07d24ee81-18446744073709551616",
		"9f3a51c07d24ee81-3-",
		"9f3a51c07d24ee81-3-1",
		"9f3a51c07d24ee81-3-1-",
		"9f3a51c07d24ee81-3--0000000000000002",
		"9f3a51c07d24ee81-3-01-0000000000000002",
		"9f3a51c07d24ee81-3-1-2",
		"9f3a51c07d24ee81-3-1-000000000000000002",
		"9f3a51c07d24ee81-3-1-0000000000000002-",
		"9f3a51c07d24ee81-3-1-0000000000000002-1",
	};
	struct tb_events_cursor cursor;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		assert_int_equal(
			tb_events_cursor_parse(tb_str_z(texts[i]), &cursor),
			TB_ERR_INVALID);
}

/* It is in clients' cursors, so that it must not change with a release: the
 * first 8 bytes of SHA-256. */
static void test_a_reader_has_the_same_tag_for_ever(void **state)
{
	(void)state;
	assert_int_equal(tb_events_reader_tag(TB_STR("abc")),
			 0xba7816bf8f01cfea);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_cursor_are_one_to_one),
		cmocka_unit_test(test_other_texts_are_no_cursors),
		cmocka_unit_test(test_a_reader_has_the_same_tag_for_ever),
	};

	if (tb_digest_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
