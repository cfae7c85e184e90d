#include "kernel/entries.h"

#include "kernel/system.h"

static uint64_t feed_num(struct tb_org *org, uint64_t scope, uint64_t num)
{
	switch (scope - tb_scope_known(org->id, 0)) {
	case TB_SCOPE_CENTRAL:
		return ++org->dense[TB_DENSE_CENTRAL];
	case TB_SCOPE_EVENTS:
		return ++org->dense[TB_DENSE_EVENTS];
	default:
		return num;
	}
}

/* Indexes of the system keep no trace of what left them, and the system's own
 * records leave none anywhere: nobody follows them. */
static bool leaves_no_trace(const struct tb_org *org,
			    const struct tb_record *record, uint64_t scope)
{
	uint64_t known = scope - tb_scope_known(org->id, 0);

	return record->coll <= TB_COLL_SYSTEM_LAST ||
	       (known > TB_SCOPE_EVENTS && known <= TB_NUM_RESERVED);
}

static const struct tb_target *target_of(const struct tb_entries_change *change,
					 uint64_t scope)
{
	for (size_t i = 0; i < change->n_targets; i++)
		if (change->targets[i].scope == scope)
			return &change->targets[i];
	return NULL;
}

static struct tb_entry moved_entry(struct tb_org *org,
				   const struct tb_entries_change *change,
				   uint64_t scope, uint8_t flags,
				   const struct tb_entry *before)
{
	uint64_t num = feed_num(org, scope, change->num);
	bool was_in = before != NULL && (before->flags & TB_ENTRY_PRESENT);
	bool is_in = flags & TB_ENTRY_PRESENT;

	return (struct tb_entry) {
		.scope = scope,
		.num = num,
		.entered = before != NULL && (was_in || !is_in)
				   ? before->entered
				   : num,
		.time_us = change->time_us,
		.origin = change->origin,
		.flags = flags,
	};
}

/* What becomes of an entry that the record has already. A deleted record's
 * home stays marked, because it says who may write the record again. */
static struct tb_entry kept_entry(struct tb_org *org,
				  const struct tb_entries_change *change,
				  const struct tb_entry *before)
{
	const struct tb_target *target = target_of(change, before->scope);
	uint8_t flags = target ? target->flags | TB_ENTRY_PRESENT : 0;

	if (target == NULL && change->deleted)
		flags = before->flags & TB_ENTRY_HOME;
	if (flags == before->flags && !(flags & TB_ENTRY_PRESENT))
		return *before;
	if (flags == before->flags && !change->move_all)
		return *before;
	return moved_entry(org, change, before->scope, flags, before);
}

size_t tb_entries_count(const struct tb_org *org, const struct tb_record *old,
			const struct tb_entries_change *change)
{
	size_t n = change->n_targets;

	for (size_t i = 0; old != NULL && i < old->n_entries; i++) {
		uint64_t scope = old->entries[i].scope;

		n += target_of(change, scope) == NULL &&
		     !leaves_no_trace(org, old, scope);
	}
	return n;
}

enum tb_err tb_entries_route(struct tb_arena *arena, struct tb_org *org,
			     const struct tb_record *old,
			     const struct tb_entries_change *change,
			     const struct tb_entry **ret, size_t *ret_n)
{
	size_t n_old = old != NULL ? old->n_entries : 0;
	size_t max = n_old + change->n_targets;
	struct tb_entry *entries =
		tb_arena_calloc(arena, max, sizeof(*entries));
	size_t n = 0;

	if (entries == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < n_old; i++) {
		const struct tb_entry *before = &old->entries[i];

		if (target_of(change, before->scope) == NULL &&
		    leaves_no_trace(org, old, before->scope))
			continue;
		entries[n++] = kept_entry(org, change, before);
	}
	for (size_t i = 0; i < change->n_targets; i++) {
		const struct tb_target *target = &change->targets[i];

		if (old != NULL && tb_record_entry(old, target->scope) != NULL)
			continue;
		entries[n++] =
			moved_entry(org, change, target->scope,
				    target->flags | TB_ENTRY_PRESENT, NULL);
	}
	*ret = entries;
	*ret_n = n;
	return TB_OK;
}

enum tb_err tb_entries_touch(struct tb_arena *arena, struct tb_org *org,
			     const struct tb_record *record, uint64_t scope,
			     const struct tb_entries_change *change,
			     const struct tb_entry **ret)
{
	size_t n = record->n_entries;
	struct tb_entry *entries = tb_arena_calloc(arena, n, sizeof(*entries));

	if (entries == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct tb_entry *before = &record->entries[i];

		entries[i] = before->scope == scope
				     ? moved_entry(org, change, scope,
						   before->flags, before)
				     : *before;
	}
	*ret = entries;
	return TB_OK;
}

bool tb_entries_are_routed(const struct tb_record *record,
			   const struct tb_target *targets, size_t n_targets)
{
	size_t n_present = 0;

	for (size_t i = 0; i < record->n_entries; i++)
		n_present += (record->entries[i].flags & TB_ENTRY_PRESENT) != 0;
	for (size_t i = 0; i < n_targets; i++) {
		const struct tb_entry *entry =
			tb_record_entry(record, targets[i].scope);

		if (entry == NULL ||
		    entry->flags != (targets[i].flags | TB_ENTRY_PRESENT))
			return false;
	}
	return n_present == n_targets;
}
