#include "api/sites/errors.h"
#include "api/sites/handlers.h"
#include "api/sites/sites.h"
#include "base/assert.h"

static const char *const prefixes[] = { "/sync/v5", "/api/sync/v5", NULL };

/* A handler checks the Content-Type itself: one may be missing, but a wrong
 * one is refused. */
#define READ(path_, handler_, quick_)                                          \
	{                                                                      \
		.method = TB_GET, .path = (path_), .who = TB_WHO_SITE,         \
		.body = TB_BODY_NONE, .handler = (handler_), .quick = (quick_) \
	}
#define WRITE(path_, body_, handler_)                                          \
	{                                                                      \
		.method = TB_POST, .path = (path_), .who = TB_WHO_SITE,        \
		.body = (body_), .any_content_type = true,                     \
		.handler = (handler_)                                          \
	}

static const struct tb_route routes[] = {
	WRITE("/auth", TB_BODY_NONE, tb_sites_post_auth),
	READ("/queued_records", tb_sites_get_queue, NULL),
	WRITE("/queued_records", TB_BODY_LARGE, tb_sites_post_queue),
	READ("/central_records", tb_sites_get_central,
	     tb_sites_get_central_quick),
	WRITE("/acknowledge_records", TB_BODY_LARGE, tb_sites_post_acknowledge),
	WRITE("/acknowledged_records", TB_BODY_LARGE,
	      tb_sites_post_acknowledge),
	WRITE("/initialise", TB_BODY_NONE, tb_sites_post_initialise),
	READ("/user", tb_sites_get_user, NULL),
	READ("/site", tb_sites_get_site, NULL),
	READ("/site_status", NULL, tb_sites_get_site_status),
	READ("/status", tb_sites_get_status, NULL),
};

const struct tb_api tb_sites_api = {
	.name = "sites",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.schemes = TB_AUTH_BASIC_SITE | TB_AUTH_BEARER,
	.put_error = tb_sites_put_error,
	.refuse = tb_sites_refuse,
	.exposed = "X-Sync-Batch-Hint",
};
