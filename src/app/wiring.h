/*
 * The APIs as the server mounts them: each module of apis.def with the state
 * made for it. Owned by the server's start and stop; one thread.
 */
#ifndef TB_APP_WIRING_H
#define TB_APP_WIRING_H

#include "api/api.h"
#include "app/config.h"

struct tb_wiring {
	struct tb_mount mounts[TB_API_MODULES_MAX];
	size_t n;
};

/* Makes the state of every API. On an error what was made is destroyed. */
enum tb_err tb_wiring_init(struct tb_wiring *wiring,
			   const struct tb_config *config, struct tb_core *core,
			   struct tb_auth *auth, bool is_demo) tb_must_check;
/* Lets each API do its upkeep. */
void tb_wiring_upkeep(struct tb_wiring *wiring);
/* Takes one that is zeroed. No handler may be running. */
void tb_wiring_fini(struct tb_wiring *wiring);

#endif
