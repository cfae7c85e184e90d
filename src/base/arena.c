#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"

#define ALIGNMENT ((size_t)16)
#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)1 << 20)

/* Blocks form a stack: the newest is the one allocated from. */
struct block {
	struct block *below;
	size_t cap;
	size_t used;
	_Alignas(16) char data[];
};

struct tb_arena {
	struct block *top;
	size_t max;
	size_t used;
	enum tb_err err;
};

struct tb_arena *tb_arena_create(size_t max_bytes)
{
	struct tb_arena *arena = tb_malloc(sizeof(*arena));

	if (arena != NULL)
		*arena = (struct tb_arena) { .max = max_bytes };
	return arena;
}

/* Drops the blocks above `keep`. */
static void drop_blocks(struct tb_arena *arena, const struct block *keep)
{
	while (arena->top != keep) {
		struct block *block = arena->top;
		arena->top = block->below;
		tb_free(block);
	}
}

void tb_arena_destroy(struct tb_arena *arena)
{
	if (arena == NULL)
		return;
	drop_blocks(arena, NULL);
	tb_free(arena);
}

void tb_arena_reset(struct tb_arena *arena)
{
	struct block *first = arena->top;

	while (first != NULL && first->below != NULL)
		first = first->below;
	drop_blocks(arena, first);
	if (first != NULL)
		first->used = 0;
	arena->used = 0;
}

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/* Checks `size` further bytes against the ceiling. What passes can be aligned
 * and given a header without an overflow. */
static bool has_room(struct tb_arena *arena, size_t size)
{
	if (size <= arena->max - arena->used && size <= SIZE_MAX / 2)
		return true;
	arena->err = TB_ERR_TOO_LARGE;
	return false;
}

/* Each block is twice the one below, so that there are few of them. */
static bool add_block(struct tb_arena *arena, size_t need)
{
	size_t cap = arena->top != NULL ? arena->top->cap : BLOCK_MIN / 2;

	cap = cap < BLOCK_MAX / 2 ? cap * 2 : BLOCK_MAX;
	if (cap < need)
		cap = need;
	struct block *block = tb_malloc(sizeof(*block) + cap);
	if (block == NULL) {
		arena->err = TB_ERR_NOMEM;
		return false;
	}
	block->below = arena->top;
	block->cap = cap;
	block->used = 0;
	arena->top = block;
	return true;
}

void *tb_arena_alloc(struct tb_arena *arena, size_t size)
{
	size_t need = aligned(size);

	if (!has_room(arena, size))
		return NULL;
	if ((arena->top == NULL || need > arena->top->cap - arena->top->used) &&
	    !add_block(arena, need))
		return NULL;
	void *p = arena->top->data + arena->top->used;
	arena->top->used += need;
	arena->used += size;
	return p;
}

/* Makes the top block, which holds nothing but one allocation, larger. */
static bool resize_top(struct tb_arena *arena, size_t cap)
{
	struct block *block = tb_realloc(arena->top, sizeof(*block) + cap);

	if (block == NULL) {
		arena->err = TB_ERR_NOMEM;
		return false;
	}
	block->cap = cap;
	arena->top = block;
	return true;
}

/* For the allocation that begins at `offset` of the top block and ends it. */
static void *resize_last(struct tb_arena *arena, size_t offset, size_t old_size,
			 size_t size)
{
	if (size > old_size && !has_room(arena, size - old_size))
		return NULL;
	if (aligned(size) > arena->top->cap - offset &&
	    !resize_top(arena, aligned(size)))
		return NULL;
	arena->top->used = offset + aligned(size);
	arena->used = arena->used - old_size + size;
	return arena->top->data + offset;
}

void *tb_arena_resize(struct tb_arena *arena, void *p, size_t old_size,
		      size_t size)
{
	struct block *top = arena->top;

	if (p == NULL)
		return tb_arena_alloc(arena, size);
	bool is_last = (char *)p + aligned(old_size) == top->data + top->used;
	bool is_alone = is_last && (char *)p == top->data;
	size_t offset = is_last ? (size_t)((char *)p - top->data) : 0;
	if (is_last && (is_alone || aligned(size) <= top->cap - offset))
		return resize_last(arena, offset, old_size, size);
	void *copy = tb_arena_alloc(arena, size);
	if (copy != NULL)
		memcpy(copy, p, old_size < size ? old_size : size);
	return copy;
}

enum tb_err tb_arena_err(const struct tb_arena *arena)
{
	return arena->err;
}

void *tb_arena_calloc(struct tb_arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		total = SIZE_MAX; /* Over any ceiling. */
	void *p = tb_arena_alloc(arena, total);
	return p != NULL ? memset(p, 0, total) : NULL;
}

enum tb_err tb_arena_strdup(struct tb_arena *arena, struct tb_str s,
			    struct tb_str *ret)
{
	char *p = tb_arena_alloc(arena, s.n + 1);

	if (p == NULL)
		return tb_arena_err(arena);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*ret = tb_str(p, s.n);
	return TB_OK;
}

enum tb_err tb_arena_printf(struct tb_arena *arena, struct tb_str *ret,
			    const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return TB_ERR_INVALID;
	char *p = tb_arena_alloc(arena, (size_t)n + 1);
	if (p == NULL)
		return tb_arena_err(arena);
	va_start(args, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, args);
	va_end(args);
	*ret = tb_str(p, (size_t)n);
	return TB_OK;
}

size_t tb_arena_used(const struct tb_arena *arena)
{
	return arena->used;
}
