#include "http/uri.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that the escape at `i` stands for; -1 when it is none. */
static int escaped_byte(struct tb_str s, size_t i)
{
	int high, low;

	if (s.n - i < 3)
		return -1;
	high = hex_digit(s.p[i + 1]);
	low = hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool tb_uri_is_valid(struct tb_str target)
{
	bool in_path = true;
	size_t i;

	if (target.n == 0 || target.p[0] != '/')
		return false;
	for (i = 0; i < target.n; i++) {
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7f)
			return false;
		if (target.p[i] == '?')
			in_path = false;
		if (in_path && target.p[i] == '%' &&
		    escaped_byte(target, i) <= 0)
			return false;
	}
	return true;
}

/* The length of the UTF-8 sequence that a byte begins; 0: it begins none. */
static size_t utf8_len(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* No overlong forms, no surrogates, nothing above U+10FFFF: these show in
 * the second byte alone (Unicode, table 3-7). */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	default:
		return true;
	}
}

static bool is_utf8_text(struct tb_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.n) {
		size_t len = utf8_len(p[i]), k;

		if (p[i] == 0 || len == 0 || len > s.n - i)
			return false;
		if (len > 1 && !second_byte_fits(p[i], p[i + 1]))
			return false;
		for (k = 1; k < len; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		i += len;
	}
	return true;
}

static bool has_escapes(struct tb_str s, bool plus_is_space)
{
	if (s.n == 0)
		return false;
	return memchr(s.p, '%', s.n) ||
	       (plus_is_space && memchr(s.p, '+', s.n));
}

/* Writes at most `in.n` bytes to `out`. */
static enum tb_err unescape(struct tb_str in, bool plus_is_space, char *out,
			    size_t *ret_n)
{
	size_t i, n = 0;

	for (i = 0; i < in.n; i++) {
		int byte = (unsigned char)in.p[i];

		if (byte == '+' && plus_is_space) {
			byte = ' ';
		} else if (byte == '%') {
			byte = escaped_byte(in, i);
			if (byte < 0)
				return TB_ERR_INVALID;
			i += 2;
		}
		out[n++] = (char)byte;
	}
	*ret_n = n;
	return TB_OK;
}

enum tb_err tb_uri_decode(struct tb_arena *arena, struct tb_str in,
			  bool plus_is_space, struct tb_str *ret)
{
	struct tb_str decoded = in;

	if (has_escapes(in, plus_is_space)) {
		char *out = tb_arena_alloc(arena, in.n);
		enum tb_err err;

		if (!out)
			return TB_ERR_NOMEM;
		decoded.p = out;
		err = unescape(in, plus_is_space, out, &decoded.n);
		if (err)
			return err;
	}
	if (!is_utf8_text(decoded))
		return TB_ERR_INVALID;
	*ret = decoded;
	return TB_OK;
}

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void tb_uri_escape(struct tb_buf *buf, struct tb_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (is_unreserved(c))
			tb_buf_append_char(buf, (char)c);
		else
			tb_buf_printf(buf, "%%%02X", c);
	}
}
