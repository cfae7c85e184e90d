/*
 * The reader of frames: what it tells is the same however the bytes are cut,
 * what no client may send ends it, and it is lent only where it has to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "frames_fixture.h"

#define MESSAGE_MAX 1000
#define BUDGET 100000

static struct frames_fixture f;
static struct tb_buf in;

static int set_up(void **state)
{
	(void)state;
	frames_init(&f, MESSAGE_MAX, BUDGET);
	tb_buf_init(&in, FRAMES_TEXT_MAX);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	frames_fini(&f);
	tb_buf_fini(&in);
	return 0;
}

static void put(unsigned first, const char *payload)
{
	frames_put(&in, first, true, tb_str_z(payload));
}

/* Feeds pieces of `piece` bytes to a reader of its own. */
static void feed_in_pieces(size_t piece, struct tb_buf *ret)
{
	struct tb_str rest = tb_buf_str(&in);
	struct frames_fixture own;

	frames_init(&own, MESSAGE_MAX, BUDGET);
	while (rest.n > 0) {
		size_t n = piece < rest.n ? piece : rest.n;
		frames_feed(&own, tb_str(rest.p, n));
		rest = tb_str(rest.p + n, rest.n - n);
	}
	assert_int_equal(tb_buf_err(&own.told), TB_OK);
	*ret = own.told;
	tb_buf_init(&own.told, 0);
	frames_fini(&own);
}

/* What is told of the bytes, cut in every way into two, and into equal pieces
 * of every length. */
static void assert_told(const char *expected)
{
	struct tb_str all = tb_buf_str(&in);

	for (size_t piece = 1; piece <= in.n; piece++) {
		struct tb_buf told;
		feed_in_pieces(piece, &told);
		assert_int_equal(told.n, strlen(expected));
		assert_memory_equal(told.p, expected, told.n);
		tb_buf_fini(&told);
	}
	for (size_t at = 0; at <= all.n; at++) {
		struct frames_fixture own;
		frames_init(&own, MESSAGE_MAX, BUDGET);
		frames_feed(&own, tb_str(all.p, at));
		frames_feed(&own, tb_str(all.p + at, all.n - at));
		assert_int_equal(own.told.n, strlen(expected));
		assert_memory_equal(own.told.p, expected, own.told.n);
		frames_fini(&own);
	}
}

static void messages_come_whole(void **state)
{
	(void)state;
	put(0x81, "hello");
	put(0x82, "\1\2\3");
	put(0x81, "");
	put(0x81, "\xe2\x82\xac");
	assert_told("text:hello;bytes:\1\2\3;text:;text:\xe2\x82\xac;");
}

static void a_message_may_come_in_frames(void **state)
{
	(void)state;
	put(0x01, "");
	put(0x00, "a\xe2");
	put(0x89, "ping");
	put(0x00, "\x82");
	put(0x8a, "pong");
	put(0x00, "");
	put(0x80, "\xac");
	put(0x02, "b");
	put(0x80, "");
	assert_told("reply:\x8a\4ping;text:a\xe2\x82\xac;bytes:b;");
}

static void a_ping_is_answered(void **state)
{
	char payload[126];

	(void)state;
	memset(payload, 'p', 125);
	payload[125] = '\0';
	put(0x89, "");
	put(0x89, payload);
	put(0x8a, payload);
	for (size_t piece = 1; piece < 20; piece++) {
		struct tb_buf told;
		feed_in_pieces(piece, &told);
		assert_int_equal(told.n, 6 + 2 + 1 + 6 + 2 + 125 + 1);
		assert_memory_equal(told.p, "reply:\x8a\0;reply:\x8a\x7dp", 18);
		tb_buf_fini(&told);
	}
}

static void a_close_frame_ends_it(void **state)
{
	static const struct {
		const char *payload;
		const char *told;
	} rows[] = {
		{ "", "text:a;end:CLOSED 0;" },
		{ "\3\xe8", "text:a;end:CLOSED 1000;" },
		{ "\x0b\xb8\xe2\x82\xac", "text:a;end:CLOSED 3000;" },
		{ "\3\xf3why", "text:a;end:CLOSED 1011;" },
		{ "\3", "text:a;end:INVALID 1002;" },
		{ "\3\xed", "text:a;end:INVALID 1002;" },
		{ "\3\xec", "text:a;end:INVALID 1002;" },
		{ "\3\xf7", "text:a;end:INVALID 1002;" },
		{ "\x0b\xb7", "text:a;end:INVALID 1002;" },
		{ "\x13\x88", "text:a;end:INVALID 1002;" },
		{ "\3\xe8\xe2\x82", "text:a;end:INVALID 1007;" },
		{ "\3\xe8\xff", "text:a;end:INVALID 1007;" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		tb_buf_reset(&in);
		put(0x81, "a");
		put(0x88, rows[i].payload);
		put(0x81, "nobody reads this");
		assert_told(rows[i].told);
	}
}

static void what_no_client_sends_ends_it(void **state)
{
	static const struct {
		unsigned first;
		const char *payload;
		const char *told;
	} rows[] = {
		{ 0xc1, "a", "end:INVALID 1002;" },
		{ 0xa1, "a", "end:INVALID 1002;" },
		{ 0x91, "a", "end:INVALID 1002;" },
		{ 0x83, "a", "end:INVALID 1002;" },
		{ 0x8b, "a", "end:INVALID 1002;" },
		{ 0x80, "a", "end:INVALID 1002;" },
		{ 0x00, "a", "end:INVALID 1002;" },
		{ 0x09, "a", "end:INVALID 1002;" },
		{ 0x08, "", "end:INVALID 1002;" },
		{ 0x81, "\xff", "end:INVALID 1007;" },
		{ 0x81, "\xc0\x80", "end:INVALID 1007;" },
		{ 0x81, "\xed\xa0\x80", "end:INVALID 1007;" },
		{ 0x81, "a\xe2\x82", "end:INVALID 1007;" },
		{ 0x01, "\xf5", "end:INVALID 1007;" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		tb_buf_reset(&in);
		put(rows[i].first, rows[i].payload);
		put(0x81, "nobody reads this");
		assert_told(rows[i].told);
	}
}

static void a_message_inside_another_ends_it(void **state)
{
	(void)state;
	put(0x01, "a");
	put(0x81, "b");
	assert_told("end:INVALID 1002;");
}

static void a_frame_without_a_mask_ends_it(void **state)
{
	(void)state;
	frames_put(&in, 0x81, false, TB_STR("a"));
	assert_told("end:INVALID 1002;");
	tb_buf_reset(&in);
	frames_put(&in, 0x89, false, TB_STR(""));
	assert_told("end:INVALID 1002;");
}

static void a_length_is_written_in_one_way(void **state)
{
	static const struct tb_str heads[] = {
		TB_STR_INIT("\x81\xfe\0\1mask!"),
		TB_STR_INIT("\x81\xfe\0\x7dmask!"),
		TB_STR_INIT("\x81\xff\0\0\0\0\0\0\xff\xffmask!"),
		TB_STR_INIT("\x81\xff\x80\0\0\0\0\1\0\0mask!"),
		TB_STR_INIT("\x89\xfe\0\x7emask!"),
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(heads); i++) {
		tb_buf_reset(&in);
		tb_buf_append_str(&in, heads[i]);
		assert_told("end:INVALID 1002;");
	}
}

static void a_message_has_a_ceiling(void **state)
{
	static char text[MESSAGE_MAX + 2];

	(void)state;
	memset(text, 'x', MESSAGE_MAX + 1);
	put(0x81, text);
	assert_told("end:TOO_LARGE 1009;");
	text[MESSAGE_MAX] = '\0';
	tb_buf_reset(&in);
	put(0x81, text);
	frames_feed(&f, tb_buf_str(&in));
	assert_int_equal(f.told.n, MESSAGE_MAX + 6);
	tb_buf_reset(&in);
	text[MESSAGE_MAX - 1] = '\0';
	put(0x01, text);
	put(0x00, "xx");
	assert_told("end:TOO_LARGE 1009;");
	tb_buf_reset(&in);
	tb_buf_append(&in, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask!", 15);
	assert_told("end:TOO_LARGE 1009;");
}

/* The reader goes back whenever nothing has come in part. */
static void it_is_lent_for_what_is_in_part(void **state)
{
	(void)state;
	put(0x81, "whole");
	frames_feed(&f, tb_buf_str(&in));
	assert_null(f.frames);
	assert_int_equal(f.pool.n_free, 1);
	frames_feed(&f, tb_str(in.p, 1));
	assert_non_null(f.frames);
	assert_int_equal(f.pool.n_free, 0);
	frames_feed(&f, tb_str(in.p + 1, in.n - 1));
	assert_null(f.frames);
	tb_buf_reset(&in);
	put(0x01, "first");
	put(0x89, "");
	frames_feed(&f, tb_buf_str(&in));
	assert_non_null(f.frames);
	tb_buf_reset(&in);
	put(0x80, "last");
	frames_feed(&f, tb_buf_str(&in));
	assert_null(f.frames);
	assert_true(tb_str_eq(
		tb_buf_str(&f.told),
		TB_STR("text:whole;text:whole;reply:\x8a\0;text:firstlast;")));
}

/* One that has ended, or stopped in the middle, is of no use to another. */
static void a_broken_one_is_not_lent_again(void **state)
{
	(void)state;
	frames_feed(&f, TB_STR("\x81\x85"));
	tb_frames_give_back(&f.pool, f.frames);
	f.frames = NULL;
	assert_int_equal(f.pool.n_free, 0);
	put(0x83, "");
	frames_feed(&f, tb_buf_str(&in));
	assert_true(f.is_over);
	assert_int_equal(f.pool.n_free, 0);
}

static void what_is_in_part_is_taken_from_all(void **state)
{
	static char text[600];
	struct frames_fixture other;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	f.budget.max_bytes = 1000;
	frames_init(&other, MESSAGE_MAX, 0);
	other.pool.budget = &f.budget;
	put(0x81, text);
	frames_feed(&f, tb_str(in.p, 20));
	assert_int_equal(f.budget.taken_bytes, 599);
	/* Whole, it needs none of it; in part, there is no room. */
	frames_feed(&other, tb_buf_str(&in));
	assert_int_equal(other.told.n, 599 + 6);
	tb_buf_reset(&other.told);
	frames_feed(&other, tb_str(in.p, 20));
	assert_true(
		tb_str_eq(tb_buf_str(&other.told), TB_STR("end:BUSY 1013;")));
	frames_feed(&f, tb_str(in.p + 20, in.n - 20));
	assert_int_equal(f.told.n, 599 + 6);
	assert_int_equal(f.budget.taken_bytes, 0);
	frames_fini(&other);
}

static void without_memory_none_is_lent(void **state)
{
	(void)state;
	tb_alloc_fail_at(1);
	assert_null(tb_frames_lend(&f.pool));
	tb_alloc_fail_at(0);
	tb_frames_give_back(&f.pool, NULL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_come_whole),
		TEST(a_message_may_come_in_frames),
		TEST(a_ping_is_answered),
		TEST(a_close_frame_ends_it),
		TEST(what_no_client_sends_ends_it),
		TEST(a_message_inside_another_ends_it),
		TEST(a_frame_without_a_mask_ends_it),
		TEST(a_length_is_written_in_one_way),
		TEST(a_message_has_a_ceiling),
		TEST(it_is_lent_for_what_is_in_part),
		TEST(a_broken_one_is_not_lent_again),
		TEST(what_is_in_part_is_taken_from_all),
		TEST(without_memory_none_is_lent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
