/*
 * Tokens that a command prints, and the keys that sign them.
 */
#ifndef TB_APP_TOKENS_H
#define TB_APP_TOKENS_H

#include "app/session.h"
#include "auth/keys.h"
#include "kernel/directory.h"

/* Opens the folder of the keys beside the store. Says what is wrong. */
enum tb_exit tb_tokens_open_keys(struct tb_session *session,
				 struct tb_keys **ret);
/* Prints a bearer token of an account, alone on its line. */
enum tb_exit tb_tokens_print(struct tb_session *session,
			     const struct tb_account *account);

#endif
