#include "api/jobs/caller.h"
#include "api/jobs/errors.h"
#include "api/jobs/handlers.h"
#include "api/jobs/jobs.h"
#include "base/assert.h"

static const char *const prefixes[] = { "/sync", NULL };

#define ROUTE(method_, path_, needs_, body_, handler_)                         \
	{                                                                      \
		.method = (method_), .path = (path_), .who = TB_WHO_USER,      \
		.needs = (needs_), .body = (body_), .handler = (handler_)      \
	}
#define GET(path_, needs_, handler_)                                           \
	ROUTE(TB_GET, path_, needs_, TB_BODY_NONE, handler_)
#define POST(path_, needs_, handler_)                                          \
	ROUTE(TB_POST, path_, needs_, TB_BODY_NONE, handler_)
/* "Purge, pause and resume change state by GET, because that is how this API
 * is. [...] POST does the same". */
#define CHANGING_GET(path_, needs_, handler_)                                  \
	{                                                                      \
		.method = TB_GET, .path = (path_), .who = TB_WHO_USER,         \
		.needs = (needs_), .body = TB_BODY_NONE,                       \
		.changes_state = true, .handler = (handler_)                   \
	}

/* A slash at the end may be missing. */
static const struct tb_route routes[] = {
	{ .method = TB_GET,
	  .path = "/",
	  .who = TB_WHO_ANYONE,
	  .body = TB_BODY_NONE,
	  .handler = tb_jobs_get_state },
	GET("/info/", TB_JOBS_READ, tb_jobs_get_info),
	ROUTE(TB_POST, "/queue/", TB_JOBS_UPDATE, TB_BODY_SMALL,
	      tb_jobs_post_queue),
	CHANGING_GET("/pause/{name}/", TB_JOBS_UPDATE, tb_jobs_pause),
	POST("/pause/{name}/", TB_JOBS_UPDATE, tb_jobs_pause),
	CHANGING_GET("/resume/{name}/", TB_JOBS_UPDATE, tb_jobs_resume),
	POST("/resume/{name}/", TB_JOBS_UPDATE, tb_jobs_resume),
	CHANGING_GET("/purge/", TB_JOBS_DELETE, tb_jobs_purge),
	POST("/purge/", TB_JOBS_DELETE, tb_jobs_purge),
	GET("/jobs/", TB_JOBS_READ, tb_jobs_get_list),
	GET("/jobs/{id}/", TB_JOBS_READ, tb_jobs_get_one),
	POST("/jobs/{id}/cancel/", TB_JOBS_UPDATE, tb_jobs_post_cancel),
	POST("/jobs/{id}/retry/", TB_JOBS_UPDATE, tb_jobs_post_retry),
};

const struct tb_api tb_jobs_api = {
	.name = "jobs",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.schemes = TB_AUTH_BEARER,
	.put_error = tb_jobs_put_error,
	.refuse = tb_jobs_refuse,
	.forbid = tb_jobs_forbid,
	.admit = tb_jobs_admit,
};
