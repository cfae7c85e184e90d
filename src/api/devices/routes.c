#include "api/devices/devices.h"
#include "api/devices/errors.h"
#include "api/devices/handlers.h"
#include "base/assert.h"

/* What is below /sync beside these is another API's. */
static const char *const prefixes[] = { "/api",
					"/device",
					"/socket.io",
					"/sync/push",
					"/sync/pull",
					"/sync/ack",
					"/sync/status",
					"/sync/overdue",
					"/sync/audit-logs",
					NULL };

#define ROUTE(method_, prefix_, path_, who_, body_, handler_, quick_)          \
	{                                                                      \
		.method = (method_), .prefix = (prefix_), .path = (path_),     \
		.who = (who_), .body = (body_), .handler = (handler_),         \
		.quick = (quick_)                                              \
	}
/* Its clients bring their tokens when they ask to join. */
#define SOCKET(method_, body_, quick_)                                         \
	{                                                                      \
		.method = (method_), .prefix = "/socket.io", .path = "/",      \
		.who = TB_WHO_ANYONE, .body = (body_), .quick = (quick_),      \
		.any_content_type = true                                       \
	}
#define ANYONE TB_WHO_ANYONE
/* Who sends no token is let in where nobody needs one; caller.c says. */
#define CALLER (TB_WHO_ANYONE | TB_WHO_USER | TB_WHO_DEVICE)
#define NO_BODY TB_BODY_NONE

static const struct tb_route routes[] = {
	ROUTE(TB_GET, "/api", "/ping", ANYONE, NO_BODY, NULL,
	      tb_devices_get_ping),
	ROUTE(TB_POST, "/api", "/login", ANYONE, TB_BODY_SMALL,
	      tb_devices_post_login, NULL),
	ROUTE(TB_POST, "/api", "/auth/login", ANYONE, TB_BODY_SMALL,
	      tb_devices_post_login, NULL),
	ROUTE(TB_POST, "/sync/push", "", CALLER, TB_BODY_LARGE,
	      tb_devices_post_push, NULL),
	ROUTE(TB_GET, "/sync/pull", "", CALLER, NO_BODY, tb_devices_get_pull,
	      NULL),
	ROUTE(TB_POST, "/sync/ack", "", CALLER, TB_BODY_LARGE,
	      tb_devices_post_ack, NULL),
	ROUTE(TB_GET, "/sync/status", "", CALLER, NO_BODY,
	      tb_devices_get_status, NULL),
	ROUTE(TB_GET, "/sync/overdue", "", TB_WHO_ADMIN, NO_BODY,
	      tb_devices_get_overdue, NULL),
	ROUTE(TB_GET, "/sync/audit-logs", "", TB_WHO_ADMIN, NO_BODY,
	      tb_devices_get_audit, NULL),
	ROUTE(TB_GET, "/sync/audit-logs", "/verify", TB_WHO_ADMIN, NO_BODY,
	      tb_devices_get_audit_verdict, NULL),
	ROUTE(TB_POST, "/device", "/register", CALLER, TB_BODY_SMALL,
	      tb_devices_post_register, NULL),
	SOCKET(TB_GET, NO_BODY, tb_devices_get_socket),
	SOCKET(TB_POST, TB_BODY_MESSAGE, tb_devices_post_socket),
	/* The protocol's own words for these, where a 405 would be ours. */
	SOCKET(TB_PUT, TB_BODY_MESSAGE, tb_devices_post_socket),
	SOCKET(TB_PATCH, TB_BODY_MESSAGE, tb_devices_post_socket),
	SOCKET(TB_DELETE, TB_BODY_MESSAGE, tb_devices_post_socket),
};

const struct tb_api tb_devices_api = {
	.name = "devices",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.schemes = TB_AUTH_BEARER,
	.error_type = TB_JSON_TYPE,
	.put_error = tb_devices_put_error,
	.refuse = tb_devices_refuse,
	.forbid = tb_devices_forbid,
	.exposed = "Preference-Applied, X-Retry-Unsafe",
};
