#include "auth/keys.h"

#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

#include "auth/key_files.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"

struct ring {
	struct tb_signing_key keys[TB_KEYS_MAX]; /* in the order of age */
	size_t n;
	uint8_t seal[TB_KEY_SECRET_BYTES];
};

struct tb_keys {
	int dir;
	pthread_rwlock_t lock; /* of the ring */
	struct ring *ring;     /* never empty */
	uint64_t version;      /* rises when the ring changes */
};

void tb_signing_key_wipe(struct tb_signing_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

static enum tb_err load_keys(int dir, const struct tb_key_info *infos, size_t n,
			     struct ring *ring)
{
	for (size_t i = 0; i < n; i++) {
		struct tb_signing_key *key = &ring->keys[ring->n];
		enum tb_err err;

		if (infos[i].state == TB_KEY_RETIRED)
			continue;
		if (ring->n == TB_KEYS_MAX)
			return TB_ERR_TOO_LARGE;
		err = tb_key_files_read(dir, infos[i].kid, key->secret);
		/* It was retired since the folder was listed. */
		if (err == TB_ERR_NOT_FOUND)
			continue;
		if (err != TB_OK)
			return err;
		memcpy(key->kid, infos[i].kid, sizeof(key->kid));
		ring->n++;
	}
	return ring->n > 0 ? TB_OK : TB_ERR_CORRUPT;
}

static void destroy_ring(struct ring *ring)
{
	if (ring != NULL)
		sodium_memzero(ring, sizeof(*ring));
	tb_free(ring);
}

static enum tb_err load_ring(int dir, struct ring **ret)
{
	struct ring *ring = tb_calloc(1, sizeof(*ring));
	struct tb_key_info *infos = NULL;
	size_t n;
	enum tb_err err;

	if (ring == NULL)
		return TB_ERR_NOMEM;
	err = tb_key_files_scan_all(dir, &infos, &n);
	if (err == TB_OK)
		err = load_keys(dir, infos, n, ring);
	tb_free(infos);
	if (err == TB_OK)
		err = tb_key_files_read_seal(dir, ring->seal);
	if (err != TB_OK) {
		destroy_ring(ring);
		return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
	}
	*ret = ring;
	return TB_OK;
}

enum tb_err tb_keys_open(const char *path, struct tb_keys **ret)
{
	struct tb_keys *keys;
	enum tb_err err;

	if (sodium_init() < 0)
		return TB_ERR_UNSUPPORTED;
	keys = tb_calloc(1, sizeof(*keys));
	if (keys == NULL)
		return TB_ERR_NOMEM;
	keys->dir = -1;
	TB_ASSERT(pthread_rwlock_init(&keys->lock, NULL) == 0);
	err = tb_key_files_open(path, &keys->dir);
	if (err == TB_OK)
		err = load_ring(keys->dir, &keys->ring);
	if (err != TB_OK) {
		tb_keys_destroy(keys);
		return err;
	}
	*ret = keys;
	return TB_OK;
}

void tb_keys_destroy(struct tb_keys *keys)
{
	if (keys == NULL)
		return;
	destroy_ring(keys->ring);
	if (keys->dir >= 0)
		close(keys->dir);
	pthread_rwlock_destroy(&keys->lock);
	tb_free(keys);
}

enum tb_err tb_keys_reload(struct tb_keys *keys)
{
	struct ring *ring;
	enum tb_err err = load_ring(keys->dir, &ring);

	if (err != TB_OK)
		return err;
	pthread_rwlock_wrlock(&keys->lock);
	/* Both came zeroed, so what is behind the last key is equal. */
	if (memcmp(ring, keys->ring, sizeof(*ring)) != 0) {
		struct ring *old = keys->ring;

		keys->ring = ring;
		ring = old;
		keys->version++;
	}
	pthread_rwlock_unlock(&keys->lock);
	destroy_ring(ring);
	return TB_OK;
}

enum tb_err tb_keys_rotate(struct tb_keys *keys)
{
	enum tb_err err = tb_key_files_rotate(keys->dir);

	return err == TB_OK ? tb_keys_reload(keys) : err;
}

enum tb_err tb_keys_retire(struct tb_keys *keys, struct tb_str kid)
{
	enum tb_err err = tb_key_files_retire(keys->dir, kid);

	return err == TB_OK ? tb_keys_reload(keys) : err;
}

enum tb_err tb_keys_list(struct tb_keys *keys, struct tb_key_info *rets,
			 size_t max, size_t *ret_n)
{
	return tb_key_files_scan(keys->dir, rets, max, ret_n);
}

uint64_t tb_keys_version(struct tb_keys *keys)
{
	uint64_t version;

	pthread_rwlock_rdlock(&keys->lock);
	version = keys->version;
	pthread_rwlock_unlock(&keys->lock);
	return version;
}

void tb_keys_signing(struct tb_keys *keys, struct tb_signing_key *ret)
{
	pthread_rwlock_rdlock(&keys->lock);
	*ret = keys->ring->keys[keys->ring->n - 1];
	pthread_rwlock_unlock(&keys->lock);
}

enum tb_err tb_keys_find(struct tb_keys *keys, struct tb_str kid,
			 struct tb_signing_key *ret)
{
	enum tb_err err = TB_ERR_NOT_FOUND;

	pthread_rwlock_rdlock(&keys->lock);
	for (size_t i = 0; i < keys->ring->n; i++)
		if (tb_str_eq(tb_str_z(keys->ring->keys[i].kid), kid)) {
			*ret = keys->ring->keys[i];
			err = TB_OK;
			break;
		}
	pthread_rwlock_unlock(&keys->lock);
	return err;
}

void tb_keys_seal(struct tb_keys *keys, struct tb_str text, uint8_t ret[32])
{
	pthread_rwlock_rdlock(&keys->lock);
	tb_hmac_sha256(tb_str((const char *)keys->ring->seal,
			      sizeof(keys->ring->seal)),
		       text, ret);
	pthread_rwlock_unlock(&keys->lock);
}
