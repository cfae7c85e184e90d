/*
 * One org's records within a write transaction, as the commits of a group see
 * and change them: what was read, and over it what was decided so far. Numbers
 * and times are given here. Lives for one group; used by one thread.
 */
#ifndef TB_KERNEL_VIEW_H
#define TB_KERNEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kernel/agenda.h"
#include "kernel/entries.h"
#include "kernel/scope_heads.h"
#include "kernel/store.h"
#include "kernel/system.h"

struct tb_view;

/* Places of a record that are none of routing's. */
#define TB_VIEW_NOT_ROUTED (TB_ENTRY_FIXED | TB_ENTRY_SIGHT | TB_ENTRY_DERIVED)

/* The arena (borrowed) holds everything of the view. NOT_FOUND: no such org;
 * the system's own is made when it is not there. */
enum tb_err tb_view_create(struct tb_arena *arena, struct tb_tx *tx,
			   uint32_t org, int64_t now_us,
			   struct tb_view **ret) tb_must_check;

struct tb_tx *tb_view_tx(struct tb_view *view);
struct tb_arena *tb_view_arena(struct tb_view *view);
int64_t tb_view_now_us(const struct tb_view *view);
uint32_t tb_view_org_id(const struct tb_view *view);
/* The org's row as decided so far. */
const struct tb_org *tb_view_org_row(const struct tb_view *view);
/* The same, to be changed in place by the functions below or by kinds
 * of commit that say so; written with the group. */
struct tb_org *tb_view_org(struct tb_view *view);
/* Takes the next number and time for what is no change of a record: whoever has
 * read up to them has read after it. */
enum tb_err tb_view_pass(struct tb_view *view, uint64_t *ret_num,
			 int64_t *ret_us) tb_must_check;
/* Principals or settings changed: caches of them end. */
void tb_view_bump_generation(struct tb_view *view);

/* Gather: names a record that will be looked at, so that all are read in one
 * go. Key bytes are borrowed until the group has ended. */
enum tb_err tb_view_want(struct tb_view *view, uint64_t coll,
			 struct tb_str key) tb_must_check;
/* Reads what is wanted and not there yet. */
enum tb_err tb_view_load(struct tb_view *view) tb_must_check;

/* The record as it is now, NULL when there is none (a deleted one is there,
 * marked so). Reads it when nobody wanted it before. */
enum tb_err tb_view_get(struct tb_view *view, uint64_t coll, struct tb_str key,
			const struct tb_record **ret) tb_must_check;
enum tb_err tb_view_get_rid(struct tb_view *view, uint64_t rid,
			    const struct tb_record **ret) tb_must_check;

/* What a record is to become. */
struct tb_put {
	uint64_t coll;
	struct tb_str key;
	struct tb_str body; /* borrowed until the group has ended */
	uint32_t origin;
	bool deleted;
	/* Where it goes. Scopes that it was in and that are not listed are
	 * left. A deleted record is in none. */
	const struct tb_target *targets;
	size_t n_targets;
	/* Flags of enum tb_entry_flags: places so marked are not left, though
	 * they are not listed (struct tb_entries_change). */
	uint8_t keeps;
	bool is_synced; /* it is a client's edit: synced_us is the time of this
			 * change; else it stays */
	/* Times of an import; 0: the commit's own. */
	int64_t created_us;
	int64_t updated_us;
};

/* A change: takes the next number and time and moves the record's entries.
 * `ret` (may be NULL) is the record as it is then. TOO_LARGE: in too many
 * scopes; then nothing changed. */
enum tb_err tb_view_put(struct tb_view *view, const struct tb_put *put,
			const struct tb_record **ret) tb_must_check;
/* The time that the next change of a record (NULL: of a new one) will have, if
 * nothing else is changed before. */
int64_t tb_view_next_time(const struct tb_view *view,
			  const struct tb_record *old);
/* Moves the record's entry in one scope to a new number without changing the
 * record (it is to be delivered there again), under `origin`. */
enum tb_err tb_view_touch(struct tb_view *view, uint64_t rid, uint64_t scope,
			  uint32_t origin) tb_must_check;
/* Sets where a record that is not deleted goes without changing it: entries
 * that are new or left take a new number, the others stay, and so do those with
 * one of the flags `keeps`. TOO_LARGE: in too many scopes; then nothing
 * changed. */
enum tb_err tb_view_reroute(struct tb_view *view, uint64_t rid,
			    const struct tb_target *targets, size_t n_targets,
			    uint8_t keeps, uint32_t origin) tb_must_check;
/* Puts a record that is not deleted into one scope (with these flags of enum
 * tb_entry_flags, PRESENT among them), or takes it out (without PRESENT), and
 * changes nothing else. One that is so already stays as it is. TOO_LARGE: in
 * too many scopes; then nothing changed. */
enum tb_err tb_view_set_place(struct tb_view *view, uint64_t rid,
			      uint64_t scope, uint8_t flags) tb_must_check;
/* Takes a record out of these scopes without a trace: nobody is told, and
 * nothing takes a number. */
enum tb_err tb_view_forget_places(struct tb_view *view, uint64_t rid,
				  const uint64_t *scopes,
				  size_t n) tb_must_check;
/* Moves the record's entries in all scopes of those who see it to a new
 * number, under the centre's name: it looks different to them. */
enum tb_err tb_view_touch_sight(struct tb_view *view,
				uint64_t rid) tb_must_check;
/* Stores a record that nobody follows: no number, no entries. */
enum tb_err tb_view_put_silent(struct tb_view *view, uint64_t coll,
			       struct tb_str key,
			       struct tb_str body) tb_must_check;
/* A record vanishes with its entries; none is no error. */
enum tb_err tb_view_remove(struct tb_view *view, uint64_t coll,
			   struct tb_str key) tb_must_check;

/* The rid of a name in TB_COLL_COLLECTION or TB_COLL_SCOPE, made when it is
 * not there yet. */
enum tb_err tb_view_name(struct tb_view *view, uint64_t coll,
			 struct tb_str name, uint64_t *ret) tb_must_check;
/* The same for a scope named by a prefix and an id. One that is only looked
 * for is 0 when there is none. */
enum tb_err tb_view_scope(struct tb_view *view, const char *prefix,
			  struct tb_str id, uint64_t *ret) tb_must_check;
enum tb_err tb_view_find_scope(struct tb_view *view, const char *prefix,
			       struct tb_str id, uint64_t *ret) tb_must_check;

/* Hangs the record `child` below (coll, key), or takes it away. */
enum tb_err tb_view_link(struct tb_view *view, uint64_t coll, struct tb_str key,
			 uint64_t child) tb_must_check;
enum tb_err tb_view_unlink(struct tb_view *view, uint64_t coll,
			   struct tb_str key, uint64_t child) tb_must_check;

/* A further org comes to be. In the view of TB_ORG_SYSTEM only. */
enum tb_err tb_view_add_org(struct tb_view *view,
			    const struct tb_org *org) tb_must_check;

/* What is to be done once the group's changes are in the transaction
 * (kernel/work.h). */
struct tb_agenda *tb_view_agenda(struct tb_view *view);

/* Appends to the org's audit chain (kernel/audit.h makes the row). */
enum tb_err tb_view_audit(struct tb_view *view,
			  const struct tb_audit_row *row) tb_must_check;

/* Forgets the detail of row `n`, or all rows up to `n`: TB_OP_AUDIT_ERASE or
 * TB_OP_AUDIT_DROP (kernel/audit_keep.h says what may go). */
enum tb_err tb_view_audit_forget(struct tb_view *view, enum tb_op_kind kind,
				 uint64_t n) tb_must_check;

/* How far commits of this group have gone along a feed, and found nothing that
 * they left for those behind them, who may begin there; 0: nobody has. Feeds
 * show what was there before the group, so that else each would pass over all
 * that its predecessors took. */
uint64_t tb_view_walked(const struct tb_view *view, uint64_t scope);
enum tb_err tb_view_set_walked(struct tb_view *view, uint64_t scope,
			       uint64_t num) tb_must_check;

/* How many changes were made so far; rises with each. */
uint64_t tb_view_changes(const struct tb_view *view);
/* True if anything was changed since the view was made or last flushed. */
bool tb_view_is_dirty(const struct tb_view *view);
/* Writes everything that changed to the transaction. */
enum tb_err tb_view_flush(struct tb_view *view) tb_must_check;
/* The entries that were moved by what was flushed so far, but for fixed ones
 * and those of dense numbers; borrowed from the view. */
struct tb_moves tb_view_moves(const struct tb_view *view);

#endif
