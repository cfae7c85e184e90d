/*
 * Background work that commits left in each org. Used by one thread.
 */
#ifndef TB_ENGINE_MAINTENANCE_H
#define TB_ENGINE_MAINTENANCE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/core.h"

struct tb_maintenance_org;

/* Embedded by the engine, zeroed at first. */
struct tb_maintenance {
	struct tb_maintenance_org *orgs; /* in the order of their ids */
	size_t n_orgs;
	size_t cap_orgs;
};

void tb_maintenance_fini(struct tb_maintenance *maintenance);

/* Looks at each org that changed since the last time. One that fails is tried
 * again the next time and holds up no other; the first error is returned. */
enum tb_err tb_maintenance_run(struct tb_maintenance *maintenance,
			       struct tb_core *core) tb_must_check;

#endif
