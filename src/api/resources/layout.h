/*
 * How a collection's records are written as resources: its members in their
 * order, with what of their text can be made beforehand. Made once from the
 * declaration, constant afterwards. Pure.
 */
#ifndef TB_API_RESOURCES_LAYOUT_H
#define TB_API_RESOURCES_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kernel/declaration.h"

enum tb_member_kind {
	TB_MEMBER_VALUE,     /* as it is written */
	TB_MEMBER_REFERENCE, /* the id of the record that it names */
	TB_MEMBER_SHOWN,     /* a member of the record that another one names */
	TB_MEMBER_HIDDEN,    /* in the body and not shown */
};

struct tb_layout_member {
	enum tb_member_kind kind;
	struct tb_str name;
	struct tb_str quoted;   /* "name", as bodies mostly spell it */
	struct tb_str fragment; /* ,"name": */
	/* REFERENCE, SHOWN: whose record it is. */
	const struct tb_collection *target;
	size_t from;        /* SHOWN: the member that names the record */
	struct tb_str show; /* SHOWN: the member that is shown of it */
};

struct tb_layout {
	const struct tb_collection *collection;
	/* First the declared fields, behind them what else must not be taken
	 * for an undeclared member: the id and the times. */
	const struct tb_layout_member *members;
	size_t n_members;
	size_t n_fields;
	bool has_peers; /* some members say something of other records */
	/* Fragments of the times; p NULL: not shown. */
	struct tb_str created;
	struct tb_str updated;
	struct tb_str synced;
	uint64_t hash; /* of all that a record's form depends on; the same
			* after every start */
};

/* The layout of a collection that is a resource; lives in the arena. */
enum tb_err tb_layout_create(struct tb_arena *arena,
			     const struct tb_declaration *declaration,
			     const struct tb_collection *collection,
			     const struct tb_layout **ret) tb_must_check;

/* True if a key, as it is written with its quotes, is this name. */
bool tb_layout_key_is(struct tb_str key, struct tb_str name);

/* The member that a key names, as it is written with its quotes; n_members:
 * none. `hint` is the one that is looked at first. */
size_t tb_layout_find(const struct tb_layout *layout, struct tb_str key,
		      size_t hint);

#endif
