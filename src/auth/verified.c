#include "auth/verified.h"

#include <sodium.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/cache.h"

/* Most principals are far smaller; those of large ones share the rest. */
#define ENTRY_BYTES_MEAN 1024

_Static_assert(TB_VERIFIED_SECRET_BYTES == crypto_shorthash_siphashx24_KEYBYTES,
	       "the size of SipHash's keys");
_Static_assert(sizeof(struct tb_verified_key) == 32, "no padding");

struct value {
	atomic_uint refs;
	const struct tb_principal *principal;
	int64_t until_us;
};

struct tb_verified {
	struct tb_cache *cache;
	uint8_t secret[TB_VERIFIED_SECRET_BYTES];
};

static void value_ref(void *p)
{
	struct value *value = p;

	atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
}

static void value_unref(void *p)
{
	struct value *value = p;

	if (atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	tb_principal_unref(value->principal);
	tb_free(value);
}

static const struct tb_cache_value_ops value_ops = { value_ref, value_unref };

struct tb_verified *
tb_verified_create(size_t entries_max,
		   const uint8_t secret[TB_VERIFIED_SECRET_BYTES])
{
	struct tb_verified *verified = tb_calloc(1, sizeof(*verified));

	if (verified == NULL)
		return NULL;
	memcpy(verified->secret, secret, sizeof(verified->secret));
	verified->cache = tb_cache_create(
		entries_max, entries_max * ENTRY_BYTES_MEAN, &value_ops);
	if (verified->cache == NULL) {
		tb_verified_destroy(verified);
		return NULL;
	}
	return verified;
}

void tb_verified_destroy(struct tb_verified *verified)
{
	if (verified == NULL)
		return;
	tb_cache_destroy(verified->cache);
	sodium_memzero(verified->secret, sizeof(verified->secret));
	tb_free(verified);
}

struct tb_verified_key tb_verified_key(const struct tb_verified *verified,
				       enum tb_verified_kind kind,
				       uint64_t version, struct tb_str text)
{
	struct tb_verified_key key = { .version = version, .kind = kind };

	crypto_shorthash_siphashx24(key.hash, (const uint8_t *)text.p, text.n,
				    verified->secret);
	return key;
}

static struct tb_str key_str(const struct tb_verified_key *key)
{
	return tb_str((const char *)key, sizeof(*key));
}

struct tb_verified_entry tb_verified_get(struct tb_verified *verified,
					 const struct tb_verified_key *key)
{
	struct value *value = tb_cache_get(verified->cache, key_str(key));
	struct tb_verified_entry entry = { NULL, 0 };

	if (value == NULL)
		return entry;
	entry.principal = tb_principal_ref(value->principal);
	entry.until_us = value->until_us;
	value_unref(value);
	return entry;
}

void tb_verified_put(struct tb_verified *verified,
		     const struct tb_verified_key *key,
		     const struct tb_principal *principal, int64_t until_us)
{
	struct value *value = tb_malloc(sizeof(*value));
	enum tb_err err;

	if (value == NULL)
		return;
	atomic_init(&value->refs, 1);
	value->principal = tb_principal_ref(principal);
	value->until_us = until_us;
	err = tb_cache_put(verified->cache, key_str(key), value,
			   sizeof(*value) + tb_principal_bytes(principal));
	/* A credential that is not kept is verified again. */
	(void)err;
	value_unref(value);
}

void tb_verified_remove(struct tb_verified *verified,
			const struct tb_verified_key *key)
{
	tb_cache_remove(verified->cache, key_str(key));
}
