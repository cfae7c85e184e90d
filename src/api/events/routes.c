#include "api/events/errors.h"
#include "api/events/events.h"
#include "api/events/handlers.h"
#include "base/assert.h"

static const char *const prefixes[] = { "/api/v1", NULL };

#define ROUTE(method_, path_, who_, body_, handler_, quick_)                   \
	{                                                                      \
		.method = (method_), .path = (path_), .who = (who_),           \
		.body = (body_), .handler = (handler_), .quick = (quick_)      \
	}
#define USER TB_WHO_USER
#define ADMIN TB_WHO_ADMIN
#define ANYONE TB_WHO_ANYONE
#define NO_BODY TB_BODY_NONE

static const struct tb_route routes[] = {
	ROUTE(TB_GET, "/events", USER, NO_BODY, tb_events_get_events,
	      tb_events_get_events_quick),
	ROUTE(TB_POST, "/events", USER, TB_BODY_LARGE, tb_events_post_events,
	      NULL),
	ROUTE(TB_GET, "/acl", ADMIN, NO_BODY, tb_events_get_acl, NULL),
	ROUTE(TB_PUT, "/acl", ADMIN, TB_BODY_LARGE, tb_events_put_acl, NULL),
	ROUTE(TB_GET, "/admin/users", ADMIN, NO_BODY, tb_events_get_users,
	      NULL),
	ROUTE(TB_POST, "/admin/users", ADMIN, TB_BODY_SMALL,
	      tb_events_post_user, NULL),
	ROUTE(TB_GET, "/admin/users/{uuid}", ADMIN, NO_BODY, tb_events_get_user,
	      NULL),
	ROUTE(TB_PUT, "/admin/users/{uuid}", ADMIN, TB_BODY_SMALL,
	      tb_events_put_user, NULL),
	ROUTE(TB_DELETE, "/admin/users/{uuid}", ADMIN, NO_BODY,
	      tb_events_delete_user, NULL),
	ROUTE(TB_POST, "/auth/token", ANYONE, TB_BODY_SMALL,
	      tb_events_post_token, NULL),
	ROUTE(TB_GET, "/health", ANYONE, NO_BODY, NULL, tb_events_get_health),
};

const struct tb_api tb_events_api = {
	.name = "events",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.schemes = TB_AUTH_BEARER_EXACT,
	.put_error = tb_events_put_error,
	.refuse = tb_events_refuse,
	.forbid = tb_events_forbid,
	.exposed = "Preference-Applied, X-Events-Cursor, X-Events-Rejected, "
		   "X-Events-Resync, X-Events-Stored",
};
