/*
 * The header Link: what it gives lies between brackets of the value; a link
 * that is put before others is the one that is found, and one without a
 * relation changes nothing.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "jobs/fetch/link_header.h"

static enum tb_err next_behind(const char *before, struct tb_str text,
			       struct tb_str *ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, text.n + 100);
	tb_buf_append_z(&buf, before);
	tb_buf_append_str(&buf, text);
	TB_ASSERT(!tb_buf_err(&buf));
	err = tb_link_header_next(tb_buf_str(&buf), ret);
	/* What was found is compared by its length: the text goes. */
	tb_buf_fini(&buf);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str text = fuzz_input(data, n);
	struct tb_str next = TB_STR_NONE, other = TB_STR_NONE;
	enum tb_err err = tb_link_header_next(text, &next);

	TB_ASSERT(err == TB_OK || err == TB_ERR_INVALID);
	if (err == TB_OK && next.n > 0) {
		TB_ASSERT(next.p > text.p && next.p[-1] == '<');
		TB_ASSERT(next.p + next.n < text.p + text.n);
		TB_ASSERT(next.p[next.n] == '>');
		TB_ASSERT(memchr(next.p, '>', next.n) == NULL);
	}
	TB_ASSERT(next_behind("</x>;title=\"a,b\";rel=prev,", text, &other) ==
		  err);
	TB_ASSERT(other.n == next.n);
	TB_ASSERT(next_behind("</first>;rel=\"x next\",", text, &other) ==
		  TB_OK);
	TB_ASSERT(other.n == strlen("/first"));
	return 0;
}
