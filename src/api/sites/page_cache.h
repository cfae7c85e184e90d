/*
 * Rendered pages of the central feed, which are the same for every site: a
 * thousand sites that start over at once cost one reading. A page carries the
 * heads that it was made at and is good while they are the published ones.
 * Bounded, least recently used out first; thread-safe, never waits.
 */
#ifndef TB_API_SITES_PAGE_CACHE_H
#define TB_API_SITES_PAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/sites/dialect.h"
#include "http/response.h"

struct tb_page_cache;

struct tb_page_key {
	uint64_t epoch;
	uint64_t cursor;
	uint32_t org;
	uint32_t limit;
	enum tb_sites_dialect dialect;
	bool takes_gzip; /* the client does */
};

/* The central feed's ends. */
struct tb_page_tag {
	uint64_t head;
	uint64_t floor;
};

/* A page as it is answered. */
struct tb_page_body {
	struct tb_blob *blob;
	bool is_gzip; /* what the blob is */
	size_t hint;  /* records that fitted, if it was cut for its bytes */
};

/* NULL: no memory. */
struct tb_page_cache *tb_page_cache_create(size_t max_bytes);
void tb_page_cache_destroy(struct tb_page_cache *cache); /* takes NULL */

/* The page made at this tag, with a reference to its blob for the caller;
 * false: there is none. */
bool tb_page_cache_get(struct tb_page_cache *cache,
		       const struct tb_page_key *key,
		       const struct tb_page_tag *tag, struct tb_page_body *ret);
/* Keeps the page, with a reference of its own, if there is room and memory. */
void tb_page_cache_put(struct tb_page_cache *cache,
		       const struct tb_page_key *key,
		       const struct tb_page_tag *tag,
		       const struct tb_page_body *page);

#endif
