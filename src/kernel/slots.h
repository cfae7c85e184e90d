/*
 * The records of a view in memory: a hash table of slots, found by collection
 * and key, or by rid. A slot holds what the store has and what was decided.
 * Everything lives in the view's arena; used by one thread.
 */
#ifndef TB_KERNEL_SLOTS_H
#define TB_KERNEL_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kernel/store.h"

struct tb_slot {
	struct tb_key key;
	uint64_t hash;
	struct tb_slot *next_in_bucket;
	struct tb_slot *next_by_rid;
	struct tb_slot *next_wanted;
	struct tb_slot *next_dirty;
	const struct tb_record *stored; /* as the transaction has it */
	const struct tb_record *now;    /* as decided; NULL: none */
	bool loaded;
	bool wanted;
	bool dirty;
};

struct tb_slot_table {
	struct tb_slot **buckets;
	size_t n_buckets; /* a power of two */
	size_t n_slots;
};

struct tb_slots {
	struct tb_arena *arena; /* borrowed */
	struct tb_slot_table by_key;
	struct tb_slot_table by_rid;
};

enum tb_err tb_slots_init(struct tb_slots *slots,
			  struct tb_arena *arena) tb_must_check;

/* The slot of a key, made when there is none. The key's bytes are borrowed as
 * long as the slots. */
enum tb_err tb_slots_get(struct tb_slots *slots, const struct tb_key *key,
			 struct tb_slot **ret) tb_must_check;
/* The slot whose record has this rid now, or NULL. */
struct tb_slot *tb_slots_find_rid(const struct tb_slots *slots, uint64_t rid);
/* Lets a slot be found by its record's rid; to be called when it gets its
 * first record, and taken back before it loses it. */
enum tb_err tb_slots_index(struct tb_slots *slots,
			   struct tb_slot *slot) tb_must_check;
void tb_slots_unindex(struct tb_slots *slots, struct tb_slot *slot);

#endif
