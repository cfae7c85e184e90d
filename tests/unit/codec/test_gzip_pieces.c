/* gzip bodies that are put together from pieces packed alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/alloc.h"
#include "codec/gzip.h"

#define TEXT_BYTES 60000
#define BODY_MAX (1 << 20)
#define MIB ((uint64_t)1 << 20)

struct pieces {
	struct tb_gzip_body body;
	struct tb_buf out;
};

static uint32_t random_state = 1;

static uint32_t next_random(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static char *create_text(void)
{
	char *p = tb_malloc(TEXT_BYTES);

	assert_non_null(p);
	for (size_t i = 0; i < TEXT_BYTES; i++)
		p[i] = (char)('a' + next_random(i % 1000 < 500 ? 2 : 20));
	return p;
}

static void begin(struct pieces *pieces)
{
	uint8_t head[TB_GZIP_HEAD_BYTES];

	tb_buf_init(&pieces->out, BODY_MAX);
	tb_gzip_begin(&pieces->body, head);
	tb_buf_append(&pieces->out, head, sizeof(head));
}

static void add(struct pieces *pieces, struct tb_str piece, int level)
{
	uint32_t crc;

	assert_int_equal(tb_gzip_pack(piece, level, &pieces->out, &crc), TB_OK);
	tb_gzip_add(&pieces->body, crc, piece.n);
}

static void end(struct pieces *pieces)
{
	uint8_t tail[TB_GZIP_TAIL_BYTES];

	tb_gzip_end(&pieces->body, tail);
	tb_buf_append(&pieces->out, tail, sizeof(tail));
	assert_int_equal(tb_buf_err(&pieces->out), TB_OK);
}

static void assert_gunzip(struct tb_str in, struct tb_str plain)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	struct tb_buf out;

	assert_non_null(gz);
	tb_buf_init(&out, plain.n);
	assert_int_equal(tb_gunzip_feed(gz, in, &out), TB_OK);
	assert_true(tb_gunzip_done(gz));
	assert_true(tb_str_eq(tb_buf_str(&out), plain));
	tb_gunzip_destroy(gz);
	tb_buf_fini(&out);
}

/* By zlib, to which a body is one member. */
static void assert_one_member(struct tb_str in, struct tb_str plain)
{
	z_stream stream = { .next_in = (z_const Bytef *)in.p,
			    .avail_in = (unsigned)in.n };
	char *out = tb_malloc(plain.n + 1);

	assert_non_null(out);
	assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
	stream.next_out = (Bytef *)out;
	stream.avail_out = (unsigned)plain.n + 1;
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.avail_in, 0);
	assert_int_equal(stream.total_out, plain.n);
	assert_memory_equal(out, plain.p, plain.n);
	inflateEnd(&stream);
	tb_free(out);
}

static void end_and_check(struct pieces *pieces, struct tb_str plain)
{
	end(pieces);
	assert_gunzip(tb_buf_str(&pieces->out), plain);
	assert_one_member(tb_buf_str(&pieces->out), plain);
	tb_buf_fini(&pieces->out);
}

static void any_split_is_the_whole(void **state)
{
	char *text = create_text();

	(void)state;
	for (int round = 0; round < 200; round++) {
		size_t n = next_random(TEXT_BYTES), at = 0;
		size_t most = 1 + next_random(round % 2 ? 200 : TEXT_BYTES);
		struct pieces pieces;

		begin(&pieces);
		while (at < n) {
			size_t part = 1 + next_random((uint32_t)most);

			if (part > n - at)
				part = n - at;
			add(&pieces, tb_str(text + at, part), 1 + round % 9);
			at += part;
		}
		end_and_check(&pieces, tb_str(text, n));
	}
	tb_free(text);
}

static void a_body_of_no_pieces_is_empty(void **state)
{
	struct pieces pieces;

	(void)state;
	begin(&pieces);
	assert_int_equal(pieces.out.n, TB_GZIP_HEAD_BYTES);
	end_and_check(&pieces, TB_STR(""));
}

static void a_piece_may_be_empty(void **state)
{
	struct pieces pieces;

	(void)state;
	begin(&pieces);
	add(&pieces, TB_STR(""), 1);
	add(&pieces, TB_STR("x"), 1);
	add(&pieces, TB_STR(""), 1);
	end_and_check(&pieces, TB_STR("x"));
}

/* Each refers to nothing before it. */
static void a_packed_piece_is_good_in_any_body(void **state)
{
	struct tb_buf again, other;
	uint32_t again_crc, other_crc;
	struct pieces pieces;

	(void)state;
	tb_buf_init(&again, BODY_MAX);
	tb_buf_init(&other, BODY_MAX);
	assert_int_equal(tb_gzip_pack(TB_STR("again and again, "), 6, &again,
				      &again_crc),
			 TB_OK);
	assert_int_equal(
		tb_gzip_pack(TB_STR("and once more "), 6, &other, &other_crc),
		TB_OK);
	begin(&pieces);
	tb_buf_append_str(&pieces.out, tb_buf_str(&other));
	tb_gzip_add(&pieces.body, other_crc, 14);
	for (int i = 0; i < 2; i++) {
		tb_buf_append_str(&pieces.out, tb_buf_str(&again));
		tb_gzip_add(&pieces.body, again_crc, 17);
	}
	end_and_check(&pieces, TB_STR("and once more again and again, "
				      "again and again, "));
	tb_buf_fini(&again);
	tb_buf_fini(&other);
}

static void a_wrong_piece_is_found(void **state)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	struct pieces pieces;
	struct tb_buf out;

	(void)state;
	begin(&pieces);
	add(&pieces, TB_STR("some"), 1);
	pieces.body.crc ^= 1;
	end(&pieces);
	tb_buf_init(&out, BODY_MAX);
	assert_int_equal(tb_gunzip_feed(gz, tb_buf_str(&pieces.out), &out),
			 TB_ERR_INVALID);
	tb_gunzip_destroy(gz);
	tb_buf_fini(&out);
	tb_buf_fini(&pieces.out);
}

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* RFC 1952: ISIZE is the length modulo 2^32. */
static void a_body_may_be_over_4_gib(void **state)
{
	char *zeros = tb_calloc(1, MIB);
	uint8_t head[TB_GZIP_HEAD_BYTES], tail[TB_GZIP_TAIL_BYTES];
	struct tb_gzip_body by_mib, at_once;
	uint32_t mib_crc;
	struct tb_buf out;

	(void)state;
	assert_non_null(zeros);
	tb_buf_init(&out, BODY_MAX);
	assert_int_equal(tb_gzip_pack(tb_str(zeros, MIB), 1, &out, &mib_crc),
			 TB_OK);
	tb_gzip_begin(&by_mib, head);
	for (int i = 0; i < 5 * 1024; i++)
		tb_gzip_add(&by_mib, mib_crc, MIB);
	tb_gzip_begin(&at_once, head);
	tb_gzip_add(&at_once, mib_crc, MIB);
	tb_gzip_add(&at_once, by_mib.crc, by_mib.n);
	tb_gzip_add(&by_mib, mib_crc, MIB);
	assert_int_equal(at_once.crc, by_mib.crc);
	assert_true(at_once.n == (5 * 1024 + 1) * MIB);
	tb_gzip_end(&at_once, tail);
	assert_int_equal(u32_at(tail + 2), at_once.crc);
	assert_int_equal(u32_at(tail + 6), (uint32_t)(1025 * MIB));
	tb_buf_fini(&out);
	tb_free(zeros);
}

static void packing_appends_and_keeps_to_the_ceiling(void **state)
{
	char *text = create_text();
	struct tb_buf wide, tight;
	uint32_t crc = 7;

	(void)state;
	tb_buf_init(&wide, BODY_MAX);
	tb_buf_append_char(&wide, '>');
	assert_int_equal(tb_gzip_pack(tb_str(text, TEXT_BYTES), 1, &wide, &crc),
			 TB_OK);
	assert_int_equal(wide.p[0], '>');
	assert_true(wide.n < TEXT_BYTES);
	crc = 7;
	tb_buf_init(&tight, wide.n - 2);
	assert_int_equal(
		tb_gzip_pack(tb_str(text, TEXT_BYTES), 1, &tight, &crc),
		TB_ERR_TOO_LARGE);
	assert_int_equal(crc, 7);
	tb_buf_fini(&tight);
	tb_buf_fini(&wide);
	tb_free(text);
}

static void without_memory_nothing_is_packed(void **state)
{
	enum tb_err err = TB_ERR_NOMEM;
	uint32_t crc = 7;
	struct tb_buf out;
	uint64_t n;

	(void)state;
	for (n = 1; err; n++) {
		tb_buf_init(&out, BODY_MAX);
		tb_alloc_fail_at(n);
		err = tb_gzip_pack(TB_STR("text"), 1, &out, &crc);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		assert_true((crc == 7) == (err != TB_OK));
		tb_buf_fini(&out);
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_split_is_the_whole),
		cmocka_unit_test(a_body_of_no_pieces_is_empty),
		cmocka_unit_test(a_piece_may_be_empty),
		cmocka_unit_test(a_packed_piece_is_good_in_any_body),
		cmocka_unit_test(a_wrong_piece_is_found),
		cmocka_unit_test(a_body_may_be_over_4_gib),
		cmocka_unit_test(packing_appends_and_keeps_to_the_ceiling),
		cmocka_unit_test(without_memory_nothing_is_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
