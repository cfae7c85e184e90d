/*
 * What the operator declares of collections: where their records go, who wins
 * a conflict, which types their fields have, and how they are shown as
 * resources. Read from the configuration at start, constant afterwards;
 * collections that are not declared are kept for the site that pushed them
 * first.
 */
#ifndef TB_KERNEL_DECLARATION_H
#define TB_KERNEL_DECLARATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum tb_routing_kind {
	TB_ROUTING_SITE,    /* nowhere: the pushing site's own (undeclared) */
	TB_ROUTING_CENTRAL, /* the central feed */
	TB_ROUTING_STORE,   /* the store that `field` names */
	TB_ROUTING_PARENT,  /* wherever the record that `field` names goes */
};

/* Further stores that get the record. */
struct tb_also {
	struct tb_str field;      /* names a store, or lists some */
	struct tb_str when_field; /* only while this field ... */
	struct tb_str when_value; /* ... is this string; p NULL: always */
};

enum tb_field_type {
	TB_FIELD_STRING, /* a short text */
	TB_FIELD_INTEGER,
	TB_FIELD_DECIMAL,
	TB_FIELD_BOOLEAN,
	TB_FIELD_DATETIME,
	TB_FIELD_DATE,
	TB_FIELD_ENUM,
	TB_FIELD_JSON,
	TB_FIELD_TEXT,
};

/* The role that every user has. */
#define TB_ROLE_ANY TB_STR("any")

struct tb_field {
	struct tb_str name;
	enum tb_field_type type;
	bool required;
	bool nullable;
	bool centre_wins; /* in a conflict the centre's value is kept */
	const struct tb_str *values; /* ENUM */
	size_t n_values;
	/* As a resource: */
	bool hidden;                  /* neither shown nor written */
	bool read_only;               /* shown, never written */
	const struct tb_str *writers; /* roles that may edit it by sync_update;
				       * TB_ROLE_ANY: all */
	size_t n_writers;
	struct tb_str references; /* the collection whose record it names; the
				   * body has that record's key, the resource
				   * its id. p NULL: none */
	struct tb_str from;       /* for display: the member `show` of the */
	struct tb_str show;       /* record that the field `from` refers to;
				   * such a field is in no body. p NULL: none */
};

enum tb_id_type {
	TB_ID_STRING,  /* the key, as the client gave it */
	TB_ID_INTEGER, /* given by the server, beside the key */
};

enum tb_order {
	TB_ORDER_ID,
	TB_ORDER_COMMIT,
};

/* Who sees which records: those with `role` see all of them, or with `field`
 * those whose member `field` is their profile (TB_SIGHT_SELF: the record
 * itself), or with `through` those that a record of that collection refers to
 * by its member `reference`, if its member `field` is their profile. */
struct tb_sight_rule {
	struct tb_str role;
	struct tb_str field;     /* p NULL: all */
	struct tb_str through;   /* p NULL: not through another collection */
	struct tb_str reference; /* with `through` */
};
#define TB_SIGHT_SELF TB_STR("id")

/* A field that a query may ask for. */
struct tb_filter {
	struct tb_str field;
	struct tb_str doc;
};

struct tb_collection;

/* Which records of `to` become visible by a record of another collection: the
 * other side of a rule with `through`. */
struct tb_derivation {
	const struct tb_collection *to;
	struct tb_str reference; /* names the record that is seen */
	struct tb_str field;     /* names who sees it */
};

#define TB_ALSO_MAX 8
/* Fields of a collection by whose value its records are listed (filters, rules
 * of visibility). */
#define TB_INDEXED_MAX 16
#define TB_RULES_MAX 16
/* Members of a collection that resources of others show. */
#define TB_SHOWN_MAX 16
#define TB_FILTERS_MAX 8

struct tb_collection {
	struct tb_str name;
	enum tb_routing_kind routing;
	struct tb_str field;  /* STORE, PARENT: the member that names it */
	struct tb_str parent; /* PARENT: the parent's collection */
	struct tb_also also[TB_ALSO_MAX];
	size_t n_also;
	bool centre_wins; /* conflicts; else the site */
	const struct tb_field *fields;
	size_t n_fields;

	/* As a resource; path p NULL: it is none. */
	struct tb_str path;
	enum tb_id_type id_type;
	enum tb_order order;
	struct tb_str created_name; /* p NULL: not shown */
	struct tb_str updated_name;
	struct tb_str synced_name; /* p NULL: not shown */
	const struct tb_sight_rule *rules;
	size_t n_rules;
	const struct tb_str *writers; /* roles; administrators always may */
	size_t n_writers;
	const struct tb_filter *filters;
	size_t n_filters;
	bool base_optional;       /* an edit may come without its base */
	uint32_t history;         /* earlier versions kept; 0: none */
	uint32_t max_token_age_s; /* 0: as old as a token may be */

	/* Set by tb_declaration_finish. */
	bool is_parent; /* some collection's parent */
	bool is_shown;  /* other collections' resources refer to its records */
	struct tb_str shown[TB_SHOWN_MAX]; /* members that they show */
	size_t n_shown;
	struct tb_str indexed[TB_INDEXED_MAX]; /* fields, each once */
	size_t n_indexed;
	const struct tb_derivation *derivations;
	size_t n_derivations;
	size_t n_references; /* fields that refer to another record */
	bool is_derived;     /* some of its rules go through another one */
};

struct tb_declaration {
	const struct tb_collection *collections;
	size_t n_collections;
	bool refuse_unknown; /* tables that are not declared: quarantine */
};

/* The collection of this name, or NULL. */
const struct tb_collection *
tb_declaration_find(const struct tb_declaration *declaration,
		    struct tb_str name);
/* The collection at this path of the resources API, or NULL. */
const struct tb_collection *
tb_declaration_find_path(const struct tb_declaration *declaration,
			 struct tb_str path);
/* The declared field of this name, or NULL. */
const struct tb_field *tb_collection_field(const struct tb_collection *c,
					   struct tb_str name);
/* The collection that a field refers to: NULL if it refers to none. */
const struct tb_collection *
tb_field_target(const struct tb_declaration *declaration,
		const struct tb_collection *collection, struct tb_str field);
/* True if the list has TB_ROLE_ANY or one of the roles. */
bool tb_roles_meet(const struct tb_str *list, size_t n_list,
		   const struct tb_str *roles, size_t n_roles);

/* Works out what follows from the collections about each other. Names in them
 * exist (the reader of the configuration has checked it). The results live in
 * the arena. TOO_LARGE: over TB_INDEXED_MAX or TB_SHOWN_MAX. NOMEM. */
enum tb_err tb_declaration_finish(struct tb_arena *arena,
				  struct tb_collection *collections,
				  size_t n) tb_must_check;

#endif
