/*
 * What the operator declares of collections: where their records go, who wins
 * a conflict, which types their fields have. Read from the configuration at
 * start, constant afterwards; collections that are not declared are kept for
 * the site that pushed them first.
 */
#ifndef TB_KERNEL_DECLARATION_H
#define TB_KERNEL_DECLARATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum tb_routing_kind {
	TB_ROUTING_SITE,    /* nowhere: the pushing site's own (undeclared) */
	TB_ROUTING_CENTRAL, /* the central feed */
	TB_ROUTING_STORE,   /* the store that `field` names */
	TB_ROUTING_PARENT,  /* wherever the record that `field` names goes */
};

/* A further store that gets the record. */
struct tb_also {
	struct tb_str field;      /* names the store */
	struct tb_str when_field; /* only while this field ... */
	struct tb_str when_value; /* ... is this string; p NULL: always */
};

enum tb_field_type {
	TB_FIELD_STRING,
	TB_FIELD_INTEGER,
	TB_FIELD_DECIMAL,
	TB_FIELD_BOOLEAN,
	TB_FIELD_DATETIME,
	TB_FIELD_DATE,
	TB_FIELD_ENUM,
	TB_FIELD_JSON,
};

struct tb_field {
	struct tb_str name;
	enum tb_field_type type;
	bool required;
	bool nullable;
	bool centre_wins; /* in a conflict the centre's value is kept */
	const struct tb_str *values; /* ENUM */
	size_t n_values;
};

#define TB_ALSO_MAX 8

struct tb_collection {
	struct tb_str name;
	enum tb_routing_kind routing;
	struct tb_str field;  /* STORE, PARENT: the member that names it */
	struct tb_str parent; /* PARENT: the parent's collection */
	struct tb_also also[TB_ALSO_MAX];
	size_t n_also;
	bool is_parent;   /* some collection's parent (set by finish) */
	bool centre_wins; /* conflicts; else the site */
	const struct tb_field *fields;
	size_t n_fields;
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

#endif
