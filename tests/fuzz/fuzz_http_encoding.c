/*
 * Accept-Encoding, Content-Encoding, Content-Type.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "http/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str text = fuzz_input(data, n);
	struct tb_buf first;

	tb_buf_init(&first, n + 100);
	tb_buf_append_z(&first, "gzip;q=0.1,");
	tb_buf_append_str(&first, text);
	TB_ASSERT(tb_encoding_accepts_gzip(tb_buf_str(&first)));
	tb_buf_reset(&first);
	tb_buf_append_z(&first, "gzip;q=0.0,");
	tb_buf_append_str(&first, text);
	TB_ASSERT(!tb_encoding_accepts_gzip(tb_buf_str(&first)));
	tb_buf_fini(&first);

	if (tb_encoding_accepts_gzip(text))
		TB_ASSERT(n > 0);
	if (tb_encoding_is_json(text))
		TB_ASSERT(tb_str_eq_nocase(tb_str(tb_str_trim(text).p, 16),
					   TB_STR("application/json")));
	if (tb_encoding_of(text) == TB_CODING_GZIP)
		TB_ASSERT(tb_encoding_accepts_gzip(text));
	return 0;
}
