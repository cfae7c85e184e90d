/*
 * The routes by which users come and stay: POST auth/token/ and
 * auth/token/refresh/.
 */
#include "api/resources/handlers.h"
#include "api/resources/state.h"
#include "api/resources/token.h"

static struct tb_resources_token_env
env_of(const struct tb_resources *resources)
{
	return (struct tb_resources_token_env) {
		.auth = resources->auth,
		.access_life_s = resources->options->access_life_s,
		.refresh_life_s = resources->options->refresh_life_s,
	};
}

void tb_resources_post_token(void *state, const struct tb_request *req,
			     struct tb_response *res)
{
	struct tb_resources_token_env env = env_of(state);

	tb_resources_answer_token(&env, req, res);
}

void tb_resources_post_refresh(void *state, const struct tb_request *req,
			       struct tb_response *res)
{
	struct tb_resources_token_env env = env_of(state);

	tb_resources_answer_refresh(&env, req, res);
}
