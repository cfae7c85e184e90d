#include "api/sites/page_cache.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/cache.h"

#define PAGES_MAX 4096
/* What a page takes beside its bytes. */
#define PAGE_COST_BYTES 256

struct tb_page_cache {
	struct tb_cache *pages;
};

struct page {
	atomic_uint refs;
	struct tb_page_tag tag;
	struct tb_page_body body;
};

static void ref_page(void *value)
{
	struct page *page = value;

	atomic_fetch_add_explicit(&page->refs, 1, memory_order_relaxed);
}

static void unref_page(void *value)
{
	struct page *page = value;

	if (atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	tb_blob_unref(page->body.blob);
	tb_free(page);
}

struct tb_page_cache *tb_page_cache_create(size_t max_bytes)
{
	static const struct tb_cache_value_ops ops = {
		.ref = ref_page,
		.unref = unref_page,
	};
	struct tb_page_cache *cache = tb_calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->pages = tb_cache_create(PAGES_MAX, max_bytes, &ops);
	if (cache->pages)
		return cache;
	tb_free(cache);
	return NULL;
}

void tb_page_cache_destroy(struct tb_page_cache *cache)
{
	if (!cache)
		return;
	tb_cache_destroy(cache->pages);
	tb_free(cache);
}

/* The key's bytes, without those that pad the struct. */
struct packed {
	uint64_t words[4];
};

static struct tb_str pack(const struct tb_page_key *key, struct packed *to)
{
	*to = (struct packed) { {
		key->epoch,
		key->cursor,
		(uint64_t)key->org << 32 | key->limit,
		(uint64_t)key->dialect << 1 | key->takes_gzip,
	} };
	return tb_str((const char *)to->words, sizeof(to->words));
}

bool tb_page_cache_get(struct tb_page_cache *cache,
		       const struct tb_page_key *key,
		       const struct tb_page_tag *tag, struct tb_page_body *ret)
{
	struct packed packed;
	struct page *page = tb_cache_get(cache->pages, pack(key, &packed));
	bool is_good;

	if (!page)
		return false;
	is_good = page->tag.head == tag->head && page->tag.floor == tag->floor;
	if (is_good) {
		*ret = page->body;
		tb_blob_ref(ret->blob);
	}
	unref_page(page);
	return is_good;
}

void tb_page_cache_put(struct tb_page_cache *cache,
		       const struct tb_page_key *key,
		       const struct tb_page_tag *tag,
		       const struct tb_page_body *page)
{
	size_t bytes = tb_blob_str(page->blob).n + PAGE_COST_BYTES;
	struct page *entry = tb_malloc(sizeof(*entry));
	struct packed packed;

	if (!entry)
		return;
	atomic_init(&entry->refs, 1);
	entry->tag = *tag;
	entry->body = *page;
	tb_blob_ref(page->blob);
	/* Without memory the next site makes the page itself. */
	if (tb_cache_put(cache->pages, pack(key, &packed), entry, bytes))
		tb_cache_remove(cache->pages, pack(key, &packed));
	unref_page(entry);
}
