#include "api/resources/cursor.h"

#include "base/assert.h"
#include "base/buf.h"
#include "codec/digest.h"

#define EPOCH_BYTES 8

/* Lower-case digits only, so that there is one form. */
static enum tb_err parse_epoch(struct tb_str text, uint64_t *ret)
{
	uint8_t bytes[EPOCH_BYTES];
	uint64_t epoch = 0;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'F')
			return TB_ERR_INVALID;
	if (tb_hex_parse(text, bytes, EPOCH_BYTES))
		return TB_ERR_INVALID;
	for (size_t i = 0; i < EPOCH_BYTES; i++)
		epoch = epoch << 8 | bytes[i];
	*ret = epoch;
	return TB_OK;
}

static enum tb_err parse_number(struct tb_str text, uint64_t *ret)
{
	if (text.n > 1 && text.p[0] == '0')
		return TB_ERR_INVALID;
	return tb_str_to_u64(text, ret);
}

enum tb_err tb_resources_cursor_parse(struct tb_str text,
				      struct tb_resources_cursor *ret)
{
	struct tb_resources_cursor cursor = { .began = 0 };
	enum tb_err err = parse_epoch(tb_str_cut(&text, '-'), &cursor.epoch);

	if (!err)
		err = parse_number(tb_str_cut(&text, '-'), &cursor.num);
	if (!err && text.p)
		err = parse_number(text, &cursor.began);
	if (!err && text.p && cursor.began == 0)
		err = TB_ERR_INVALID;
	if (!err)
		*ret = cursor;
	return err;
}

struct tb_str tb_resources_cursor_text(const struct tb_resources_cursor *cursor,
				       char buf[TB_RESOURCES_CURSOR_MAX_BYTES])
{
	uint8_t bytes[EPOCH_BYTES];
	struct tb_buf text;

	for (size_t i = 0; i < EPOCH_BYTES; i++)
		bytes[i] = (uint8_t)(cursor->epoch >> (56 - 8 * i));
	tb_buf_init_fixed(&text, buf, TB_RESOURCES_CURSOR_MAX_BYTES);
	tb_hex_put(&text, tb_str((const char *)bytes, EPOCH_BYTES));
	tb_buf_append_char(&text, '-');
	tb_buf_append_u64(&text, cursor->num);
	if (cursor->began) {
		tb_buf_append_char(&text, '-');
		tb_buf_append_u64(&text, cursor->began);
	}
	TB_ASSERT(!tb_buf_err(&text));
	return tb_buf_str(&text);
}
