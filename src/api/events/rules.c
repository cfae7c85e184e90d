#include "api/events/rules.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/cache.h"
#include "kernel/acl_store.h"

/* Holds a list's text and its tape. */
#define ARENA_MAX_BYTES ((size_t)512 << 20)
#define ORGS_MAX 10000
#define LISTS_MAX 10000
/* Of compiled lists; an org's own is mostly in both. */
#define CURRENT_MAX_BYTES ((size_t)256 << 20)
#define LISTS_MAX_BYTES ((size_t)128 << 20)

/* What an org has in force; counted. */
struct current {
	atomic_uint refs;
	struct tb_rules rules;
};

struct tb_rules_cache {
	struct tb_core *core;
	struct tb_cache *current; /* org: struct current */
	struct tb_cache *lists;   /* struct list_key: struct tb_acl */
	/* Held while a list is read and compiled, so that of many who find
	 * that it changed one does it for all. */
	pthread_mutex_t load_lock;
};

/* ---- what the caches hold ---- */

static void current_ref(void *p)
{
	struct current *current = p;

	atomic_fetch_add_explicit(&current->refs, 1, memory_order_relaxed);
}

static void current_unref(void *p)
{
	struct current *current = p;

	if (atomic_fetch_sub_explicit(&current->refs, 1,
				      memory_order_acq_rel) != 1)
		return;
	tb_acl_unref(current->rules.acl);
	tb_free(current);
}

static void list_ref(void *p)
{
	tb_acl_ref(p);
}

static void list_unref(void *p)
{
	tb_acl_unref(p);
}

/* A restored store may give a version again; its epoch is another. */
struct list_key {
	uint64_t org; /* without padding, because it is hashed as bytes */
	uint64_t epoch;
	uint64_t version;
};

static struct tb_str list_key_str(const struct list_key *key)
{
	return tb_str((const char *)key, sizeof(*key));
}

static struct tb_str org_key_str(const uint32_t *org)
{
	return tb_str((const char *)org, sizeof(*org));
}

void tb_rules_release(struct tb_rules *rules)
{
	tb_acl_unref(rules->acl);
	rules->acl = NULL;
}

struct tb_rules_cache *tb_rules_cache_create(struct tb_core *core)
{
	static const struct tb_cache_value_ops current_ops = { current_ref,
							       current_unref };
	static const struct tb_cache_value_ops list_ops = { list_ref,
							    list_unref };
	struct tb_rules_cache *cache = tb_calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	TB_ASSERT(pthread_mutex_init(&cache->load_lock, NULL) == 0);
	cache->core = core;
	cache->current =
		tb_cache_create(ORGS_MAX, CURRENT_MAX_BYTES, &current_ops);
	cache->lists = tb_cache_create(LISTS_MAX, LISTS_MAX_BYTES, &list_ops);
	if (!cache->current || !cache->lists) {
		tb_rules_cache_destroy(cache);
		return NULL;
	}
	return cache;
}

void tb_rules_cache_destroy(struct tb_rules_cache *cache)
{
	if (!cache)
		return;
	tb_cache_destroy(cache->lists);
	tb_cache_destroy(cache->current);
	pthread_mutex_destroy(&cache->load_lock);
	tb_free(cache);
}

/* ---- compiled lists ---- */

/* A snapshot, and memory for what is read from it. */
struct reading {
	struct tb_arena *arena;
	struct tb_tx *tx;
};

/* To be ended, whatever it returns. */
static enum tb_err reading_begin(struct tb_rules_cache *cache,
				 struct reading *reading)
{
	*reading = (struct reading) {
		.arena = tb_arena_create(ARENA_MAX_BYTES),
	};
	return reading->arena ? tb_core_read(cache->core, &reading->tx)
			      : TB_ERR_NOMEM;
}

static void reading_end(struct reading *reading)
{
	tb_core_read_end(reading->tx);
	tb_arena_destroy(reading->arena);
}

static enum tb_err compile(struct tb_arena *arena, struct tb_str text,
			   const struct tb_acl **ret)
{
	const struct tb_acl_rule *rules;
	struct tb_acl_flaw flaw;
	size_t n;
	enum tb_err err = tb_acl_parse(arena, text, &rules, &n, &flaw);

	/* Only lists that can be read are ever stored. */
	if (err == TB_ERR_INVALID)
		return TB_ERR_CORRUPT;
	return err ? err : tb_acl_compile(rules, n, ret);
}

/* A reference; NULL: it is not remembered. */
static const struct tb_acl *find_list(struct tb_rules_cache *cache,
				      const struct list_key *key)
{
	return tb_cache_get(cache->lists, list_key_str(key));
}

/* Without memory it is compiled again when it is needed again. */
static void keep_list(struct tb_rules_cache *cache, const struct list_key *key,
		      const struct tb_acl *acl)
{
	enum tb_err err =
		tb_cache_put(cache->lists, list_key_str(key),
			     (void *)(uintptr_t)acl, tb_acl_bytes(acl));

	(void)err;
}

/* A list by its version, compiled now unless it is remembered; a reference. */
static enum tb_err get_list(struct tb_rules_cache *cache,
			    const struct reading *reading,
			    const struct list_key *key,
			    const struct tb_acl **ret)
{
	const struct tb_acl *acl = find_list(cache, key);
	struct tb_str text;
	enum tb_err err = TB_OK;

	if (!acl) {
		err = tb_acl_read_version(reading->tx, reading->arena,
					  (uint32_t)key->org, key->version,
					  &text);
		if (!err)
			err = compile(reading->arena, text, &acl);
		if (!err)
			keep_list(cache, key, acl);
	}
	if (!err)
		*ret = acl;
	return err;
}

/* ---- the rules in force ---- */

bool tb_rules_find(struct tb_rules_cache *cache, uint32_t org,
		   struct tb_rules *ret)
{
	struct current *current =
		tb_cache_get(cache->current, org_key_str(&org));
	struct tb_heads heads;
	bool is_fresh;

	if (!current)
		return false;
	is_fresh = !tb_core_heads(cache->core, org, &heads) &&
		   heads.epoch == current->rules.epoch &&
		   heads.generation == current->rules.generation;
	if (is_fresh) {
		*ret = current->rules;
		tb_acl_ref(ret->acl);
	}
	current_unref(current);
	return is_fresh;
}

/* Generation and list are read in one snapshot, so that neither is newer than
 * the other. */
static enum tb_err read_rules(struct tb_rules_cache *cache,
			      const struct reading *reading, uint32_t org,
			      struct tb_rules *ret)
{
	struct tb_tx *tx = reading->tx;
	struct list_key key = { .org = org };
	struct tb_rules rules = { .acl = NULL };
	struct tb_str none;
	struct tb_org row;
	enum tb_err err = tx->store->ops->org_get(tx, org, &row);

	if (err)
		return err;
	key.epoch = row.epoch;
	err = tb_acl_read(tx, reading->arena, org, true, &key.version, &none);
	if (!err)
		err = get_list(cache, reading, &key, &rules.acl);
	else if (err == TB_ERR_NOT_FOUND)
		err = TB_OK;
	if (err)
		return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
	rules.version = key.version;
	rules.epoch = row.epoch;
	rules.generation = row.generation;
	*ret = rules;
	return TB_OK;
}

/* Without memory they are read again when they are needed again. */
static void keep_current(struct tb_rules_cache *cache, uint32_t org,
			 const struct tb_rules *rules)
{
	struct current *current = tb_malloc(sizeof(*current));
	size_t bytes = sizeof(*current);
	enum tb_err err;

	if (!current)
		return;
	atomic_init(&current->refs, 1);
	current->rules = *rules;
	tb_acl_ref(rules->acl);
	if (rules->acl)
		bytes += tb_acl_bytes(rules->acl);
	err = tb_cache_put(cache->current, org_key_str(&org), current, bytes);
	(void)err;
	current_unref(current);
}

enum tb_err tb_rules_get(struct tb_rules_cache *cache, uint32_t org,
			 struct tb_rules *ret)
{
	struct reading reading;
	enum tb_err err = TB_OK;

	if (tb_rules_find(cache, org, ret))
		return TB_OK;
	pthread_mutex_lock(&cache->load_lock);
	if (!tb_rules_find(cache, org, ret)) {
		err = reading_begin(cache, &reading);
		if (!err)
			err = read_rules(cache, &reading, org, ret);
		if (!err)
			keep_current(cache, org, ret);
		reading_end(&reading);
	}
	pthread_mutex_unlock(&cache->load_lock);
	return err;
}

void tb_rules_forget(struct tb_rules_cache *cache, uint32_t org)
{
	tb_cache_remove(cache->current, org_key_str(&org));
}

/* Of many who look for it at once one reads it for all. */
static enum tb_err load_list(struct tb_rules_cache *cache,
			     const struct list_key *key,
			     const struct tb_acl **ret)
{
	struct reading reading;
	enum tb_err err;

	pthread_mutex_lock(&cache->load_lock);
	err = reading_begin(cache, &reading);
	if (!err)
		err = get_list(cache, &reading, key, ret);
	reading_end(&reading);
	pthread_mutex_unlock(&cache->load_lock);
	return err;
}

enum tb_err tb_rules_before(struct tb_rules_cache *cache, uint32_t org,
			    uint64_t version, const struct tb_acl **ret)
{
	struct list_key key = { .org = org, .version = version };
	const struct tb_acl *acl;
	struct tb_heads heads;
	enum tb_err err;

	if (version == 0) {
		*ret = NULL;
		return TB_OK;
	}
	err = tb_core_heads(cache->core, org, &heads);
	if (err)
		return err;
	key.epoch = heads.epoch;
	acl = find_list(cache, &key);
	if (!acl)
		return load_list(cache, &key, ret);
	*ret = acl;
	return TB_OK;
}
