/*
 * What an administrator sends of a user: the bodies of POST admin/users and
 * PUT admin/users/{uuid}. Pure.
 */
#ifndef TB_API_EVENTS_USER_FORM_H
#define TB_API_EVENTS_USER_FORM_H

#include "base/arena.h"
#include "kernel/directory.h"

/* The members that were there; strings live in the body or the arena. */
struct tb_user_form {
	bool has_uuid;
	unsigned changes;          /* enum tb_account_change */
	struct tb_account account; /* their values */
	struct tb_str password;    /* with CHANGE_PASSWORD: not hashed yet */
};

/* A new user: uuid, username, password, and maybe roles, isAdmin. Unknown
 * members are passed over. INVALID, with what is wrong in words for the
 * client (static); NOMEM. */
enum tb_err tb_user_form_decode_new(struct tb_arena *arena, struct tb_str body,
				    struct tb_user_form *ret,
				    const char **ret_flaw) tb_must_check;
/* Changes: new_username, new_password, roles, isAdmin, disabled; at least one
 * of them. */
enum tb_err tb_user_form_decode_change(struct tb_arena *arena,
				       struct tb_str body,
				       struct tb_user_form *ret,
				       const char **ret_flaw) tb_must_check;

#endif
