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
	struct tb_follows follows;
};

/* Makes the state of every API. `base` is what all of them get, but for their
 * options and what can be followed, which are set here; it is copied. On an
 * error what was made is destroyed. Not to be moved afterwards. */
enum tb_err tb_wiring_init(struct tb_wiring *wiring,
			   const struct tb_config *config,
			   const struct tb_api_env *base) tb_must_check;
/* The server is about to stop: nobody's answer is awaited afterwards. */
void tb_wiring_quiesce(struct tb_wiring *wiring);
/* Lets each API do its upkeep. */
void tb_wiring_upkeep(struct tb_wiring *wiring);
/* Takes one that is zeroed. No handler may be running. */
void tb_wiring_fini(struct tb_wiring *wiring);

#endif
