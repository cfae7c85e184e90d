#include "api/caller.h"

enum tb_err tb_api_renew_caller(struct tb_core *core, struct tb_auth *auth,
				const struct tb_principal *admitted,
				const struct tb_principal **ret)
{
	struct tb_heads heads;
	enum tb_err err = tb_core_heads(core, admitted->org, &heads);

	if (err)
		return err;
	if (heads.generation != admitted->generation)
		return tb_auth_renew(auth, admitted, ret);
	*ret = NULL;
	return TB_OK;
}
