#include "codec/json_keys.h"

#include <pthread.h>
#include <sodium.h>

#include "codec/json_text.h"

/* From this many keys on an object gets a hash set; a power of two. */
#define WIDE_KEYS 32
#define KEYS_MIN 32

struct tb_json_key {
	const char *p; /* decoded */
	uint32_t n;
	uint32_t sample; /* differs for most keys that differ */
};

struct tb_json_key_slot {
	uint32_t hash;
	uint32_t key; /* its index + 1; 0: free */
};

static unsigned char seed[crypto_shorthash_KEYBYTES];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	randombytes_buf(seed, sizeof(seed));
}

static uint32_t strong_hash(struct tb_str s)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint32_t hash;

	crypto_shorthash(out, (const unsigned char *)s.p, s.n, seed);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

/* Mixes length, beginning and end: cheap, and enough to tell the keys of an
 * ordinary object apart. Whoever defeats it on purpose gains WIDE_KEYS
 * comparisons a key and no more. */
static uint32_t sample_of(struct tb_str s)
{
	uint64_t head = 0;
	uint64_t tail = 0;

	if (s.n >= 8) {
		memcpy(&head, s.p, 8);
		memcpy(&tail, s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		memcpy(&head, s.p, 4);
		memcpy(&tail, s.p + s.n - 4, 4);
	} else if (s.n > 0) {
		head = (unsigned char)s.p[0];
		tail = (unsigned char)s.p[s.n - 1] |
		       (uint64_t)(unsigned char)s.p[s.n / 2] << 8;
	}
	uint64_t mixed = (head ^ (tail << 23 | tail >> 41)) + s.n;
	return (uint32_t)(mixed * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static bool same_key(const struct tb_json_key *a, const struct tb_json_key *b)
{
	return a->sample == b->sample && a->n == b->n &&
	       memcmp(a->p, b->p, a->n) == 0;
}

static bool is_in_few(const struct tb_json_keys *keys,
		      const struct tb_json_key_scope *scope,
		      const struct tb_json_key *key)
{
	for (uint32_t i = scope->first; i < keys->n; i++) {
		if (same_key(&keys->keys[i], key))
			return true;
	}
	return false;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct tb_json_key_slot *find_slot(const struct tb_json_keys *keys,
					  const struct tb_json_key_scope *scope,
					  const struct tb_json_key *key,
					  uint32_t hash)
{
	uint32_t mask = scope->n_slots - 1;
	uint32_t at = hash & mask;

	for (;; at = (at + 1) & mask) {
		struct tb_json_key_slot *slot = &scope->slots[at];
		if (slot->key == 0 ||
		    (slot->hash == hash &&
		     same_key(&keys->keys[slot->key - 1], key)))
			return slot;
	}
}

static void move_slots(struct tb_json_key_scope *scope,
		       const struct tb_json_key_slot *old, uint32_t n_old)
{
	uint32_t mask = scope->n_slots - 1;

	for (uint32_t i = 0; i < n_old; i++) {
		if (old[i].key == 0)
			continue;
		uint32_t at = old[i].hash & mask;
		while (scope->slots[at].key != 0)
			at = (at + 1) & mask;
		scope->slots[at] = old[i];
	}
}

/* Keeps the set at most half full. The first time it takes in the keys that
 * were compared one by one up to here. */
static enum tb_err make_room(const struct tb_json_keys *keys,
			     struct tb_json_key_scope *scope)
{
	struct tb_json_key_scope old = *scope;
	uint32_t n = keys->n - scope->first;

	if (n < old.n_slots / 2)
		return TB_OK;
	scope->n_slots = old.n_slots > 0 ? old.n_slots * 2 : WIDE_KEYS * 4;
	scope->slots = tb_arena_calloc(keys->arena, scope->n_slots,
				       sizeof(scope->slots[0]));
	if (scope->slots == NULL)
		return tb_arena_err(keys->arena);
	move_slots(scope, old.slots, old.n_slots);
	for (uint32_t i = scope->first; old.n_slots == 0 && i < keys->n; i++) {
		const struct tb_json_key *key = &keys->keys[i];
		uint32_t hash = strong_hash(tb_str(key->p, key->n));
		*find_slot(keys, scope, key, hash) =
			(struct tb_json_key_slot) { hash, i + 1 };
	}
	return TB_OK;
}

/* Enters the key that is about to be pushed. */
static enum tb_err add_to_many(const struct tb_json_keys *keys,
			       struct tb_json_key_scope *scope,
			       const struct tb_json_key *key)
{
	pthread_once(&seed_once, make_seed);
	enum tb_err err = make_room(keys, scope);
	if (err != TB_OK)
		return err;
	uint32_t hash = strong_hash(tb_str(key->p, key->n));
	struct tb_json_key_slot *slot = find_slot(keys, scope, key, hash);
	if (slot->key != 0)
		return TB_ERR_EXISTS;
	*slot = (struct tb_json_key_slot) { hash, keys->n + 1 };
	return TB_OK;
}

static enum tb_err decode_key(struct tb_arena *arena, struct tb_str *inside)
{
	char *p = tb_arena_alloc(arena, inside->n);

	if (p == NULL)
		return tb_arena_err(arena);
	*inside = tb_str(p, tb_json_decode(*inside, p));
	return TB_OK;
}

static enum tb_err grow(struct tb_json_keys *keys)
{
	uint32_t cap = keys->cap > 0 ? keys->cap * 2 : KEYS_MIN;
	struct tb_json_key *p =
		tb_arena_resize(keys->arena, keys->keys, keys->cap * sizeof(*p),
				cap * sizeof(*p));

	if (p == NULL)
		return tb_arena_err(keys->arena);
	keys->keys = p;
	keys->cap = cap;
	return TB_OK;
}

enum tb_err tb_json_keys_add(struct tb_json_keys *keys,
			     struct tb_json_key_scope *scope,
			     struct tb_str inside, bool escaped)
{
	enum tb_err err = TB_OK;

	if (escaped)
		err = decode_key(keys->arena, &inside);
	if (err == TB_OK && keys->n == keys->cap)
		err = grow(keys);
	if (err != TB_OK)
		return err;
	struct tb_json_key key = { inside.p, (uint32_t)inside.n,
				   sample_of(inside) };
	if (keys->n - scope->first < WIDE_KEYS)
		err = is_in_few(keys, scope, &key) ? TB_ERR_EXISTS : TB_OK;
	else
		err = add_to_many(keys, scope, &key);
	if (err == TB_OK)
		keys->keys[keys->n++] = key;
	return err;
}
