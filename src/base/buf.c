#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"

#define CAP_MIN 64

void tb_buf_init(struct tb_buf *buf, size_t max)
{
	*buf = (struct tb_buf) { .max = max };
}

void tb_buf_fini(struct tb_buf *buf)
{
	tb_free(buf->p);
	tb_buf_init(buf, buf->max);
}

void tb_buf_reset(struct tb_buf *buf)
{
	buf->n = 0;
	buf->err = TB_OK;
}

/* Doubles up to the ceiling, so that appending stays linear. */
static bool grow(struct tb_buf *buf, size_t need)
{
	size_t cap = buf->cap > CAP_MIN / 2 ? buf->cap : CAP_MIN / 2;

	cap = cap > buf->max / 2 ? buf->max : cap * 2;
	if (cap < need)
		cap = need;
	char *p = tb_realloc(buf->p, cap);
	if (p == NULL) {
		buf->err = TB_ERR_NOMEM;
		return false;
	}
	buf->p = p;
	buf->cap = cap;
	return true;
}

char *tb_buf_reserve(struct tb_buf *buf, size_t n)
{
	if (buf->err != TB_OK)
		return NULL;
	if (n > buf->max - buf->n) {
		buf->err = TB_ERR_TOO_LARGE;
		return NULL;
	}
	/* Also the first time for no bytes: a pointer is what says "room". */
	if ((buf->p == NULL || n > buf->cap - buf->n) && !grow(buf, buf->n + n))
		return NULL;
	return buf->p + buf->n;
}

void tb_buf_append_slow(struct tb_buf *buf, const void *p, size_t n)
{
	if (n == 0)
		return;
	char *to = tb_buf_reserve(buf, n);
	if (to == NULL)
		return;
	memcpy(to, p, n);
	buf->n += n;
}

void tb_buf_append_z(struct tb_buf *buf, const char *z)
{
	tb_buf_append_str(buf, tb_str_z(z));
}

void tb_buf_append_u64(struct tb_buf *buf, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	tb_buf_append(buf, digits + at, sizeof(digits) - at);
}

void tb_buf_append_i64(struct tb_buf *buf, int64_t v)
{
	if (v < 0)
		tb_buf_append_char(buf, '-');
	tb_buf_append_u64(buf, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void tb_buf_printf(struct tb_buf *buf, const char *fmt, ...)
{
	char small[256];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n < 0) {
		buf->err = TB_ERR_INVALID;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		tb_buf_append(buf, small, (size_t)n);
		return;
	}
	/* vsnprintf wants room for a NUL, which the ceiling does not count. */
	char *all = tb_malloc((size_t)n + 1);
	if (all == NULL) {
		buf->err = buf->err != TB_OK ? buf->err : TB_ERR_NOMEM;
		return;
	}
	va_start(args, fmt);
	vsnprintf(all, (size_t)n + 1, fmt, args);
	va_end(args);
	tb_buf_append(buf, all, (size_t)n);
	tb_free(all);
}

enum tb_err tb_buf_copy_out(struct tb_buf *buf, struct tb_arena *arena,
			    struct tb_str *ret)
{
	enum tb_err err = tb_buf_err(buf);

	if (err == TB_OK)
		err = tb_arena_strdup(arena, tb_buf_str(buf), ret);
	tb_buf_fini(buf);
	return err;
}
