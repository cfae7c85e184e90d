/*
 * The small unversioned API: what a person or a probe finds at the root.
 * Answers from memory; keeps no state but whether this is the demo.
 */
#include "api/api.h"
#include "api/ops/page.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"

#define PAGE_MAX_BYTES (64 * 1024)

struct ops {
	bool is_demo;
};

static bool get_page(void *state, const struct tb_request *req,
		     struct tb_response *res)
{
	const struct ops *ops = state;
	struct tb_str host = tb_request_header(req, "Host");
	struct tb_str base;
	struct tb_buf page;
	enum tb_err err;

	err = tb_arena_printf(req->arena, &base, "http://%.*s",
			      TB_STR_ARG(host));
	if (!err)
		err = tb_response_header(res, "Content-Security-Policy",
					 TB_STR("default-src 'none'; "
						"style-src 'unsafe-inline'"));
	if (err) {
		tb_response_fail(res, req, err);
		return true;
	}
	tb_buf_init(&page, PAGE_MAX_BYTES);
	tb_ops_put_page(&page, base, ops->is_demo);
	if (tb_buf_err(&page)) {
		tb_response_fail(res, req, tb_buf_err(&page));
		tb_buf_fini(&page);
		return true;
	}
	tb_response_body(res, 200, "text/html; charset=utf-8", &page);
	return true;
}

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	(void)req;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error", error->message);
	tb_json_end_object(&w);
}

/* No route of this API takes credentials, so none are ever refused. */
static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result)
{
	(void)result;
	tb_response_error(res, req, 401, NULL, TB_STR("not authenticated"));
}

static enum tb_err create(const struct tb_api_env *env, void **ret_state)
{
	struct ops *ops = tb_calloc(1, sizeof(*ops));

	if (!ops)
		return TB_ERR_NOMEM;
	ops->is_demo = env->is_demo;
	*ret_state = ops;
	return TB_OK;
}

static void destroy(void *state)
{
	tb_free(state);
}

static const char *const prefixes[] = { "", NULL };

static const struct tb_route routes[] = {
	{ .method = TB_GET,
	  .path = "/",
	  .who = TB_WHO_ANYONE,
	  .body = TB_BODY_NONE,
	  .quick = get_page },
};

static const struct tb_api api = {
	.name = "ops",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.put_error = put_error,
	.refuse = refuse,
};

const struct tb_api_module tb_ops_module = {
	.api = &api,
	.create = create,
	.destroy = destroy,
};
