/*
 * gzip: bodies by pieces are what they are as a whole, nothing goes over the
 * ceiling, and what is packed comes out again.
 */
#include "fuzz.h"

#include "codec/gzip.h"

#define OUT_MAX ((size_t)1 << 20)

/* Feeds the body in two pieces. */
static enum tb_err gunzip(struct tb_str in, size_t first_n, struct tb_buf *out,
			  bool *ret_done)
{
	struct tb_gunzip *gz = tb_gunzip_create();

	TB_ASSERT(gz != NULL);
	enum tb_err err = tb_gunzip_feed(gz, tb_str(in.p, first_n), out);
	if (err == TB_OK)
		err = tb_gunzip_feed(gz, tb_str(in.p + first_n, in.n - first_n),
				     out);
	*ret_done = tb_gunzip_done(gz);
	TB_ASSERT(err == TB_OK || !*ret_done);
	TB_ASSERT(out->n <= OUT_MAX);
	tb_gunzip_destroy(gz);
	return err;
}

static void unpack_twice(struct tb_str in, size_t first_n)
{
	struct tb_buf whole;
	struct tb_buf pieces;
	bool whole_done;
	bool pieces_done;

	tb_buf_init(&whole, OUT_MAX);
	tb_buf_init(&pieces, OUT_MAX);
	enum tb_err a = gunzip(in, 0, &whole, &whole_done);
	enum tb_err b = gunzip(in, first_n, &pieces, &pieces_done);
	/* Which of two errors comes first may depend on the pieces. */
	if (a == TB_OK || b == TB_OK) {
		TB_ASSERT(a == b && whole_done == pieces_done);
		TB_ASSERT(tb_str_eq(tb_buf_str(&whole), tb_buf_str(&pieces)));
	}
	tb_buf_fini(&whole);
	tb_buf_fini(&pieces);
}

static void pack_and_unpack(struct tb_str plain, int level)
{
	struct tb_buf packed;
	struct tb_buf back;
	bool done;

	tb_buf_init(&packed, OUT_MAX);
	tb_buf_init(&back, OUT_MAX);
	TB_ASSERT(tb_gzip_compress(plain, level, &packed) == TB_OK);
	TB_ASSERT(gunzip(tb_buf_str(&packed), packed.n / 2, &back, &done) ==
		  TB_OK);
	TB_ASSERT(done && tb_str_eq(tb_buf_str(&back), plain));
	tb_buf_fini(&packed);
	tb_buf_fini(&back);
}

/* The first byte says where to cut and how hard to pack. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	struct tb_str body = fuzz_input(data + 1, n - 1);
	unpack_twice(body, data[0] < body.n ? data[0] : body.n);
	pack_and_unpack(body, data[0] % 9 + 1);
	return 0;
}
