#include "kernel/acl_form.h"

#include "base/assert.h"

/* Tables are at most half full. */
static size_t table_size(size_t max)
{
	size_t n = 2;

	while (n < 2 * max)
		n *= 2;
	return n;
}

enum tb_err tb_acl_words_init(struct tb_acl_words *words,
			      struct tb_arena *arena, size_t max)
{
	size_t n = table_size(max);

	*words = (struct tb_acl_words) {
		.slots = tb_arena_calloc(arena, n, sizeof(*words->slots)),
		.mask = n - 1,
		.texts = tb_arena_calloc(arena, max + 1, sizeof(struct tb_str)),
	};
	return words->slots != NULL && words->texts != NULL
		       ? TB_OK
		       : tb_arena_err(arena);
}

/* The slot of a text, or the empty one where it would be. */
static struct tb_acl_word_slot *word_slot(const struct tb_acl_words *words,
					  struct tb_str text, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	size_t at = hash & words->mask;

	for (;; at = (at + 1) & words->mask) {
		struct tb_acl_word_slot *slot = &words->slots[at];

		if (slot->word == 0 ||
		    (slot->tag == tag &&
		     tb_str_eq(words->texts[slot->word], text)))
			return slot;
	}
}

enum tb_err tb_acl_words_add(struct tb_acl_words *words, struct tb_arena *arena,
			     struct tb_str text, uint32_t *ret)
{
	uint64_t hash = tb_str_hash(text);
	struct tb_acl_word_slot *slot = word_slot(words, text, hash);

	if (slot->word == 0) {
		enum tb_err err = tb_arena_strdup(arena, text,
						  &words->texts[words->n + 1]);

		if (err != TB_OK)
			return err;
		slot->word = ++words->n;
		slot->tag = (uint32_t)(hash >> 32);
		if (text.n > words->longest)
			words->longest = text.n;
	}
	*ret = slot->word;
	return TB_OK;
}

uint32_t tb_acl_words_find(const struct tb_acl_words *words, struct tb_str text)
{
	uint32_t word;

	if (text.n > words->longest)
		return TB_ACL_NONE;
	word = word_slot(words, text, tb_str_hash(text))->word;
	return word != 0 ? word : TB_ACL_NONE;
}

enum tb_err tb_acl_map_init(struct tb_acl_map *map, struct tb_arena *arena,
			    size_t max)
{
	size_t n = table_size(max);

	*map = (struct tb_acl_map) {
		.slots = tb_arena_alloc(arena, n * sizeof(*map->slots)),
		.mask = n - 1,
		.seed = tb_str_hash(TB_STR("acl")),
	};
	if (map->slots == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n; i++)
		map->slots[i].value = TB_ACL_NONE;
	return TB_OK;
}

/* Numbers are spread under this process's key, so that no list can be written
 * that makes them collide (the finalizer of MurmurHash3). */
static uint64_t spread(const struct tb_acl_map *map, uint64_t key)
{
	key ^= map->seed;
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ull;
	return key ^ key >> 33;
}

static struct tb_acl_map_slot *map_slot(const struct tb_acl_map *map,
					uint64_t key)
{
	size_t at = spread(map, key) & map->mask;

	while (map->slots[at].value != TB_ACL_NONE && map->slots[at].key != key)
		at = (at + 1) & map->mask;
	return &map->slots[at];
}

uint32_t tb_acl_map_find(const struct tb_acl_map *map, uint32_t a, uint32_t b)
{
	return map_slot(map, (uint64_t)a << 32 | b)->value;
}

uint32_t tb_acl_map_add(struct tb_acl_map *map, uint32_t a, uint32_t b,
			uint32_t value)
{
	uint64_t key = (uint64_t)a << 32 | b;
	struct tb_acl_map_slot *slot = map_slot(map, key);

	TB_ASSERT(value != TB_ACL_NONE);
	if (slot->value == TB_ACL_NONE)
		*slot = (struct tb_acl_map_slot) { key, value };
	return slot->value;
}

size_t tb_acl_common_bytes(struct tb_str a, struct tb_str b, size_t n)
{
	size_t end = a.n < b.n ? a.n : b.n;

	for (; end - n >= sizeof(uint64_t); n += sizeof(uint64_t)) {
		uint64_t x;
		uint64_t y;

		memcpy(&x, a.p + n, sizeof(x));
		memcpy(&y, b.p + n, sizeof(y));
		if (x != y)
			break;
	}
	while (n < end && a.p[n] == b.p[n])
		n++;
	return n;
}
