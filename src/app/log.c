#include "app/log.h"

#include <time.h>

#include "base/assert.h"
#include "codec/json.h"

/* A text in a line is cut behind this many bytes, so that a line with all of
 * them fits. */
#define TEXT_MAX_BYTES 256
/* Of a principal; keys of accounts are shorter. */
#define NAME_MAX_BYTES 1024

const char *const tb_log_level_names[] = {
	[TB_LOG_DEBUG] = "debug",    [TB_LOG_INFO] = "info",
	[TB_LOG_WARN] = "warn",      [TB_LOG_ERROR] = "error",
	[TB_LOG_LEVEL_COUNT] = NULL,
};

void tb_log_init(struct tb_log *log, int fd, enum tb_log_level level)
{
	log->fd = fd;
	log->sink = NULL;
	atomic_init(&log->level, (unsigned)level);
}

/* Whatever the level: it says that the log has a hole. */
static void put_lost(struct tb_buf *buf, int64_t n_lost)
{
	struct tb_log_field field = { .name = "lines", .number = n_lost };

	tb_log_put_event(buf, TB_LOG_WARN, tb_log_now_us(), "lines lost",
			 &field, 1);
}

enum tb_err tb_log_start(struct tb_log *log)
{
	return tb_log_sink_create(log->fd, put_lost, &log->sink);
}

void tb_log_stop(struct tb_log *log)
{
	tb_log_sink_destroy(log->sink);
	log->sink = NULL;
}

void tb_log_set_level(struct tb_log *log, enum tb_log_level level)
{
	atomic_store(&log->level, (unsigned)level);
}

int64_t tb_log_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static bool is_wanted(struct tb_log *log, enum tb_log_level level)
{
	return (unsigned)level >= atomic_load(&log->level);
}

/* The length of the UTF-8 sequence at `p`; 0 when there is none, or it is a
 * control character. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x20 || p[0] == 0x7f ? 0
		     : p[0] < 0x80               ? 1
		     : p[0] < 0xc2               ? 0
		     : p[0] < 0xe0               ? 2
		     : p[0] < 0xf0               ? 3
		     : p[0] < 0xf5               ? 4
						 : 0;

	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

/* As much of `text` as is written, in UTF-8 whatever it was. */
static size_t clean(struct tb_str text, char to[TEXT_MAX_BYTES])
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t n = 0;
	size_t len;

	for (size_t i = 0; i < text.n; i += len) {
		len = utf8_len(p + i, text.n - i);
		if (n + (len ? len : 1) > TEXT_MAX_BYTES)
			break;
		if (len == 0) {
			to[n++] = '?';
			len = 1;
			continue;
		}
		memcpy(to + n, p + i, len);
		n += len;
	}
	return n;
}

/* True of nearly all texts, which are then written as they are. */
static bool is_short_ascii(struct tb_str text)
{
	unsigned others = 0;

	for (size_t i = 0; i < text.n; i++)
		others |= (uint8_t)(text.p[i] - ' ') > '~' - ' ';
	return text.n <= TEXT_MAX_BYTES && others == 0;
}

/* What comes from outside may be any bytes; the line is UTF-8 all the same,
 * and without the control characters that would take six bytes each. */
static void put_text(struct tb_json_writer *w, const char *key,
		     struct tb_str text)
{
	char cleaned[TEXT_MAX_BYTES];

	if (!is_short_ascii(text))
		text = tb_str(cleaned, clean(text, cleaned));
	tb_json_kv_str(w, key, text);
}

static void put_head(struct tb_json_writer *w, enum tb_log_level level,
		     int64_t now_us)
{
	tb_json_begin_object(w);
	tb_json_kv_time(w, "time", now_us);
	tb_json_kv_str(w, "level", tb_str_z(tb_log_level_names[level]));
}

void tb_log_put_event(struct tb_buf *buf, enum tb_log_level level,
		      int64_t now_us, const char *message,
		      const struct tb_log_field *fields, size_t n_fields)
{
	struct tb_json_writer w = tb_json_writer(buf);

	put_head(&w, level, now_us);
	tb_json_kv_str(&w, "message", tb_str_z(message));
	for (size_t i = 0; i < n_fields; i++) {
		if (fields[i].text.p)
			put_text(&w, fields[i].name, fields[i].text);
		else
			tb_json_kv_int(&w, fields[i].name, fields[i].number);
	}
	tb_json_end_object(&w);
	tb_buf_append_char(buf, '\n');
}

static enum tb_log_level access_level(const struct tb_access *access)
{
	if (access->status >= 500)
		return TB_LOG_ERROR;
	return access->status >= 400 ? TB_LOG_WARN : TB_LOG_INFO;
}

void tb_log_put_principal(struct tb_buf *buf,
			  const struct tb_principal *principal)
{
	tb_buf_append_z(buf, tb_principal_kind_name(principal->kind));
	tb_buf_append_char(buf, '/');
	tb_buf_append_str(buf, principal->key);
}

static void put_principal(struct tb_json_writer *w,
			  const struct tb_principal *principal)
{
	char text[NAME_MAX_BYTES];
	struct tb_buf name;

	tb_buf_init_fixed(&name, text, sizeof(text));
	tb_log_put_principal(&name, principal);
	put_text(w, "org", principal->org_name);
	put_text(w, "principal", tb_buf_str(&name));
}

void tb_log_put_access(struct tb_buf *buf, int64_t now_us,
		       const struct tb_access *access)
{
	struct tb_json_writer w = tb_json_writer(buf);

	put_head(&w, access_level(access), now_us);
	tb_json_kv_str(&w, "message", TB_STR("request"));
	put_text(&w, "request_id", access->request_id);
	put_text(&w, "address", access->address);
	if (access->login)
		put_principal(&w, access->login);
	else if (access->req && access->req->principal)
		put_principal(&w, access->req->principal);
	put_text(&w, "method", access->method);
	put_text(&w, "route", access->route);
	tb_json_kv_uint(&w, "status", access->status);
	if (access->error_code)
		tb_json_kv_str(&w, "error", tb_str_z(access->error_code));
	tb_json_kv_int(&w, "duration_us", access->duration_us);
	tb_json_kv_uint(&w, "bytes_in", access->bytes_in);
	tb_json_kv_uint(&w, "bytes_out", access->bytes_out);
	if (access->aborted)
		tb_json_kv_bool(&w, "aborted", true);
	tb_json_end_object(&w);
	tb_buf_append_char(buf, '\n');
}

static void write_line(struct tb_log *log, const struct tb_buf *line)
{
	if (tb_buf_err(line))
		return;
	if (log->sink)
		tb_log_sink_put(log->sink, tb_buf_str(line));
	else
		tb_log_sink_write(log->fd, tb_buf_str(line));
}

void tb_log_event(struct tb_log *log, enum tb_log_level level, int64_t now_us,
		  const char *message, const struct tb_log_field *fields,
		  size_t n_fields)
{
	char text[TB_LOG_LINE_MAX];
	struct tb_buf line;

	if (!is_wanted(log, level))
		return;
	tb_buf_init_fixed(&line, text, sizeof(text));
	tb_log_put_event(&line, level, now_us, message, fields, n_fields);
	write_line(log, &line);
}

void tb_log_text(struct tb_log *log, enum tb_log_level level,
		 const char *message, const char *name, struct tb_str text)
{
	struct tb_log_field field = { .name = name, .text = text };

	tb_log_event(log, level, tb_log_now_us(), message, &field, 1);
}

void tb_log_access(struct tb_log *log, int64_t now_us,
		   const struct tb_access *access)
{
	char text[TB_LOG_LINE_MAX];
	struct tb_buf line;

	if (!is_wanted(log, access_level(access)))
		return;
	tb_buf_init_fixed(&line, text, sizeof(text));
	tb_log_put_access(&line, now_us, access);
	write_line(log, &line);
}
