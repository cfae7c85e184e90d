#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "codec/gzip.h"

#define PLAIN_BYTES 200000

/* Something that compresses, but not to nothing. */
static char *create_plain(void)
{
	char *p = tb_malloc(PLAIN_BYTES);
	uint32_t random = 1;

	assert_non_null(p);
	for (size_t i = 0; i < PLAIN_BYTES; i++) {
		random = random * 1664525 + 1013904223;
		p[i] = (char)('a' + (random >> 24) % 20);
	}
	return p;
}

static void compress(struct tb_buf *out, struct tb_str in)
{
	assert_int_equal(tb_gzip_compress(in, 6, out), TB_OK);
}

/* Feeds `in` by pieces of `piece` bytes. */
static enum tb_err gunzip(struct tb_str in, size_t piece, struct tb_buf *out,
			  bool *ret_done)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	enum tb_err err = TB_OK;

	assert_non_null(gz);
	while (in.n > 0 && err == TB_OK) {
		size_t n = in.n < piece ? in.n : piece;
		err = tb_gunzip_feed(gz, tb_str(in.p, n), out);
		in = tb_str(in.p + n, in.n - n);
	}
	*ret_done = tb_gunzip_done(gz);
	tb_gunzip_destroy(gz);
	return err;
}

static void assert_gunzip(struct tb_str in, size_t piece, struct tb_str plain)
{
	struct tb_buf out;
	bool done;

	tb_buf_init(&out, plain.n);
	assert_int_equal(gunzip(in, piece, &out, &done), TB_OK);
	assert_true(done);
	assert_true(tb_str_eq(tb_buf_str(&out), plain));
	tb_buf_fini(&out);
}

static void assert_refused(struct tb_str in)
{
	struct tb_buf out;
	bool done;

	tb_buf_init(&out, PLAIN_BYTES);
	assert_int_equal(gunzip(in, SIZE_MAX, &out, &done), TB_ERR_INVALID);
	assert_false(done);
	tb_buf_fini(&out);
}

static void every_level_goes_there_and_back(void **state)
{
	char *plain = create_plain();
	struct tb_str in = tb_str(plain, PLAIN_BYTES);
	struct tb_buf packed;

	(void)state;
	tb_buf_init(&packed, 2 * PLAIN_BYTES);
	for (int level = 1; level <= 12; level++) {
		tb_buf_reset(&packed);
		assert_int_equal(tb_gzip_compress(in, level, &packed), TB_OK);
		assert_true(packed.n < PLAIN_BYTES * 3 / 4);
		assert_gunzip(tb_buf_str(&packed), SIZE_MAX, in);
	}
	tb_buf_fini(&packed);
	tb_free(plain);
}

static void compress_appends_and_reaches_the_ceiling(void **state)
{
	struct tb_buf packed;
	struct tb_buf tight;

	(void)state;
	tb_buf_init(&packed, 1000);
	tb_buf_append_char(&packed, '>');
	compress(&packed, TB_STR("some text"));
	assert_int_equal(packed.p[0], '>');
	assert_gunzip(tb_str(packed.p + 1, packed.n - 1), SIZE_MAX,
		      TB_STR("some text"));
	/* A ceiling of exactly the result, then of a byte less. */
	tb_buf_init(&tight, packed.n - 1);
	compress(&tight, TB_STR("some text"));
	tb_buf_fini(&tight);
	tb_buf_init(&tight, packed.n - 2);
	assert_int_equal(tb_gzip_compress(TB_STR("some text"), 6, &tight),
			 TB_ERR_TOO_LARGE);
	tb_buf_fini(&tight);
	tb_buf_fini(&packed);
}

static void any_pieces_give_the_same(void **state)
{
	char *plain = create_plain();
	struct tb_str in = tb_str(plain, 50000);
	struct tb_buf packed;

	(void)state;
	tb_buf_init(&packed, 2 * PLAIN_BYTES);
	compress(&packed, in);
	for (size_t piece = 1; piece < 20; piece++)
		assert_gunzip(tb_buf_str(&packed), piece, in);
	tb_buf_fini(&packed);
	tb_free(plain);
}

static void outputs_around_the_piece_size_are_whole(void **state)
{
	char *plain = create_plain();
	struct tb_buf packed;

	(void)state;
	tb_buf_init(&packed, 2 * PLAIN_BYTES);
	for (size_t n = 16384 - 2; n <= 16384 + 2; n++) {
		tb_buf_reset(&packed);
		compress(&packed, tb_str(plain, n));
		assert_gunzip(tb_buf_str(&packed), SIZE_MAX, tb_str(plain, n));
		assert_gunzip(tb_buf_str(&packed), 1, tb_str(plain, n));
	}
	tb_buf_fini(&packed);
	tb_free(plain);
}

static void several_members_are_one_body(void **state)
{
	struct tb_buf packed;

	(void)state;
	tb_buf_init(&packed, 1000);
	compress(&packed, TB_STR("one "));
	compress(&packed, TB_STR_NONE);
	compress(&packed, TB_STR("two"));
	assert_gunzip(tb_buf_str(&packed), SIZE_MAX, TB_STR("one two"));
	assert_gunzip(tb_buf_str(&packed), 1, TB_STR("one two"));
	tb_buf_fini(&packed);
}

static void empty_body_is_packed_and_no_body_is_not_done(void **state)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	struct tb_buf packed;
	struct tb_buf out;

	(void)state;
	tb_buf_init(&packed, 1000);
	tb_buf_init(&out, 0);
	compress(&packed, TB_STR_NONE);
	assert_gunzip(tb_buf_str(&packed), SIZE_MAX, TB_STR_NONE);
	assert_int_equal(tb_gunzip_feed(gz, TB_STR_NONE, &out), TB_OK);
	assert_false(tb_gunzip_done(gz));
	tb_gunzip_destroy(gz);
	tb_gunzip_destroy(NULL);
	tb_buf_fini(&packed);
	tb_buf_fini(&out);
}

static void truncated_body_is_never_done(void **state)
{
	struct tb_buf packed;
	struct tb_buf out;
	bool done;

	(void)state;
	tb_buf_init(&packed, 1000);
	tb_buf_init(&out, 1000);
	compress(&packed, TB_STR("some text that ends too early"));
	for (size_t n = 0; n < packed.n; n++) {
		tb_buf_reset(&out);
		assert_int_equal(
			gunzip(tb_str(packed.p, n), SIZE_MAX, &out, &done),
			TB_OK);
		assert_false(done);
	}
	tb_buf_fini(&packed);
	tb_buf_fini(&out);
}

static void wrong_checksum_and_length_are_refused(void **state)
{
	struct tb_buf packed;

	(void)state;
	tb_buf_init(&packed, 1000);
	compress(&packed, TB_STR("some text"));
	for (size_t i = packed.n - 8; i < packed.n; i++) {
		packed.p[i] ^= 1;
		assert_refused(tb_buf_str(&packed));
		packed.p[i] ^= 1;
	}
	tb_buf_fini(&packed);
}

static void what_is_not_gzip_is_refused(void **state)
{
	struct tb_buf packed;

	(void)state;
	assert_refused(TB_STR("{\"plain\":\"text\"}"));
	/* zlib's own format and a bare deflate stream. */
	assert_refused(TB_STR("\x78\x9c\x03\x00\x00\x00\x00\x01"));
	assert_refused(TB_STR("\x03\x00"));
	assert_refused(TB_STR("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x03"));
	tb_buf_init(&packed, 1000);
	compress(&packed, TB_STR("x"));
	tb_buf_append_char(&packed, '\0');
	tb_buf_append_char(&packed, '\0');
	assert_refused(tb_buf_str(&packed));
	tb_buf_fini(&packed);
}

static void refusal_is_final(void **state)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	struct tb_buf packed;
	struct tb_buf out;

	(void)state;
	tb_buf_init(&packed, 1000);
	tb_buf_init(&out, 1000);
	compress(&packed, TB_STR("x"));
	assert_int_equal(tb_gunzip_feed(gz, TB_STR("no"), &out),
			 TB_ERR_INVALID);
	assert_int_equal(tb_gunzip_feed(gz, tb_buf_str(&packed), &out),
			 TB_ERR_INVALID);
	assert_false(tb_gunzip_done(gz));
	tb_gunzip_destroy(gz);
	tb_buf_fini(&packed);
	tb_buf_fini(&out);
}

static void bomb_stops_at_the_ceiling(void **state)
{
	enum {
		BOMB_BYTES = 32 << 20,
		CEILING = 100000
	};
	char *zeros = tb_calloc(1, BOMB_BYTES);
	struct tb_buf packed;
	struct tb_buf out;
	bool done;

	(void)state;
	tb_buf_init(&packed, BOMB_BYTES);
	compress(&packed, tb_str(zeros, BOMB_BYTES));
	assert_true(packed.n < BOMB_BYTES / 500);
	tb_buf_init(&out, CEILING);
	assert_int_equal(gunzip(tb_buf_str(&packed), SIZE_MAX, &out, &done),
			 TB_ERR_TOO_LARGE);
	assert_false(done);
	assert_true(out.cap <= CEILING);
	tb_buf_fini(&out);
	tb_buf_fini(&packed);
	tb_free(zeros);
}

static void output_of_exactly_the_ceiling_is_taken(void **state)
{
	char *plain = create_plain();
	struct tb_buf packed;
	struct tb_buf out;
	bool done;

	(void)state;
	tb_buf_init(&packed, 2 * PLAIN_BYTES);
	compress(&packed, tb_str(plain, PLAIN_BYTES));
	tb_buf_init(&out, PLAIN_BYTES);
	assert_int_equal(gunzip(tb_buf_str(&packed), 1000, &out, &done), TB_OK);
	assert_true(done);
	tb_buf_fini(&out);
	tb_buf_init(&out, PLAIN_BYTES - 1);
	assert_int_equal(gunzip(tb_buf_str(&packed), 1000, &out, &done),
			 TB_ERR_TOO_LARGE);
	assert_false(done);
	tb_buf_fini(&out);
	tb_buf_fini(&packed);
	tb_free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_level_goes_there_and_back),
		cmocka_unit_test(compress_appends_and_reaches_the_ceiling),
		cmocka_unit_test(any_pieces_give_the_same),
		cmocka_unit_test(outputs_around_the_piece_size_are_whole),
		cmocka_unit_test(several_members_are_one_body),
		cmocka_unit_test(empty_body_is_packed_and_no_body_is_not_done),
		cmocka_unit_test(truncated_body_is_never_done),
		cmocka_unit_test(wrong_checksum_and_length_are_refused),
		cmocka_unit_test(what_is_not_gzip_is_refused),
		cmocka_unit_test(refusal_is_final),
		cmocka_unit_test(bomb_stops_at_the_ceiling),
		cmocka_unit_test(output_of_exactly_the_ceiling_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
