#include "api/resources/errors.h"
#include "api/resources/handlers.h"
#include "api/resources/resources.h"
#include "base/assert.h"

static const char *const prefixes[] = { "/api", NULL };

#define ROUTE(method_, path_, who_, body_, handler_, quick_)                   \
	{                                                                      \
		.method = (method_), .path = (path_), .who = (who_),           \
		.body = (body_), .handler = (handler_), .quick = (quick_)      \
	}
#define USER TB_WHO_USER
#define NO_BODY TB_BODY_NONE

static const struct tb_route routes[] = {
	/* "needs no token, but refuses a bad one" */
	ROUTE(TB_GET, "/sync/status/", TB_WHO_ANYONE | TB_WHO_USER, NO_BODY,
	      NULL, tb_resources_get_status),
	ROUTE(TB_GET, "/sync/conflicts/", TB_WHO_ADMIN, NO_BODY,
	      tb_resources_get_conflicts, NULL),
	ROUTE(TB_POST, "/auth/token/", TB_WHO_ANYONE, TB_BODY_SMALL,
	      tb_resources_post_token, NULL),
	ROUTE(TB_POST, "/auth/token/refresh/", TB_WHO_ANYONE, TB_BODY_SMALL,
	      tb_resources_post_refresh, NULL),
	ROUTE(TB_GET, "/{collection}/sync/", USER, NO_BODY,
	      tb_resources_get_list, tb_resources_get_list_quick),
	ROUTE(TB_GET, "/{collection}/", USER, NO_BODY, tb_resources_get_list,
	      tb_resources_get_list_quick),
	ROUTE(TB_POST, "/{collection}/", USER, TB_BODY_LARGE,
	      tb_resources_post_record, NULL),
	ROUTE(TB_GET, "/{collection}/{id}/", USER, NO_BODY,
	      tb_resources_get_one, NULL),
	ROUTE(TB_PUT, "/{collection}/{id}/", USER, TB_BODY_LARGE,
	      tb_resources_put_record, NULL),
	ROUTE(TB_PATCH, "/{collection}/{id}/", USER, TB_BODY_LARGE,
	      tb_resources_patch_record, NULL),
	ROUTE(TB_DELETE, "/{collection}/{id}/", USER, NO_BODY,
	      tb_resources_delete_record, NULL),
	ROUTE(TB_PUT, "/{collection}/{id}/sync_update/", USER, TB_BODY_LARGE,
	      tb_resources_put_sync_update, NULL),
	ROUTE(TB_GET, "/{collection}/{id}/history/", USER, NO_BODY,
	      tb_resources_get_history, NULL),
};

const struct tb_api tb_resources_api = {
	.name = "resources",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.schemes = TB_AUTH_BEARER,
	.error_type = TB_JSON_TYPE,
	.put_error = tb_resources_put_error,
	.refuse = tb_resources_refuse,
	.forbid = tb_resources_forbid,
	.exposed = "Preference-Applied, X-Ignored-Fields, X-Last-Sync, "
		   "X-Records-Synced, X-Sync-Strategy",
};
