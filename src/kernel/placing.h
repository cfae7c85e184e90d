/*
 * Placing: a record that changes is written together with all its places:
 * where it goes at the sites (routing.h), who sees it as a resource (sight.h),
 * its integer id, and the links by which what depends on it follows (work.h).
 * One way for every writer, so that pushes, edits and imports agree.
 */
#ifndef TB_KERNEL_PLACING_H
#define TB_KERNEL_PLACING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/declaration.h"
#include "kernel/routing.h"
#include "kernel/view.h"

/* One record that is to be written. The caller fills in the first part. */
struct tb_placement {
	const struct tb_collection *collection; /* NULL: not declared */
	uint64_t coll;               /* rid of the collection's name */
	struct tb_str key;           /* of the record */
	const struct tb_record *old; /* as the view has it; NULL: none */
	struct tb_str body;          /* borrowed until the group has ended */
	bool deleted;
	struct tb_route_words words; /* of the body (tb_routing_extract); of no
				      * meaning where it is deleted */
	uint32_t origin;
	uint64_t site_scope; /* of what the writer keeps for itself */
	bool makes_stores;   /* see tb_routing_plan */
	uint64_t id;         /* of a new record with an integer id whose key is
			      * none; 0: the next one */
	bool is_synced;      /* see struct tb_put */
	int64_t created_us;  /* an import's times; 0: the commit's own */
	int64_t updated_us;

	/* Set by tb_place_plan. */
	struct tb_route_plan plan;
};

/* Works out where it is to go at the sites: plan.home, or plan.no_home with
 * the reason why it has none. Changes nothing (but may name a store's scope,
 * with makes_stores). */
enum tb_err tb_place_plan(struct tb_view *view,
			  struct tb_placement *placement) tb_must_check;
/* Of a record that names no home: it stays with its writer, who is the centre,
 * so that no site may take it. */
enum tb_err tb_place_keep(struct tb_view *view,
			  struct tb_placement *placement) tb_must_check;
/* Writes it, planned or deleted; `*ret` (may be NULL) is the record as it is
 * then. TOO_LARGE: in too many scopes; EXISTS: another record has its id, or
 * may have had it. Then the record is as it was, but scopes may have been
 * named. */
enum tb_err tb_place_write(struct tb_view *view, struct tb_placement *placement,
			   const struct tb_record **ret) tb_must_check;

/* The id that the next record of a collection gets that is made without one:
 * above all that it ever had. Changes nothing. */
enum tb_err tb_place_next_id(struct tb_view *view,
			     const struct tb_collection *collection,
			     uint64_t *ret) tb_must_check;

/* The same from a snapshot. */
enum tb_err tb_place_read_next_id(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org,
				  const struct tb_collection *collection,
				  uint64_t *ret) tb_must_check;
/* An id that is known of elsewhere, such as a deleted record's, is none of
 * those that are yet to be given. */
enum tb_err tb_place_spend_id(struct tb_view *view,
			      const struct tb_collection *collection,
			      uint64_t id) tb_must_check;

/* A deleted record vanishes; its id is never given again. */
enum tb_err tb_place_forget(struct tb_view *view,
			    const struct tb_record *record) tb_must_check;

/* Gives a stored record the places and links that its collection's declaration
 * says now; its body and times stay. One that is in place already stays as it
 * is. */
enum tb_err tb_place_anew(struct tb_view *view,
			  const struct tb_declaration *declaration,
			  uint64_t rid) tb_must_check;

#endif
