/*
 * A slice of bytes that somebody else owns: no terminator, may hold NUL.
 * Passed by value. A function that keeps one says so and copies it.
 */
#ifndef TB_BASE_STR_H
#define TB_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct tb_str {
	const char *p;
	size_t n;
};

#define TB_STR(lit) ((struct tb_str) { (lit), sizeof(lit) - 1 })
/* The same where an initialiser must be constant. */
#define TB_STR_INIT(lit)                                                       \
	{                                                                      \
		(lit), sizeof(lit) - 1                                         \
	}
#define TB_STR_NONE ((struct tb_str) { NULL, 0 })
/* For printf: "%.*s", TB_STR_ARG(s). */
#define TB_STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct tb_str tb_str(const char *p, size_t n)
{
	return (struct tb_str) { p, n };
}

/* `z` may be NULL, which is the empty slice. */
static inline struct tb_str tb_str_z(const char *z)
{
	return (struct tb_str) { z, z ? strlen(z) : 0 };
}

static inline bool tb_str_eq(struct tb_str a, struct tb_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters compare without regard to case; other bytes exactly. */
bool tb_str_eq_nocase(struct tb_str a, struct tb_str b);
bool tb_str_starts(struct tb_str s, struct tb_str prefix);
bool tb_str_ends(struct tb_str s, struct tb_str suffix);
/* True if a byte is one of ASCII's control characters, DEL among them. */
bool tb_str_has_control(struct tb_str s);
/* Byte order, a shorter prefix first: <0, 0, >0. */
int tb_str_cmp(struct tb_str a, struct tb_str b);
/* Without spaces and tabs at both ends. */
struct tb_str tb_str_trim(struct tb_str s);
/* Cuts `*rest` at the first `sep`: returns the part before it and leaves the
 * part behind it in `*rest` (p NULL when there was no `sep` left). */
struct tb_str tb_str_cut(struct tb_str *rest, char sep);

/* Whole slice as a decimal number. INVALID: empty, other characters, a sign
 * where none may stand, or a value that does not fit. */
enum tb_err tb_str_to_u64(struct tb_str s, uint64_t *ret) tb_must_check;
enum tb_err tb_str_to_i64(struct tb_str s, int64_t *ret) tb_must_check;

/* For hash tables in memory only, never stored: SipHash-1-3 under a key of
 * this process, so that nobody outside can choose texts that collide. */
uint64_t tb_str_hash(struct tb_str s);

#endif
