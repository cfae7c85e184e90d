/*
 * A record's entries after a change: which scopes it enters, stays in and
 * leaves, and at which numbers. Pure but for the heads of the org, from which
 * dense numbers are taken.
 */
#ifndef TB_KERNEL_ENTRIES_H
#define TB_KERNEL_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kernel/store.h"

/* A scope that a record is to be in. */
struct tb_target {
	uint64_t scope;
	uint8_t flags; /* of enum tb_entry_flags; PRESENT is implied */
	uint64_t num;  /* of a fixed entry; 0: the change's number */
};

/* What routing a record anew means for its entries. Fixed ones never move and
 * never leave: they are present while the record is not deleted. */
struct tb_entries_change {
	const struct tb_target *targets; /* each scope once */
	size_t n_targets;
	uint64_t num; /* the change's number in the org's order */
	int64_t time_us;
	uint32_t origin;
	bool move_all; /* the record changed: entries that stay move, too */
	bool deleted;
	/* Flags of enum tb_entry_flags: entries with one of them that are no
	 * targets stay as they are, as targets would. Of a deleted record
	 * nothing stays but the marks of its home, of who saw it and of what
	 * referred to it. */
	uint8_t keeps;
};

/* How many entries a record will have after a change: those that it is to be
 * in, and those that it left and whose followers must be told. */
size_t tb_entries_count(const struct tb_org *org, const struct tb_record *old,
			const struct tb_entries_change *change);
/* The entries of a record (`old` NULL: a new one) after a change; the result
 * in the arena. */
enum tb_err tb_entries_route(struct tb_arena *arena, struct tb_org *org,
			     const struct tb_record *old,
			     const struct tb_entries_change *change,
			     const struct tb_entry **ret,
			     size_t *ret_n) tb_must_check;
/* The entries after the one of `scope`, which must be there, was moved, unless
 * it is fixed. */
enum tb_err tb_entries_touch(struct tb_arena *arena, struct tb_org *org,
			     const struct tb_record *record, uint64_t scope,
			     const struct tb_entries_change *change,
			     const struct tb_entry **ret) tb_must_check;
/* True if the record is where `targets` say already; where it is besides is of
 * no matter for entries that are fixed or have one of the flags `keeps`. */
bool tb_entries_are_routed(const struct tb_record *record,
			   const struct tb_target *targets, size_t n_targets,
			   uint8_t keeps);

#endif
