/*
 * An edit as a client sends it: which of its members the caller may write, by
 * role and declaration, whether their values are what the declaration says, and
 * what is to be stored of them. What may not be written is ignored and named,
 * so that clients can send whole records back. Pure: records that are referred
 * to are found by a function that is handed in.
 */
#ifndef TB_API_RESOURCES_EDIT_H
#define TB_API_RESOURCES_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "api/resources/form.h"
#include "kernel/declaration.h"
#include "kernel/resource.h"

/* The member of sync_update that is no field. */
#define TB_EDIT_BASE TB_STR("client_last_synced_at")
/* The member of POST that is none, where clients give the ids. */
#define TB_EDIT_ID TB_STR("id")

/* Finds the key of the record with this id, as the resources API spells it.
 * NOT_FOUND: there is none. */
typedef enum tb_err tb_edit_find_fn(void *ctx,
				    const struct tb_collection *target,
				    struct tb_str id, struct tb_str *ret_key);

/* Whose edit it is, and of what. */
struct tb_edit_rules {
	const struct tb_declaration *declaration;
	const struct tb_collection *collection;
	enum tb_resource_action action;
	const struct tb_str *roles;
	size_t n_roles;
	bool is_admin;
	tb_edit_find_fn *find;
	void *find_ctx;
};

/* True if the caller may do this at all: make, replace and delete records as
 * one of the collection's writers, update a field of them. */
bool tb_edit_may(const struct tb_edit_rules *rules);

/* What an edit comes to. In the form's arena. */
struct tb_edit_changes {
	struct tb_str changes; /* a JSON object, as it is to be stored */
	struct tb_str ignored; /* for a header; empty: nothing was */
};

/* Names of ignored members beyond this are not told. */
#define TB_EDIT_IGNORED_MAX_BYTES 2048

/* Reads the form's object. What is wrong with it goes to the form; then `ret`
 * means nothing. Other failures: those of `find`, NOMEM, TOO_LARGE. */
enum tb_err tb_edit_read(const struct tb_edit_rules *rules,
			 struct tb_resources_form *form,
			 struct tb_edit_changes *ret) tb_must_check;

/* The id that a client gives to a new record; p NULL: it is wrong, and the form
 * has the error. */
struct tb_str tb_edit_read_id(struct tb_resources_form *form);

#endif
