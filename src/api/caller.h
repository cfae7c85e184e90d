/*
 * Who is calling, where a call comes long after its caller was admitted.
 */
#ifndef TB_API_CALLER_H
#define TB_API_CALLER_H

#include "auth/auth.h"

/* The caller as the account is now, a reference; NULL if no account of the org
 * has changed since. UNAUTHENTICATED: the account has ended since. Otherwise
 * the store could not be asked. May block. */
enum tb_err tb_api_renew_caller(struct tb_core *core, struct tb_auth *auth,
				const struct tb_principal *admitted,
				const struct tb_principal **ret) tb_must_check;

#endif
