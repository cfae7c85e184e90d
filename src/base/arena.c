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

/* Each block is twice the one below, so that there are few of them. */
static bool add_block(struct tb_arena *arena, size_t need)
{
	size_t cap = arena->top != NULL ? arena->top->cap : BLOCK_MIN / 2;

	cap = cap < BLOCK_MAX / 2 ? cap * 2 : BLOCK_MAX;
	if (cap < need)
		cap = need;
	struct block *block = tb_malloc(sizeof(*block) + cap);
	if (block == NULL)
		return false;
	block->below = arena->top;
	block->cap = cap;
	block->used = 0;
	arena->top = block;
	return true;
}

void *tb_arena_alloc(struct tb_arena *arena, size_t size)
{
	if (size > arena->max - arena->used)
		return NULL;
	size_t need = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct block *top = arena->top;
	if (need < size)
		return NULL;
	if (top == NULL || need > top->cap - top->used) {
		if (need > SIZE_MAX - sizeof(*top) || !add_block(arena, need))
			return NULL;
		top = arena->top;
	}
	void *p = top->data + top->used;
	top->used += need;
	arena->used += size;
	return p;
}

void *tb_arena_calloc(struct tb_arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	void *p = tb_arena_alloc(arena, total);
	return p != NULL ? memset(p, 0, total) : NULL;
}

static enum tb_err fail(const struct tb_arena *arena, size_t size)
{
	return size > arena->max - arena->used ? TB_ERR_TOO_LARGE
					       : TB_ERR_NOMEM;
}

enum tb_err tb_arena_strdup(struct tb_arena *arena, struct tb_str s,
			    struct tb_str *ret)
{
	char *p = s.n < SIZE_MAX ? tb_arena_alloc(arena, s.n + 1) : NULL;

	if (p == NULL)
		return fail(arena, s.n + 1);
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
		return fail(arena, (size_t)n + 1);
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
