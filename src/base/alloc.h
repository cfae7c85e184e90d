/*
 * The only place that calls malloc. Every function can fail, and a test can
 * make the n-th call fail, so that each failure path is run.
 */
#ifndef TB_BASE_ALLOC_H
#define TB_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* As malloc, calloc, realloc and free; `size` 0 gives a pointer that can be
 * freed. NULL when memory is out. */
void *tb_malloc(size_t size);
void *tb_calloc(size_t count, size_t size);
void *tb_realloc(void *p, size_t size);
void tb_free(void *p);
/* A NUL-terminated copy; NULL when memory is out. */
char *tb_strdup(struct tb_str s);

/* Tests only: of the calls from now on in this thread, the n-th (from 1)
 * fails, and no other; 0 switches it off. */
void tb_alloc_fail_at(uint64_t n);
/* How many calls this thread made since tb_alloc_fail_at. */
uint64_t tb_alloc_calls(void);

#endif
