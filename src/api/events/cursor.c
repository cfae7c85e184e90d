#include "api/events/cursor.h"

#include "base/assert.h"
#include "base/buf.h"
#include "codec/digest.h"

#define HEX_DIGITS 16

uint64_t tb_events_reader_tag(struct tb_str user)
{
	uint8_t hash[TB_SHA256_BYTES];
	uint64_t tag = 0;

	tb_sha256(user, hash);
	for (size_t i = 0; i < sizeof(tag); i++)
		tag = tag << 8 | hash[i];
	return tag;
}

static enum tb_err parse_hex(struct tb_str text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text.n != HEX_DIGITS)
		return TB_ERR_INVALID;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return TB_ERR_INVALID;
	}
	*ret = value;
	return TB_OK;
}

static enum tb_err parse_number(struct tb_str text, uint64_t *ret)
{
	if (text.n > 1 && text.p[0] == '0')
		return TB_ERR_INVALID;
	return tb_str_to_u64(text, ret);
}

static enum tb_err parse_restriction(struct tb_str text,
				     struct tb_events_cursor *cursor)
{
	enum tb_err err =
		parse_number(tb_str_cut(&text, '-'), &cursor->version);

	if (err)
		return err;
	cursor->is_restricted = true;
	return text.p ? parse_hex(text, &cursor->reader) : TB_ERR_INVALID;
}

enum tb_err tb_events_cursor_parse(struct tb_str text,
				   struct tb_events_cursor *ret)
{
	struct tb_events_cursor cursor = { .is_restricted = false };
	enum tb_err err = parse_hex(tb_str_cut(&text, '-'), &cursor.epoch);

	if (!err)
		err = parse_number(tb_str_cut(&text, '-'), &cursor.num);
	if (!err && text.p)
		err = parse_restriction(text, &cursor);
	if (err)
		return err;
	*ret = cursor;
	return TB_OK;
}

static void put_hex(struct tb_buf *buf, uint64_t value)
{
	char digits[HEX_DIGITS];

	for (size_t i = 0; i < HEX_DIGITS; i++, value <<= 4)
		digits[i] = "0123456789abcdef"[value >> 60];
	tb_buf_append(buf, digits, sizeof(digits));
}

struct tb_str tb_events_cursor_text(const struct tb_events_cursor *cursor,
				    char buf[TB_EVENTS_CURSOR_MAX_BYTES])
{
	struct tb_buf text;

	tb_buf_init_fixed(&text, buf, TB_EVENTS_CURSOR_MAX_BYTES);
	put_hex(&text, cursor->epoch);
	tb_buf_append_char(&text, '-');
	tb_buf_append_u64(&text, cursor->num);
	if (cursor->is_restricted) {
		tb_buf_append_char(&text, '-');
		tb_buf_append_u64(&text, cursor->version);
		tb_buf_append_char(&text, '-');
		put_hex(&text, cursor->reader);
	}
	TB_ASSERT(!tb_buf_err(&text));
	return tb_buf_str(&text);
}
