#include "kernel/entries.h"

#include "base/assert.h"
#include "kernel/system.h"

/* What stays marked of a deleted record's places: the home says who may write
 * the record again, the others who saw it and what referred to it. */
#define MARKS (TB_ENTRY_HOME | TB_ENTRY_SIGHT | TB_ENTRY_DERIVED)

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

/* True if an entry that is no target stays nevertheless. */
static bool is_kept(const struct tb_entries_change *change,
		    const struct tb_entry *before)
{
	if (before->flags & TB_ENTRY_FIXED)
		return true;
	return !change->deleted && (before->flags & change->keeps) != 0;
}

/* True if nothing is left of an entry: its record is to be there no more, and
 * nobody needs to be told. */
static bool vanishes(const struct tb_org *org, const struct tb_record *record,
		     const struct tb_entries_change *change,
		     const struct tb_entry *before)
{
	return !is_kept(change, before) &&
	       target_of(change, before->scope) == NULL &&
	       leaves_no_trace(org, record, before->scope);
}

/* An entry at the number of the change, with exactly the flags of `to`. */
static struct tb_entry moved_entry(struct tb_org *org,
				   const struct tb_entries_change *change,
				   const struct tb_target *to,
				   const struct tb_entry *before)
{
	bool was_in = before != NULL && (before->flags & TB_ENTRY_PRESENT);
	bool is_in = to->flags & TB_ENTRY_PRESENT;
	bool stays = before != NULL && (was_in || !is_in) &&
		     !(to->flags & TB_ENTRY_FIXED);
	uint64_t num = to->num;

	TB_ASSERT(num == 0 || (to->flags & TB_ENTRY_FIXED));
	TB_ASSERT(num <= TB_FIXED_NUM_MAX);
	if (num == 0)
		num = feed_num(org, to->scope, change->num);
	return (struct tb_entry) {
		.scope = to->scope,
		.num = num,
		.entered = stays ? before->entered : num,
		.time_us = change->time_us,
		.origin = change->origin,
		.flags = to->flags,
	};
}

static struct tb_entry entered_entry(struct tb_org *org,
				     const struct tb_entries_change *change,
				     const struct tb_target *target)
{
	struct tb_target to = *target;

	to.flags |= TB_ENTRY_PRESENT;
	return moved_entry(org, change, &to, NULL);
}

/* What becomes of a fixed entry: all but its flags stays for ever. */
static struct tb_entry fixed_entry(const struct tb_entries_change *change,
				   const struct tb_entry *before,
				   const struct tb_target *target)
{
	struct tb_entry entry = *before;

	if (target != NULL)
		entry.flags = target->flags | TB_ENTRY_FIXED;
	if (target != NULL || !change->deleted)
		entry.flags |= TB_ENTRY_PRESENT;
	else
		entry.flags &= (uint8_t)~TB_ENTRY_PRESENT;
	return entry;
}

/* What becomes of an entry that the record has already. */
static struct tb_entry next_entry(struct tb_org *org,
				  const struct tb_entries_change *change,
				  const struct tb_entry *before)
{
	const struct tb_target *target = target_of(change, before->scope);
	struct tb_target to = { .scope = before->scope };

	if (before->flags & TB_ENTRY_FIXED)
		return fixed_entry(change, before, target);
	if (target != NULL) {
		to = *target;
		to.flags |= TB_ENTRY_PRESENT;
	} else if (is_kept(change, before)) {
		to.flags = before->flags;
	} else if (change->deleted) {
		to.flags = before->flags & MARKS;
	}
	/* Who was told that it left is not told again. */
	if (to.flags == 0 && !(before->flags & TB_ENTRY_PRESENT)) {
		struct tb_entry left = *before;

		left.flags = 0;
		return left;
	}
	if (to.flags == before->flags &&
	    !(change->move_all && (to.flags & TB_ENTRY_PRESENT)))
		return *before;
	return moved_entry(org, change, &to, before);
}

size_t tb_entries_count(const struct tb_org *org, const struct tb_record *old,
			const struct tb_entries_change *change)
{
	size_t n = change->n_targets;

	for (size_t i = 0; old != NULL && i < old->n_entries; i++) {
		const struct tb_entry *before = &old->entries[i];

		n += target_of(change, before->scope) == NULL &&
		     !vanishes(org, old, change, before);
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

		if (!vanishes(org, old, change, before))
			entries[n++] = next_entry(org, change, before);
	}
	for (size_t i = 0; i < change->n_targets; i++) {
		const struct tb_target *target = &change->targets[i];

		if (old == NULL || tb_record_entry(old, target->scope) == NULL)
			entries[n++] = entered_entry(org, change, target);
	}
	*ret = entries;
	*ret_n = n;
	return TB_OK;
}

/* The entries of a record, of which those that have the flags (in `scope`;
 * 0: in any) were moved. */
static enum tb_err touch(struct tb_arena *arena, struct tb_org *org,
			 const struct tb_record *record, uint64_t scope,
			 uint8_t flags, const struct tb_entries_change *change,
			 const struct tb_entry **ret)
{
	size_t n = record->n_entries;
	struct tb_entry *entries = tb_arena_calloc(arena, n, sizeof(*entries));

	if (entries == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct tb_entry *before = &record->entries[i];
		const struct tb_target to = { .scope = before->scope,
					      .flags = before->flags };
		bool is_touched = (scope == 0 || before->scope == scope) &&
				  (before->flags & flags) == flags &&
				  !(before->flags & TB_ENTRY_FIXED);

		entries[i] = is_touched ? moved_entry(org, change, &to, before)
					: *before;
	}
	*ret = entries;
	return TB_OK;
}

enum tb_err tb_entries_touch(struct tb_arena *arena, struct tb_org *org,
			     const struct tb_record *record, uint64_t scope,
			     const struct tb_entries_change *change,
			     const struct tb_entry **ret)
{
	return touch(arena, org, record, scope, 0, change, ret);
}

enum tb_err tb_entries_touch_flagged(struct tb_arena *arena, struct tb_org *org,
				     const struct tb_record *record,
				     uint8_t flags,
				     const struct tb_entries_change *change,
				     const struct tb_entry **ret)
{
	return touch(arena, org, record, 0, flags, change, ret);
}

/* True if an entry is as a target says. */
static bool is_as_target(const struct tb_entry *entry,
			 const struct tb_target *target)
{
	uint8_t flags = target->flags | TB_ENTRY_PRESENT;

	return entry->flags == (flags | (entry->flags & TB_ENTRY_FIXED));
}

bool tb_entries_are_routed(const struct tb_record *record,
			   const struct tb_target *targets, size_t n_targets,
			   uint8_t keeps)
{
	uint8_t uncounted = keeps | TB_ENTRY_FIXED;
	size_t n_present = 0;
	size_t n_meant = 0;

	for (size_t i = 0; i < record->n_entries; i++) {
		uint8_t flags = record->entries[i].flags;

		n_present += (flags & TB_ENTRY_PRESENT) && !(flags & uncounted);
	}
	for (size_t i = 0; i < n_targets; i++) {
		const struct tb_entry *entry =
			tb_record_entry(record, targets[i].scope);

		if (entry == NULL || !is_as_target(entry, &targets[i]))
			return false;
		n_meant += !(entry->flags & uncounted);
	}
	return n_present == n_meant;
}
