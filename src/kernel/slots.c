#include "kernel/slots.h"

#define BUCKETS_INITIAL 256

static enum tb_err table_init(struct tb_arena *arena,
			      struct tb_slot_table *table)
{
	table->buckets = tb_arena_calloc(arena, BUCKETS_INITIAL,
					 sizeof(*table->buckets));
	if (table->buckets == NULL)
		return TB_ERR_NOMEM;
	table->n_buckets = BUCKETS_INITIAL;
	table->n_slots = 0;
	return TB_OK;
}

enum tb_err tb_slots_init(struct tb_slots *slots, struct tb_arena *arena)
{
	enum tb_err err;

	slots->arena = arena;
	err = table_init(arena, &slots->by_key);
	return err == TB_OK ? table_init(arena, &slots->by_rid) : err;
}

static uint64_t hash_key(const struct tb_key *key)
{
	return tb_str_hash(key->key) ^ (key->coll * 0x9e3779b97f4a7c15ull);
}

static uint64_t hash_rid(uint64_t rid)
{
	return rid * 0x9e3779b97f4a7c15ull >> 20;
}

static struct tb_slot **bucket(const struct tb_slot_table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->n_buckets - 1)];
}

/* Doubles a table that is full; `by_rid` says which of the two it is. */
static enum tb_err table_grow(struct tb_slots *slots,
			      struct tb_slot_table *table, bool by_rid)
{
	struct tb_slot_table grown = *table;

	if (table->n_slots < table->n_buckets)
		return TB_OK;
	grown.n_buckets *= 2;
	grown.buckets = tb_arena_calloc(slots->arena, grown.n_buckets,
					sizeof(*grown.buckets));
	if (grown.buckets == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < table->n_buckets; i++) {
		struct tb_slot *slot = table->buckets[i];

		while (slot != NULL) {
			struct tb_slot **link = by_rid ? &slot->next_by_rid
						       : &slot->next_in_bucket;
			struct tb_slot **head =
				bucket(&grown, by_rid ? hash_rid(slot->now->rid)
						      : slot->hash);
			struct tb_slot *next = *link;

			*link = *head;
			*head = slot;
			slot = next;
		}
	}
	*table = grown;
	return TB_OK;
}

enum tb_err tb_slots_get(struct tb_slots *slots, const struct tb_key *key,
			 struct tb_slot **ret)
{
	struct tb_slot_table *table = &slots->by_key;
	uint64_t hash = hash_key(key);
	struct tb_slot *slot = *bucket(table, hash);
	enum tb_err err;

	for (; slot != NULL; slot = slot->next_in_bucket)
		if (slot->hash == hash && slot->key.coll == key->coll &&
		    tb_str_eq(slot->key.key, key->key)) {
			*ret = slot;
			return TB_OK;
		}
	err = table_grow(slots, table, false);
	if (err != TB_OK)
		return err;
	slot = tb_arena_calloc(slots->arena, 1, sizeof(*slot));
	if (slot == NULL)
		return TB_ERR_NOMEM;
	slot->key = *key;
	slot->hash = hash;
	slot->next_in_bucket = *bucket(table, hash);
	*bucket(table, hash) = slot;
	table->n_slots++;
	*ret = slot;
	return TB_OK;
}

struct tb_slot *tb_slots_find_rid(const struct tb_slots *slots, uint64_t rid)
{
	struct tb_slot *slot = *bucket(&slots->by_rid, hash_rid(rid));

	while (slot != NULL && slot->now->rid != rid)
		slot = slot->next_by_rid;
	return slot;
}

enum tb_err tb_slots_index(struct tb_slots *slots, struct tb_slot *slot)
{
	struct tb_slot_table *table = &slots->by_rid;
	struct tb_slot **head;
	enum tb_err err = table_grow(slots, table, true);

	if (err != TB_OK)
		return err;
	head = bucket(table, hash_rid(slot->now->rid));
	slot->next_by_rid = *head;
	*head = slot;
	table->n_slots++;
	return TB_OK;
}

void tb_slots_unindex(struct tb_slots *slots, struct tb_slot *slot)
{
	struct tb_slot **link =
		bucket(&slots->by_rid, hash_rid(slot->now->rid));

	while (*link != slot)
		link = &(*link)->next_by_rid;
	*link = slot->next_by_rid;
	slot->next_by_rid = NULL;
	slots->by_rid.n_slots--;
}
