/*
 * Bytes from a WebSocket client: the same is told of them in one piece, byte by
 * byte, and cut where the input says; and nothing is kept of the budget.
 *
 * The first byte says where to cut; the rest is what the client sends.
 */
#include "fuzz.h"

#include "../unit/hub/frames_fixture.h"

#define MESSAGE_MAX 200
#define BUDGET 100000

static void tell(struct tb_str bytes, size_t piece, struct frames_fixture *f)
{
	frames_init(f, MESSAGE_MAX, BUDGET);
	while (bytes.n > 0) {
		size_t n = piece < bytes.n ? piece : bytes.n;
		frames_feed(f, tb_str(bytes.p, n));
		bytes = tb_str(bytes.p + n, bytes.n - n);
	}
	TB_ASSERT(tb_buf_err(&f->told) == TB_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str input = fuzz_input(data, n);
	struct frames_fixture whole, single, cut;
	size_t piece;

	if (n < 2)
		return 0;
	piece = 1 + data[0] % 32;
	input = tb_str(input.p + 1, input.n - 1);
	tell(input, input.n, &whole);
	tell(input, 1, &single);
	tell(input, piece, &cut);
	TB_ASSERT(tb_str_eq(tb_buf_str(&whole.told), tb_buf_str(&single.told)));
	TB_ASSERT(tb_str_eq(tb_buf_str(&whole.told), tb_buf_str(&cut.told)));
	frames_fini(&whole);
	frames_fini(&single);
	frames_fini(&cut);
	return 0;
}
