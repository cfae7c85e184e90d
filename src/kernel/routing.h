/*
 * Routing: from a collection's declaration, a record's body and its parent's
 * places to the scopes that the record belongs to. What the body says is
 * extracted once, before the commit; the rest is decided in it.
 */
#ifndef TB_KERNEL_ROUTING_H
#define TB_KERNEL_ROUTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/declaration.h"
#include "kernel/view.h"

/* Another record that a body refers to: by which field, its collection and its
 * key. */
struct tb_reference {
	const struct tb_field *by;
	struct tb_str collection;
	struct tb_str key;
};

/* Whom a body lets see a record of another collection. */
struct tb_showing {
	const struct tb_derivation *by;
	struct tb_str key;   /* of the record that is seen */
	struct tb_str owner; /* the profile that sees it */
};

/* What a body says of its record's places; slices of the body or the arena.
 * The lists behind `also` are those of the collection as a resource. */
struct tb_route_words {
	struct tb_str home; /* store or parent that it names; p NULL: none */
	const struct tb_str *also; /* further stores, in the arena */
	size_t n_also;
	const struct tb_str *indexed; /* values of the indexed fields, in their
				       * order; p NULL: none */
	const struct tb_reference *references;
	size_t n_references;
	const struct tb_showing *showings;
	size_t n_showings;
	const struct tb_str *shown; /* raw members that others show, in their
				     * order; p NULL: absent */
};

/* Further stores that one record may name. */
#define TB_ROUTE_STORES_MAX 64

/* Reads the words from a body (a JSON object). INVALID: no object, or none that
 * can be taken apart. TOO_LARGE: over TB_ROUTE_STORES_MAX. */
enum tb_err tb_routing_extract(struct tb_arena *arena,
			       const struct tb_collection *collection,
			       struct tb_str body,
			       struct tb_route_words *ret) tb_must_check;

/* The same from a stored body. One that cannot be read, because its collection
 * was declared, or declared otherwise, only since, names nothing. */
enum tb_err tb_routing_extract_stored(struct tb_arena *arena,
				      const struct tb_collection *collection,
				      struct tb_str body,
				      struct tb_route_words *ret) tb_must_check;

/* Where a record goes. */
struct tb_route_plan {
	struct tb_target *targets; /* in the view's arena */
	size_t n_targets;
	size_t max_targets;    /* room for so many */
	uint64_t home;         /* scope whose holder may write it; 0: none */
	bool waiting;          /* its parent is not there yet */
	struct tb_str no_home; /* why it has none, when the body is wrong */
};

/* The home of a record that names a store which is nobody's. */
#define TB_ROUTE_NOBODYS UINT64_MAX

/* Plans a record's home and where it goes with it. `collection` NULL is one
 * that is not declared. `site_scope` is the scope of what the pushing site
 * keeps for itself: there go records that belong nowhere else, and those that
 * wait. `makes_stores`: a store that is named for the first time gets its
 * scope, which the centre may do. */
enum tb_err tb_routing_plan(struct tb_view *view,
			    const struct tb_collection *collection,
			    const struct tb_route_words *words,
			    uint64_t site_scope, bool makes_stores,
			    struct tb_route_plan *ret) tb_must_check;
/* Makes room for so many more targets. */
enum tb_err tb_route_plan_reserve(struct tb_view *view,
				  struct tb_route_plan *plan,
				  size_t n) tb_must_check;
/* Adds a target, for which there is room, or adds flags to the one of the same
 * scope. */
void tb_route_plan_add(struct tb_route_plan *plan,
		       const struct tb_target *target);
/* Adds the further stores of a record that may be written. */
enum tb_err tb_routing_plan_also(struct tb_view *view,
				 const struct tb_route_words *words,
				 struct tb_route_plan *plan) tb_must_check;

/* The scope whose holder may write a stored record: its home, which a deleted
 * record keeps. 0: it has none. */
uint64_t tb_routing_home(const struct tb_record *record);

/* The id of the record that a deleted one was merged into, and the body that
 * says so; p NULL: it was just deleted. */
enum tb_err tb_routing_survivor(struct tb_arena *arena,
				const struct tb_record *record,
				struct tb_str *ret) tb_must_check;
enum tb_err tb_routing_merged_body(struct tb_arena *arena,
				   struct tb_str survivor,
				   struct tb_str *ret) tb_must_check;

/* How a stored record's collection is declared; NULL: it is not. */
enum tb_err
tb_routing_collection(struct tb_view *view,
		      const struct tb_declaration *declaration,
		      const struct tb_record *record,
		      const struct tb_collection **ret) tb_must_check;

#endif
