/*
 * A growing byte buffer with a ceiling. An append that fails marks the buffer
 * and later appends do nothing, so a writer checks once, at the end.
 */
#ifndef TB_BASE_BUF_H
#define TB_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Embedded by its owner; read `p` and `n`, change them by the functions. */
struct tb_buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	enum tb_err err;
};

/* Allocates nothing yet. `max` is the ceiling of `n`. */
void tb_buf_init(struct tb_buf *buf, size_t max);
/* Takes a zeroed buffer; afterwards it is as after init. */
void tb_buf_fini(struct tb_buf *buf);
/* Empties it and forgets its error, keeps its memory. */
void tb_buf_reset(struct tb_buf *buf);

void tb_buf_append(struct tb_buf *buf, const void *p, size_t n);
void tb_buf_append_str(struct tb_buf *buf, struct tb_str s);
void tb_buf_append_z(struct tb_buf *buf, const char *z);
void tb_buf_append_char(struct tb_buf *buf, char c);
void tb_buf_append_u64(struct tb_buf *buf, uint64_t v);
void tb_buf_append_i64(struct tb_buf *buf, int64_t v);
void tb_buf_printf(struct tb_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Room for `n` more bytes at p + n, for code that writes in place and then
 * adds to `n` itself; NULL (and the buffer marked) when there is none. */
char *tb_buf_reserve(struct tb_buf *buf, size_t n);

static inline struct tb_str tb_buf_str(const struct tb_buf *buf)
{
	return tb_str(buf->p, buf->n);
}
/* OK, NOMEM or TOO_LARGE: whatever the first failed append met. */
static inline enum tb_err tb_buf_err(const struct tb_buf *buf)
{
	return buf->err;
}

#endif
