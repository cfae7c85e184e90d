/*
 * Who sees what: the scopes by which a collection's records are shown as
 * resources. A record is in the scope of all its collection, in one for each
 * indexed field (by its value), in one for each principal who sees it because
 * another record refers to it, and in the feed of its collection's ids, whose
 * numbers are the ids. What a caller sees is the union of some scopes, so that
 * a page costs what is in it, and gaining or losing sight is an entry like any
 * other. Names of scopes are made here and nowhere else.
 */
#ifndef TB_KERNEL_SIGHT_H
#define TB_KERNEL_SIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"
#include "kernel/declaration.h"
#include "kernel/record.h"
#include "kernel/view.h"

/* Longer values of a field are in no scope: nobody sees a record by them. */
#define TB_SIGHT_VALUE_MAX_BYTES 200

/* The names of scopes, in the arena. */
enum tb_err tb_sight_all_name(struct tb_arena *arena,
			      const struct tb_collection *collection,
			      struct tb_str *ret) tb_must_check;
enum tb_err tb_sight_ids_name(struct tb_arena *arena,
			      const struct tb_collection *collection,
			      struct tb_str *ret) tb_must_check;
enum tb_err tb_sight_value_name(struct tb_arena *arena,
				const struct tb_collection *collection,
				struct tb_str field, struct tb_str value,
				struct tb_str *ret) tb_must_check;
/* Of the records of `to` that those of `from` show to the owner `value`. */
enum tb_err tb_sight_derived_name(struct tb_arena *arena,
				  const struct tb_collection *to,
				  const struct tb_collection *from,
				  struct tb_str reference, struct tb_str field,
				  struct tb_str value,
				  struct tb_str *ret) tb_must_check;

/* True of the names of scopes that only some records of a collection are in:
 * those of the last two kinds. */
bool tb_sight_is_by_name(struct tb_str name);

/* Who looks. */
struct tb_viewer {
	uint32_t org;
	bool is_admin;
	const struct tb_str *roles;
	size_t n_roles;
	struct tb_str
		profile; /* the id of the record that it is; empty: none */
};

/* What somebody sees of a collection. */
struct tb_sight {
	const struct tb_collection *collection;
	uint64_t scopes[TB_RULES_MAX]; /* those that are there, each once */
	size_t n;
	bool sees_all; /* scopes[0] is that of the whole collection */
	/* When the viewer came to be who it is here: its profile's record got
	 * its id, which is not its key. What refers to that record may be
	 * older, and is new to it. Zero: it always was. */
	uint64_t since_num;
	int64_t since_us;
	bool is_settled;   /* the same viewer has the same scopes from now on;
			    * else one of them, or the viewer's own record, is yet
			    * to come */
	bool lacks_record; /* that record is; else it has the same scopes until
			    * one is made (scopes_turn of the heads) */
};

/* Finds the scopes of a viewer. Reads names and the profile's record, which
 * memory mostly has. */
enum tb_err tb_sight_resolve(struct tb_core *core, struct tb_tx *tx,
			     struct tb_arena *arena,
			     const struct tb_collection *collection,
			     const struct tb_viewer *viewer,
			     struct tb_sight *ret) tb_must_check;
/* Of one who sees all: the scope of those whose indexed field has this value
 * (as a body has it). */
enum tb_err tb_sight_narrow(struct tb_core *core, struct tb_tx *tx,
			    struct tb_arena *arena, uint32_t org,
			    struct tb_sight *sight, struct tb_str field,
			    struct tb_str value) tb_must_check;

/* A record as a sight has it. */
struct tb_seen {
	bool is_present; /* else it was seen and is not any more */
	uint64_t num;    /* of its last entry among the sight's scopes */
	int64_t time_us; /* when that was: of the record's last change, or when
			  * it came into sight or out of it later than that */
};
/* False: it is in none of the scopes and was in none. Entries as read. */
bool tb_sight_of(const struct tb_sight *sight, const struct tb_record *record,
		 struct tb_seen *ret);

/* What was imported with times of its own does not lie in their order: numbers
 * up to `num`, read by who was here last before `time_us`. Zero and INT64_MIN:
 * nothing was. */
struct tb_imported {
	uint64_t num;
	int64_t time_us;
	int64_t born_us; /* when the org was made: who comes with a time from
			  * then on has it from here, and did not see what was
			  * imported, whatever its times are; who comes with an
			  * earlier one brings it from where that comes from */
};
enum tb_err tb_sight_imported(struct tb_tx *tx, struct tb_arena *arena,
			      uint32_t org,
			      struct tb_imported *ret) tb_must_check;
/* Notes that all up to now was imported. For a commit that did. */
enum tb_err tb_sight_note_import(struct tb_view *view) tb_must_check;
/* Where a feed stands that a reader has read up to a time: the number above
 * which what is later than `after_us` is found, `head` if nothing is. Who asks
 * for what is later than one of the imported times gets 0, and looks at each:
 * above that number there may be what is not later, too. */
enum tb_err tb_sight_since(struct tb_tx *tx, const struct tb_imported *imported,
			   uint64_t scope, int64_t after_us, uint64_t head,
			   uint64_t *ret) tb_must_check;

/* True if a reader who has read up to a time has yet to get a record that is
 * seen so: it changed, or came into sight or out of it, later; or it was
 * imported since. */
bool tb_sight_is_later(const struct tb_imported *imported,
		       const struct tb_seen *seen, int64_t after_us);

/* The integer id of a record; 0: it has none. */
uint64_t tb_record_id(const struct tb_record *record);
/* The record with this integer id, also a deleted one, in the arena with its
 * entries. NOT_FOUND. */
enum tb_err tb_sight_find_id(struct tb_core *core, struct tb_tx *tx,
			     struct tb_arena *arena, uint32_t org,
			     const struct tb_collection *collection,
			     uint64_t id, struct tb_record **ret) tb_must_check;
/* The record with this id as the resources API spells it: by its integer, or
 * by its key. NOT_FOUND also for what can be no id. */
enum tb_err tb_sight_find(struct tb_core *core, struct tb_tx *tx,
			  struct tb_arena *arena, uint32_t org,
			  const struct tb_collection *collection,
			  struct tb_str id,
			  struct tb_record **ret) tb_must_check;
/* A decimal integer id as one writes it (no sign, no leading zero, 1 to
 * INT64_MAX - 1). */
bool tb_sight_is_id(struct tb_str text, uint64_t *ret);

#endif
