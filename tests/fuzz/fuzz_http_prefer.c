/*
 * Prefer: a preference before any other text counts, and what stands behind
 * it of the same name does not; two fields are what one list of both is.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/buf.h"
#include "http/prefer.h"

#define RETURN ((unsigned)(TB_PREFER_MINIMAL | TB_PREFER_REPRESENTATION))

static unsigned prefers(struct tb_str value)
{
	struct tb_header header = { TB_STR("Prefer"), value };
	struct tb_request req = { .headers = &header, .n_headers = 1 };

	return tb_request_prefers(&req);
}

static unsigned prefers_with_before(const char *before, struct tb_str text)
{
	struct tb_buf buf;
	unsigned mask;

	tb_buf_init(&buf, text.n + 100);
	tb_buf_append_z(&buf, before);
	tb_buf_append_str(&buf, text);
	mask = prefers(tb_buf_str(&buf));
	tb_buf_fini(&buf);
	return mask;
}

static unsigned prefers_in_fields(struct tb_str text)
{
	struct tb_header headers[] = {
		{ TB_STR("Prefer"), TB_STR("return=representation") },
		{ TB_STR("Prefer"), text },
	};
	struct tb_request req = { .headers = headers,
				  .n_headers = TB_ARRAY_LEN(headers) };

	return tb_request_prefers(&req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str text = fuzz_input(data, n);
	unsigned mask = prefers(text);

	TB_ASSERT((mask & RETURN) != RETURN);
	TB_ASSERT(prefers_with_before("return=minimal,", text) ==
		  ((mask & ~RETURN) | TB_PREFER_MINIMAL));
	TB_ASSERT(prefers_with_before("return=representation,", text) ==
		  ((mask & ~RETURN) | TB_PREFER_REPRESENTATION));
	TB_ASSERT(prefers_in_fields(text) ==
		  ((mask & ~RETURN) | TB_PREFER_REPRESENTATION));
	TB_ASSERT(prefers_with_before("x=\"\\\",\", ", text) == mask);
	return 0;
}
