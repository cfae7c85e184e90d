/*
 * Who calls the resources API: a pair of tokens for a name and a password, and
 * the next pair for a refresh token. The answers of two routes; they block.
 */
#ifndef TB_API_RESOURCES_TOKEN_H
#define TB_API_RESOURCES_TOKEN_H

#include <stdint.h>

#include "auth/auth.h"
#include "http/response.h"

/* What they need of the API's state; borrowed. */
struct tb_resources_token_env {
	struct tb_auth *auth;
	uint32_t access_life_s;
	uint32_t refresh_life_s;
};

/* POST auth/token/ {username, password} */
void tb_resources_answer_token(const struct tb_resources_token_env *env,
			       const struct tb_request *req,
			       struct tb_response *res);
/* POST auth/token/refresh/ {refresh} */
void tb_resources_answer_refresh(const struct tb_resources_token_env *env,
				 const struct tb_request *req,
				 struct tb_response *res);

#endif
