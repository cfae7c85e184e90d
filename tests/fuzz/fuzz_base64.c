/*
 * base64 and hex: a text that is accepted is exactly what its bytes are
 * written as, and any bytes come back.
 */
#include "fuzz.h"

#include "codec/digest.h"

#define TEXT_MAX ((size_t)1 << 20)
#define HEX_BYTES_MAX 32

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

static void parse_and_put_base64(struct tb_str text)
{
	struct tb_buf bytes;
	struct tb_buf again;

	tb_buf_init(&bytes, TEXT_MAX);
	tb_buf_init(&again, TEXT_MAX);
	if (tb_base64_parse(text, &bytes) == TB_OK) {
		tb_base64_put(&again, tb_buf_str(&bytes));
		TB_ASSERT(tb_str_eq(tb_buf_str(&again), text));
	}
	tb_buf_fini(&bytes);
	tb_buf_fini(&again);
}

static void put_and_parse_base64(struct tb_str bytes)
{
	struct tb_buf text;
	struct tb_buf back;

	tb_buf_init(&text, TEXT_MAX);
	tb_buf_init(&back, TEXT_MAX);
	tb_base64_put(&text, bytes);
	TB_ASSERT(tb_base64_parse(tb_buf_str(&text), &back) == TB_OK);
	TB_ASSERT(tb_str_eq(tb_buf_str(&back), bytes));
	tb_buf_fini(&text);
	tb_buf_fini(&back);
}

static void parse_and_put_hex(struct tb_str text)
{
	uint8_t bytes[HEX_BYTES_MAX];
	size_t n = text.n / 2 < sizeof(bytes) ? text.n / 2 : sizeof(bytes);
	struct tb_buf again;

	if (tb_hex_parse(text, bytes, n) != TB_OK)
		return;
	tb_buf_init(&again, TEXT_MAX);
	tb_hex_put(&again, tb_str((const char *)bytes, n));
	TB_ASSERT(tb_str_eq_nocase(tb_buf_str(&again), text));
	tb_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str input = fuzz_input(data, n);

	parse_and_put_base64(input);
	put_and_parse_base64(input);
	parse_and_put_hex(input);
	return 0;
}
