#include "app/config_yaml.h"

/* What YAML would not take as it is, or take for the end of a line: controls,
 * and the likes of U+2028. `n`: bytes of it; 0: it may stand as it is. */
static size_t put_escaped(struct tb_buf *buf, const unsigned char *p, size_t n)
{
	unsigned code;

	if (*p == '"' || *p == '\\') {
		tb_buf_printf(buf, "\\%c", *p);
		return 1;
	}
	if (*p < ' ' || *p == 0x7f) {
		tb_buf_printf(buf, "\\x%02X", *p);
		return 1;
	}
	if (n >= 2 && *p == 0xc2 && p[1] < 0xa0) {
		tb_buf_printf(buf, "\\x%02X", p[1]);
		return 2;
	}
	if (n < 3 || (*p != 0xe2 && *p != 0xef))
		return 0;
	code = (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	if (code != 0x2028 && code != 0x2029 && code != 0xfeff && code < 0xfffe)
		return 0;
	tb_buf_printf(buf, "\\u%04X", code);
	return 3;
}

void tb_config_put_string(struct tb_buf *buf, struct tb_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len;

	tb_buf_append_char(buf, '"');
	for (size_t i = 0; i < s.n; i += len) {
		len = put_escaped(buf, &p[i], s.n - i);
		if (len > 0)
			continue;
		tb_buf_append_char(buf, s.p[i]);
		len = 1;
	}
	tb_buf_append_char(buf, '"');
}

void tb_config_put_pair(struct tb_buf *buf, const char *before, const char *key,
			struct tb_str value)
{
	tb_buf_append_z(buf, before);
	tb_buf_append_z(buf, key);
	tb_buf_append_z(buf, ": ");
	tb_config_put_string(buf, value);
}

void tb_config_put_given(struct tb_buf *buf, const char *key,
			 struct tb_str value)
{
	if (value.p)
		tb_config_put_pair(buf, ", ", key, value);
}

void tb_config_put_list(struct tb_buf *buf, const char *before, const char *key,
			const struct tb_str *list, size_t n)
{
	if (n == 0)
		return;
	tb_buf_append_z(buf, before);
	tb_buf_append_z(buf, key);
	for (size_t i = 0; i < n; i++) {
		tb_buf_append_z(buf, i == 0 ? ": [" : ", ");
		tb_config_put_string(buf, list[i]);
	}
	tb_buf_append_char(buf, ']');
}

void tb_config_put_line(struct tb_buf *buf, const char *key, const char *value)
{
	tb_buf_append_z(buf, TB_CONFIG_KEY_INDENT);
	tb_buf_append_z(buf, key);
	tb_buf_append_z(buf, ": ");
	tb_buf_append_z(buf, value);
	tb_buf_append_char(buf, '\n');
}

void tb_config_put_text(struct tb_buf *buf, const char *key,
			struct tb_str value)
{
	if (!value.p)
		return;
	tb_config_put_pair(buf, TB_CONFIG_KEY_INDENT, key, value);
	tb_buf_append_char(buf, '\n');
}

void tb_config_put_number(struct tb_buf *buf, const char *key, uint64_t value)
{
	if (value > 0)
		tb_buf_printf(buf, TB_CONFIG_KEY_INDENT "%s: %llu\n", key,
			      (unsigned long long)value);
}
