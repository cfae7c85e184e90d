#include "codec/json_text.h"

#include "base/assert.h"

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The table of RFC 3629, section 4: what the first byte may be, and what the
 * second is held to, so that nothing is overlong, a surrogate, or above
 * U+10FFFF. */
static const struct {
	uint8_t first_min;
	uint8_t first_max;
	uint8_t second_min;
	uint8_t second_max;
	uint8_t bytes;
} utf8_rows[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t tb_utf8_char_bytes(const char *at, const char *end)
{
	const unsigned char *u = (const unsigned char *)at;
	size_t left = (size_t)(end - at);
	size_t row = 0;

	if (left < 2)
		return left == 1 && u[0] < 0x80;
	if (u[0] < 0x80)
		return 1;
	while (row < TB_ARRAY_LEN(utf8_rows) && u[0] > utf8_rows[row].first_max)
		row++;
	if (row == TB_ARRAY_LEN(utf8_rows) || u[0] < utf8_rows[row].first_min ||
	    u[1] < utf8_rows[row].second_min ||
	    u[1] > utf8_rows[row].second_max || left < utf8_rows[row].bytes)
		return 0;
	for (size_t i = 2; i < utf8_rows[row].bytes; i++) {
		if (!is_continuation(u[i]))
			return 0;
	}
	return utf8_rows[row].bytes;
}

size_t tb_utf8_put(uint32_t code, char to[TB_UTF8_MAX_BYTES])
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3f));
		to[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3f));
	to[2] = (char)(0x80 | (code >> 6 & 0x3f));
	to[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* The character behind the backslash and what it stands for; 0: nothing. */
static char simple_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return 0;
	}
}

static bool read_hex4(const char *at, const char *end, uint32_t *ret)
{
	uint32_t v = 0;

	if (end - at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		uint32_t c = (unsigned char)at[i];
		uint32_t letter = (c | 0x20) - 'a';
		if (c - '0' > 9 && letter > 5)
			return false;
		v = v << 4 | (c - '0' <= 9 ? c - '0' : letter + 10);
	}
	*ret = v;
	return true;
}

static bool is_surrogate(uint32_t code, uint32_t first)
{
	return code >= first && code < first + 0x400;
}

/* `at` is on the backslash of \u. */
static const char *read_unicode_escape(const char *at, const char *end,
				       uint32_t *ret_code,
				       const char **ret_what)
{
	enum {
		HIGH = 0xd800,
		LOW = 0xdc00
	};
	uint32_t code;
	uint32_t low;

	if (!read_hex4(at + 2, end, &code)) {
		*ret_what = "\\u is not followed by four hex digits";
		return NULL;
	}
	at += 6;
	if (is_surrogate(code, HIGH) && end - at >= 2 && at[0] == '\\' &&
	    at[1] == 'u' && read_hex4(at + 2, end, &low) &&
	    is_surrogate(low, LOW)) {
		*ret_code = 0x10000 + ((code - HIGH) << 10) + (low - LOW);
		return at + 6;
	}
	if (is_surrogate(code, HIGH) || is_surrogate(code, LOW)) {
		*ret_what = "lone surrogate";
		return NULL;
	}
	*ret_code = code;
	return at;
}

const char *tb_json_read_escape(const char *at, const char *end,
				uint32_t *ret_code, const char **ret_what)
{
	if (end - at < 2) {
		*ret_what = "unexpected end of the text";
		return NULL;
	}
	if (at[1] == 'u')
		return read_unicode_escape(at, end, ret_code, ret_what);
	char meant = simple_escape(at[1]);
	if (meant == 0) {
		*ret_what = "unknown escape";
		return NULL;
	}
	*ret_code = (unsigned char)meant;
	return at + 2;
}

/* One run of bytes as they are, or one escape, of an accepted string; `small`
 * holds what an escape stands for. */
static struct tb_str next_piece(struct tb_str *rest,
				char small[TB_UTF8_MAX_BYTES])
{
	const char *end = rest->p + rest->n;
	const char *at = memchr(rest->p, '\\', rest->n);
	struct tb_str piece = tb_str(rest->p, rest->n);

	if (at == rest->p) {
		const char *what;
		uint32_t code;
		at = tb_json_read_escape(at, end, &code, &what);
		TB_ASSERT(at != NULL);
		piece = tb_str(small, tb_utf8_put(code, small));
	} else if (at != NULL) {
		piece.n = (size_t)(at - rest->p);
	} else {
		at = end;
	}
	*rest = tb_str(at, (size_t)(end - at));
	return piece;
}

size_t tb_json_decode(struct tb_str inside, char *to)
{
	char small[TB_UTF8_MAX_BYTES];
	size_t n = 0;

	while (inside.n > 0) {
		struct tb_str piece = next_piece(&inside, small);
		memcpy(to + n, piece.p, piece.n);
		n += piece.n;
	}
	return n;
}

bool tb_json_decoded_is(struct tb_str inside, struct tb_str s)
{
	char small[TB_UTF8_MAX_BYTES];

	while (inside.n > 0) {
		struct tb_str piece = next_piece(&inside, small);
		if (!tb_str_starts(s, piece))
			return false;
		s = tb_str(s.p + piece.n, s.n - piece.n);
	}
	return s.n == 0;
}
