/*
 * A growing byte buffer with a ceiling. An append that fails marks the buffer
 * and later appends do nothing, so a writer checks once, at the end.
 */
#ifndef TB_BASE_BUF_H
#define TB_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct tb_arena;

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
/* In memory of the caller's, which it never outgrows; not to be given to fini.
 */
static inline void tb_buf_init_fixed(struct tb_buf *buf, char *p, size_t n)
{
	*buf = (struct tb_buf) { .p = p, .cap = n, .max = n };
}
/* Takes a zeroed buffer; afterwards it is as after init. */
void tb_buf_fini(struct tb_buf *buf);
/* Empties it and forgets its error, keeps its memory. */
void tb_buf_reset(struct tb_buf *buf);

/* The same as tb_buf_append, where there is no room yet. */
void tb_buf_append_slow(struct tb_buf *buf, const void *p, size_t n);
static inline void tb_buf_append(struct tb_buf *buf, const void *p, size_t n)
{
	if (n == 0 || n > buf->cap - buf->n || buf->err != TB_OK) {
		tb_buf_append_slow(buf, p, n);
		return;
	}
	memcpy(buf->p + buf->n, p, n);
	buf->n += n;
}
static inline void tb_buf_append_str(struct tb_buf *buf, struct tb_str s)
{
	tb_buf_append(buf, s.p, s.n);
}
void tb_buf_append_z(struct tb_buf *buf, const char *z);
static inline void tb_buf_append_char(struct tb_buf *buf, char c)
{
	tb_buf_append(buf, &c, 1);
}
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
/* The end of a text that outlives its buffer: copies it into the arena and, in
 * any case, frees the buffer. As tb_buf_err, and what tb_arena_strdup says. */
enum tb_err tb_buf_copy_out(struct tb_buf *buf, struct tb_arena *arena,
			    struct tb_str *ret) tb_must_check;

#endif
