#include "base/cache.h"

#include <pthread.h>

#include "base/alloc.h"

#define BUCKETS_MAX ((size_t)1 << 20)

struct entry {
	struct entry *chain; /* the next of its bucket, or of a doomed list */
	struct entry *newer;
	struct entry *older;
	uint64_t hash;
	void *value;
	size_t bytes;
	size_t key_n;
	char key[];
};

struct tb_cache {
	pthread_mutex_t lock;
	struct tb_cache_value_ops ops;
	size_t max_items;
	size_t max_bytes;
	size_t n;
	size_t bytes;
	struct entry *newest;
	struct entry *oldest;
	size_t mask;
	struct entry *buckets[];
};

struct tb_cache *tb_cache_create(size_t max_items, size_t max_bytes,
				 const struct tb_cache_value_ops *ops)
{
	size_t n = 16;

	while (n < max_items && n < BUCKETS_MAX)
		n *= 2;
	struct tb_cache *cache =
		tb_calloc(1, sizeof(*cache) + n * sizeof(cache->buckets[0]));
	if (cache == NULL)
		return NULL;
	pthread_mutex_init(&cache->lock, NULL);
	cache->ops = *ops;
	cache->max_items = max_items;
	cache->max_bytes = max_bytes;
	cache->mask = n - 1;
	return cache;
}

void tb_cache_destroy(struct tb_cache *cache)
{
	if (cache == NULL)
		return;
	tb_cache_clear(cache);
	pthread_mutex_destroy(&cache->lock);
	tb_free(cache);
}

static struct tb_str key_of(const struct entry *entry)
{
	return tb_str(entry->key, entry->key_n);
}

/* The link that points to the entry, or to NULL where it would go. */
static struct entry **find(struct tb_cache *cache, struct tb_str key,
			   uint64_t hash)
{
	struct entry **link = &cache->buckets[hash & cache->mask];

	while (*link != NULL &&
	       ((*link)->hash != hash || !tb_str_eq(key_of(*link), key)))
		link = &(*link)->chain;
	return link;
}

static void list_remove(struct tb_cache *cache, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void list_add_newest(struct tb_cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

/* Takes the entry out of the table and onto `doomed`, whose references are
 * dropped once the lock is free: the owner's unref may take its time. */
static void detach(struct tb_cache *cache, struct entry **link,
		   struct entry **doomed)
{
	struct entry *entry = *link;

	*link = entry->chain;
	list_remove(cache, entry);
	cache->n--;
	cache->bytes -= entry->bytes;
	entry->chain = *doomed;
	*doomed = entry;
}

static void detach_entry(struct tb_cache *cache, const struct entry *entry,
			 struct entry **doomed)
{
	detach(cache, find(cache, key_of(entry), entry->hash), doomed);
}

static void drop_doomed(struct tb_cache *cache, struct entry *doomed)
{
	while (doomed != NULL) {
		struct entry *next = doomed->chain;
		cache->ops.unref(doomed->value);
		tb_free(doomed);
		doomed = next;
	}
}

void *tb_cache_get(struct tb_cache *cache, struct tb_str key)
{
	uint64_t hash = tb_str_hash(key);
	void *value = NULL;

	pthread_mutex_lock(&cache->lock);
	struct entry *entry = *find(cache, key, hash);
	if (entry != NULL) {
		list_remove(cache, entry);
		list_add_newest(cache, entry);
		value = entry->value;
		cache->ops.ref(value);
	}
	pthread_mutex_unlock(&cache->lock);
	return value;
}

static struct entry *create_entry(struct tb_str key, uint64_t hash, void *value,
				  size_t bytes)
{
	struct entry *entry = tb_malloc(sizeof(*entry) + key.n);

	if (entry == NULL)
		return NULL;
	*entry = (struct entry) {
		.hash = hash, .value = value, .bytes = bytes, .key_n = key.n
	};
	if (key.n > 0)
		memcpy(entry->key, key.p, key.n);
	return entry;
}

/* Puts the entry in, making room from the oldest end. */
static void insert(struct tb_cache *cache, struct entry *entry,
		   struct entry **doomed)
{
	while (cache->n >= cache->max_items ||
	       cache->bytes > cache->max_bytes - entry->bytes)
		detach_entry(cache, cache->oldest, doomed);
	struct entry **bucket = &cache->buckets[entry->hash & cache->mask];
	entry->chain = *bucket;
	*bucket = entry;
	list_add_newest(cache, entry);
	cache->n++;
	cache->bytes += entry->bytes;
}

enum tb_err tb_cache_put(struct tb_cache *cache, struct tb_str key, void *value,
			 size_t bytes)
{
	bool fits = bytes <= cache->max_bytes && cache->max_items > 0;
	uint64_t hash = tb_str_hash(key);
	struct entry *entry = NULL;
	struct entry *doomed = NULL;

	if (fits) {
		entry = create_entry(key, hash, value, bytes);
		if (entry != NULL)
			cache->ops.ref(value);
	}
	/* What was there is stale, also when the new value cannot be kept. */
	pthread_mutex_lock(&cache->lock);
	struct entry **old = find(cache, key, hash);
	if (*old != NULL)
		detach(cache, old, &doomed);
	if (entry != NULL)
		insert(cache, entry, &doomed);
	pthread_mutex_unlock(&cache->lock);
	drop_doomed(cache, doomed);
	return fits && entry == NULL ? TB_ERR_NOMEM : TB_OK;
}

void tb_cache_remove(struct tb_cache *cache, struct tb_str key)
{
	uint64_t hash = tb_str_hash(key);
	struct entry *doomed = NULL;

	pthread_mutex_lock(&cache->lock);
	struct entry **link = find(cache, key, hash);
	if (*link != NULL)
		detach(cache, link, &doomed);
	pthread_mutex_unlock(&cache->lock);
	drop_doomed(cache, doomed);
}

void tb_cache_sweep(struct tb_cache *cache,
		    bool (*keep)(void *ctx, struct tb_str key, void *value),
		    void *ctx)
{
	struct entry *doomed = NULL;
	struct entry *older;

	pthread_mutex_lock(&cache->lock);
	for (struct entry *entry = cache->newest; entry != NULL;
	     entry = older) {
		older = entry->older;
		if (!keep(ctx, key_of(entry), entry->value))
			detach_entry(cache, entry, &doomed);
	}
	pthread_mutex_unlock(&cache->lock);
	drop_doomed(cache, doomed);
}

static bool keep_none(void *ctx, struct tb_str key, void *value)
{
	(void)ctx;
	(void)key;
	(void)value;
	return false;
}

void tb_cache_clear(struct tb_cache *cache)
{
	tb_cache_sweep(cache, keep_none, NULL);
}
