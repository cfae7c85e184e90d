/*
 * The state of the sites API as its own files see it; made in sites.c.
 */
#ifndef TB_API_SITES_STATE_H
#define TB_API_SITES_STATE_H

#include "api/sites/activity.h"
#include "api/sites/page_cache.h"
#include "api/sites/sites.h"

struct tb_sites {
	struct tb_core *core;
	struct tb_auth *auth;
	const struct tb_sites_options *options;
	struct tb_page_cache *cache;
	struct tb_activity *activity;
};

#endif
