#include "api/resources/sights.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cache.h"

#define ITEMS_MAX 50000
#define CACHE_MAX_BYTES ((size_t)24 << 20)
#define KEY_MAX_BYTES 1024

struct tb_viewer tb_sights_viewer(const struct tb_principal *principal)
{
	return (struct tb_viewer) {
		.org = principal->org,
		.is_admin = principal->is_admin,
		.roles = principal->roles,
		.n_roles = principal->n_roles,
		.profile = principal->profile,
	};
}

struct kept {
	_Atomic size_t refs;
	struct tb_sight sight;
	uint64_t turn;
};

static void ref(void *value)
{
	struct kept *kept = value;

	atomic_fetch_add(&kept->refs, 1);
}

static void unref(void *value)
{
	struct kept *kept = value;

	if (atomic_fetch_sub(&kept->refs, 1) == 1)
		tb_free(kept);
}

static const struct tb_cache_value_ops value_ops = { ref, unref };

/* A sight is nothing but its cache. */
static struct tb_cache *cache_of(struct tb_sights *sights)
{
	return (struct tb_cache *)sights;
}

struct tb_sights *tb_sights_create(void)
{
	return (struct tb_sights *)tb_cache_create(ITEMS_MAX, CACHE_MAX_BYTES,
						   &value_ops);
}

void tb_sights_destroy(struct tb_sights *sights)
{
	tb_cache_destroy(cache_of(sights));
}

/* The generation ends what was true of an account before. TOO_LARGE: a key
 * that is not worth keeping. */
static enum tb_err put_key(struct tb_buf *buf, const struct tb_sights_key *key)
{
	tb_buf_append(buf, &key->rid, sizeof(key->rid));
	tb_buf_append(buf, &key->generation, sizeof(key->generation));
	tb_buf_append(buf, &key->collection, sizeof(key->collection));
	tb_buf_append_str(buf, key->field);
	if (key->value.p) {
		tb_buf_append_char(buf, '=');
		tb_buf_append_str(buf, key->value);
	}
	return tb_buf_err(buf);
}

bool tb_sights_find(struct tb_sights *sights, const struct tb_sights_key *key,
		    struct tb_sight *ret, uint64_t *ret_turn)
{
	char bytes[KEY_MAX_BYTES];
	struct kept *kept;
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, bytes, sizeof(bytes));
	if (put_key(&buf, key))
		return false;
	kept = tb_cache_get(cache_of(sights), tb_buf_str(&buf));
	if (!kept)
		return false;
	*ret = kept->sight;
	*ret_turn = kept->turn;
	unref(kept);
	return true;
}

bool tb_sights_keeps(const struct tb_sight *sight)
{
	return sight->is_settled || !sight->lacks_record;
}

void tb_sights_put(struct tb_sights *sights, const struct tb_sights_key *key,
		   const struct tb_sight *sight, uint64_t turn)
{
	char bytes[KEY_MAX_BYTES];
	struct kept *kept;
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, bytes, sizeof(bytes));
	if (!tb_sights_keeps(sight) || put_key(&buf, key))
		return;
	kept = tb_calloc(1, sizeof(*kept));
	if (!kept)
		return;
	kept->refs = 1;
	kept->sight = *sight;
	kept->turn = turn;
	if (tb_cache_put(cache_of(sights), tb_buf_str(&buf), kept,
			 sizeof(*kept) + buf.n)) {
		/* Without memory it is not kept. */
	}
	unref(kept);
}
