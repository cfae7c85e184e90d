/*
 * The credentials of HTTP Basic: what is accepted comes out as it went in,
 * without control characters; and any bytes that may be credentials, written
 * as base64, are accepted.
 */
#include "fuzz.h"

#include "auth/basic.h"
#include "codec/digest.h"

#define TEXT_MAX ((size_t)1 << 16)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

static void check_plain(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++)
		TB_ASSERT((unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
}

/* True if the text was accepted. */
static bool parse(struct tb_str text)
{
	struct tb_str name;
	struct tb_str password;
	struct tb_buf scratch;
	struct tb_buf joined;
	struct tb_buf again;
	bool accepted;

	tb_buf_init(&scratch, TB_BASIC_MAX_BYTES);
	tb_buf_init(&joined, TEXT_MAX);
	tb_buf_init(&again, TEXT_MAX);
	accepted = tb_basic_parse(text, &scratch, &name, &password) == TB_OK;
	if (accepted) {
		TB_ASSERT(name.n > 0 && !memchr(name.p, ':', name.n));
		check_plain(name);
		check_plain(password);
		tb_buf_append_str(&joined, name);
		tb_buf_append_char(&joined, ':');
		tb_buf_append_str(&joined, password);
		tb_base64_put(&again, tb_buf_str(&joined));
		TB_ASSERT(tb_str_eq(tb_buf_str(&again), text));
	}
	tb_buf_fini(&scratch);
	tb_buf_fini(&joined);
	tb_buf_fini(&again);
	return accepted;
}

static bool may_be_credentials(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.p[0] != ':' && memchr(s.p, ':', s.n) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str input = fuzz_input(data, n);
	struct tb_buf text;

	(void)parse(input);
	tb_buf_init(&text, TEXT_MAX);
	tb_base64_put(&text, input);
	TB_ASSERT(parse(tb_buf_str(&text)) ==
		  (may_be_credentials(input) && text.n <= TB_BASIC_MAX_BYTES));
	tb_buf_fini(&text);
	return 0;
}
