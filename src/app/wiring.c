#include "app/wiring.h"

enum tb_err tb_wiring_init(struct tb_wiring *wiring,
			   const struct tb_config *config,
			   const struct tb_api_env *base)
{
	struct tb_api_env env = *base;
	const struct tb_api_module *module;
	struct tb_mount *mount;
	enum tb_err err = TB_OK;

	wiring->n = 0;
	wiring->follows = (struct tb_follows) {
		.modules = tb_api_modules,
		.mounts = wiring->mounts,
		.n = tb_api_modules_count,
	};
	env.follows = &wiring->follows;
	for (size_t i = 0; i < tb_api_modules_count; i++) {
		module = tb_api_modules[i];
		env.options = config->api[i];
		mount = &wiring->mounts[i];
		*mount = (struct tb_mount) { .api = module->api };
		if (module->create)
			err = module->create(&env, &mount->state);
		if (err) {
			tb_wiring_fini(wiring);
			return err;
		}
		if (module->is_local)
			mount->loopback_only = module->is_local(mount->state);
		if (module->is_closed)
			mount->callers_only = module->is_closed(mount->state);
		wiring->n++;
	}
	return TB_OK;
}

void tb_wiring_upkeep(struct tb_wiring *wiring)
{
	for (size_t i = 0; i < wiring->n; i++) {
		if (tb_api_modules[i]->upkeep)
			tb_api_modules[i]->upkeep(wiring->mounts[i].state);
	}
}

void tb_wiring_quiesce(struct tb_wiring *wiring)
{
	for (size_t i = 0; i < wiring->n; i++) {
		if (tb_api_modules[i]->quiesce)
			tb_api_modules[i]->quiesce(wiring->mounts[i].state);
	}
}

void tb_wiring_fini(struct tb_wiring *wiring)
{
	while (wiring->n > 0) {
		wiring->n--;
		if (tb_api_modules[wiring->n]->destroy)
			tb_api_modules[wiring->n]->destroy(
				wiring->mounts[wiring->n].state);
	}
}
