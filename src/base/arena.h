/*
 * An arena: memory for one request (or one commit), given back all at once.
 * Not thread-safe; one owner. What outlives the arena is copied out of it.
 */
#ifndef TB_BASE_ARENA_H
#define TB_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct tb_arena;

/* `max_bytes` is the ceiling of all allocations together. NULL: no memory. */
struct tb_arena *tb_arena_create(size_t max_bytes);
/* Takes NULL. */
void tb_arena_destroy(struct tb_arena *arena);
/* Forgets all allocations, keeps the first block for the next use. */
void tb_arena_reset(struct tb_arena *arena);

/* Aligned for any type, not zeroed. NULL: no memory, or over the ceiling. */
void *tb_arena_alloc(struct tb_arena *arena, size_t size);
/* Zeroed; NULL also when count * size overflows. */
void *tb_arena_calloc(struct tb_arena *arena, size_t count, size_t size);
/* Gives an allocation (NULL: none yet) another size, in place when it is the
 * last one, else as a copy. NULL: as above, and `p` is as it was. */
void *tb_arena_resize(struct tb_arena *arena, void *p, size_t old_size,
		      size_t size);
/* Why the last allocation failed: NOMEM, or TOO_LARGE at the ceiling. */
enum tb_err tb_arena_err(const struct tb_arena *arena);
/* A copy in the arena with a NUL behind it. */
enum tb_err tb_arena_strdup(struct tb_arena *arena, struct tb_str s,
			    struct tb_str *ret) tb_must_check;
/* printf into the arena. */
enum tb_err tb_arena_printf(struct tb_arena *arena, struct tb_str *ret,
			    const char *fmt, ...) tb_must_check
	__attribute__((format(printf, 3, 4)));
/* Bytes handed out since the last reset. */
size_t tb_arena_used(const struct tb_arena *arena);

#endif
