/*
 * A user as the events API shows it, never with what is secret. Pure.
 */
#ifndef TB_API_EVENTS_USER_JSON_H
#define TB_API_EVENTS_USER_JSON_H

#include "codec/json.h"
#include "kernel/directory.h"

/* {"uuid","username","roles","isAdmin","disabled","createdAt","updatedAt"} */
void tb_user_json_put(struct tb_json_writer *w, const struct tb_account *user);
/* The member "roles" alone. */
void tb_user_json_put_roles(struct tb_json_writer *w,
			    const struct tb_account *user);

#endif
