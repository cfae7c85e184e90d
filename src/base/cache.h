/*
 * A bounded cache from byte keys to counted values, least recently used out
 * first. Thread-safe; the lock is held for the look-up only. The values are
 * counted by their owner's functions: the cache holds one reference to each
 * value in it and hands out further ones.
 */
#ifndef TB_BASE_CACHE_H
#define TB_BASE_CACHE_H

#include <stddef.h>

#include "base/str.h"

struct tb_cache;

/* How the cache holds on to values. */
struct tb_cache_value_ops {
	void (*ref)(void *value);
	void (*unref)(void *value);
};

/* At most `max_items` values of together `max_bytes` (as the putter says). */
struct tb_cache *tb_cache_create(size_t max_items, size_t max_bytes,
				 const struct tb_cache_value_ops *ops);
/* Takes NULL. Drops the cache's references. */
void tb_cache_destroy(struct tb_cache *cache);

/* A new reference to the value, which the caller must unref; NULL if absent. */
void *tb_cache_get(struct tb_cache *cache, struct tb_str key);
/* Copies the key, takes its own reference, replaces what was there. A value
 * over the ceiling is not kept. NOMEM: not kept either; never fatal. */
enum tb_err tb_cache_put(struct tb_cache *cache, struct tb_str key, void *value,
			 size_t bytes) tb_must_check;
void tb_cache_remove(struct tb_cache *cache, struct tb_str key);
void tb_cache_clear(struct tb_cache *cache);
/* Calls `keep` for each entry and drops those for which it is false. */
void tb_cache_sweep(struct tb_cache *cache,
		    bool (*keep)(void *ctx, struct tb_str key, void *value),
		    void *ctx);

#endif
