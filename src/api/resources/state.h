/*
 * What the handlers of the resources API share.
 */
#ifndef TB_API_RESOURCES_STATE_H
#define TB_API_RESOURCES_STATE_H

#include "api/resources/layout.h"
#include "api/resources/resources.h"
#include "api/resources/sights.h"
#include "http/spill.h"

struct tb_resources {
	struct tb_core *core;
	struct tb_auth *auth;
	const struct tb_resources_options *options;
	struct tb_arena *arena; /* of what is made once */
	struct tb_str strategy; /* as X-Sync-Strategy says it */
	/* Of each declared collection, in the declaration's order; NULL: it is
	 * no resource. */
	const struct tb_layout **layouts;
	struct tb_sights *sights;
	struct tb_spool_pool spools;
};

#endif
