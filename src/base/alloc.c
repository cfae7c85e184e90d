#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t fail_at;
static _Thread_local uint64_t calls;

static bool must_fail(void)
{
	return ++calls == fail_at;
}

void *tb_malloc(size_t size)
{
	return must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *tb_calloc(size_t count, size_t size)
{
	if (must_fail())
		return NULL;
	return count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1);
}

void *tb_realloc(void *p, size_t size)
{
	return must_fail() ? NULL : realloc(p, size > 0 ? size : 1);
}

void tb_free(void *p)
{
	free(p);
}

char *tb_strdup(struct tb_str s)
{
	char *z = s.n < SIZE_MAX ? tb_malloc(s.n + 1) : NULL;

	if (z == NULL)
		return NULL;
	if (s.n > 0)
		memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}

void tb_alloc_fail_at(uint64_t n)
{
	fail_at = n;
	calls = 0;
}

uint64_t tb_alloc_calls(void)
{
	return calls;
}
