#include "api/jobs/errors.h"
#include "api/jobs/handlers.h"
#include "api/jobs/jobs.h"
#include "base/assert.h"

static const char *const prefixes[] = { "/sync", NULL };

#define ROUTE(method_, path_, who_, body_, handler_)                           \
	{                                                                      \
		.method = (method_), .path = (path_), .who = (who_),           \
		.body = (body_), .handler = (handler_)                         \
	}
/* "Purge, pause and resume change state by GET, because that is how this API
 * is. [...] POST does the same". */
#define CHANGE(path_, handler_)                                                \
	{ .method = TB_GET,                                                    \
	  .path = (path_),                                                     \
	  .who = TB_WHO_USER,                                                  \
	  .body = TB_BODY_NONE,                                                \
	  .changes_state = true,                                               \
	  .handler = (handler_) },                                             \
		ROUTE(TB_POST, path_, TB_WHO_USER, TB_BODY_NONE, handler_)
#define USER TB_WHO_USER
#define NO_BODY TB_BODY_NONE

static const struct tb_route routes[] = {
	ROUTE(TB_GET, "/", TB_WHO_ANYONE, NO_BODY, tb_jobs_get_state),
	ROUTE(TB_GET, "/info", USER, NO_BODY, tb_jobs_get_info),
	ROUTE(TB_POST, "/queue", USER, TB_BODY_SMALL, tb_jobs_post_queue),
	CHANGE("/pause/{name}", tb_jobs_pause),
	CHANGE("/resume/{name}", tb_jobs_resume),
	CHANGE("/purge", tb_jobs_purge),
	ROUTE(TB_GET, "/jobs", USER, NO_BODY, tb_jobs_get_list),
	ROUTE(TB_GET, "/jobs/{id}", USER, NO_BODY, tb_jobs_get_one),
	ROUTE(TB_POST, "/jobs/{id}/cancel", USER, NO_BODY, tb_jobs_post_cancel),
	ROUTE(TB_POST, "/jobs/{id}/retry", USER, NO_BODY, tb_jobs_post_retry),
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
};
