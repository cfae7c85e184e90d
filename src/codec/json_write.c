/*
 * Writing JSON: strings, and a writer that sets the commas.
 */
#include "codec/json.h"
#include "codec/json_text.h"
#include "codec/time.h"

/* Escapes one byte: a quote, a backslash or a control character. */
static void put_escape(struct tb_buf *buf, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',
		['\r'] = 'r', ['\t'] = 't',
	};
	unsigned char u = (unsigned char)c;
	char letter = u < sizeof(letters) ? letters[u] : c;
	char pair[2] = { '\\', letter };
	char unicode[6] = { '\\', 'u', '0', '0', hex[u >> 4], hex[u & 15] };

	if (letter != 0)
		tb_buf_append(buf, pair, sizeof(pair));
	else
		tb_buf_append(buf, unicode, sizeof(unicode));
}

/* The first byte that must be escaped. What is not ASCII stays as it is. */
static const char *skip_unescaped(const char *at, const char *end)
{
	for (;;) {
		at = tb_json_skip_plain(at, end);
		if (at == end || (unsigned char)*at < 0x80)
			return at;
		while (at < end && (unsigned char)*at >= 0x80)
			at++;
	}
}

/* Nearly every string has nothing to escape. */
static void put_plain_string(struct tb_buf *buf, struct tb_str s)
{
	char *to = tb_buf_reserve(buf, s.n + 2);

	if (to == NULL)
		return;
	to[0] = '"';
	memcpy(to + 1, s.p, s.n);
	to[s.n + 1] = '"';
	buf->n += s.n + 2;
}

void tb_json_put_string(struct tb_buf *buf, struct tb_str s)
{
	const char *at = s.p;
	const char *end = s.n > 0 ? s.p + s.n : s.p;

	if (s.n > 0 && skip_unescaped(at, end) == end) {
		put_plain_string(buf, s);
		return;
	}
	tb_buf_append_char(buf, '"');
	while (at < end) {
		const char *stop = skip_unescaped(at, end);
		tb_buf_append(buf, at, (size_t)(stop - at));
		if (stop < end)
			put_escape(buf, *stop++);
		at = stop;
	}
	tb_buf_append_char(buf, '"');
}

static void separate(struct tb_json_writer *w)
{
	if (w->comma)
		tb_buf_append_char(w->buf, ',');
	w->comma = true;
}

static void begin(struct tb_json_writer *w, char bracket)
{
	separate(w);
	tb_buf_append_char(w->buf, bracket);
	w->comma = false;
}

static void end(struct tb_json_writer *w, char bracket)
{
	tb_buf_append_char(w->buf, bracket);
	w->comma = true;
}

void tb_json_begin_object(struct tb_json_writer *w)
{
	begin(w, '{');
}

void tb_json_end_object(struct tb_json_writer *w)
{
	end(w, '}');
}

void tb_json_begin_array(struct tb_json_writer *w)
{
	begin(w, '[');
}

void tb_json_continue_array(struct tb_json_writer *w)
{
	w->comma = true;
}

void tb_json_end_array(struct tb_json_writer *w)
{
	end(w, ']');
}

void tb_json_key(struct tb_json_writer *w, struct tb_str key)
{
	separate(w);
	tb_json_put_string(w->buf, key);
	tb_buf_append_char(w->buf, ':');
	w->comma = false;
}

void tb_json_str(struct tb_json_writer *w, struct tb_str s)
{
	separate(w);
	tb_json_put_string(w->buf, s);
}

void tb_json_int(struct tb_json_writer *w, int64_t v)
{
	separate(w);
	tb_buf_append_i64(w->buf, v);
}

void tb_json_uint(struct tb_json_writer *w, uint64_t v)
{
	separate(w);
	tb_buf_append_u64(w->buf, v);
}

void tb_json_boolean(struct tb_json_writer *w, bool v)
{
	tb_json_rawval(w, v ? TB_STR("true") : TB_STR("false"));
}

void tb_json_null(struct tb_json_writer *w)
{
	tb_json_rawval(w, TB_STR("null"));
}

void tb_json_rawval(struct tb_json_writer *w, struct tb_str raw)
{
	separate(w);
	tb_buf_append_str(w->buf, raw);
}

void tb_json_kv_str(struct tb_json_writer *w, const char *key, struct tb_str s)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_str(w, s);
}

void tb_json_kv_int(struct tb_json_writer *w, const char *key, int64_t v)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_int(w, v);
}

void tb_json_kv_uint(struct tb_json_writer *w, const char *key, uint64_t v)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_uint(w, v);
}

void tb_json_kv_bool(struct tb_json_writer *w, const char *key, bool v)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_boolean(w, v);
}

void tb_json_kv_null(struct tb_json_writer *w, const char *key)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_null(w);
}

void tb_json_kv_raw(struct tb_json_writer *w, const char *key,
		    struct tb_str raw)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_rawval(w, raw);
}

void tb_json_kv_time(struct tb_json_writer *w, const char *key, int64_t us)
{
	tb_json_key(w, tb_str_z(key));
	separate(w);
	tb_buf_append_char(w->buf, '"');
	tb_time_put(w->buf, us);
	tb_buf_append_char(w->buf, '"');
}
