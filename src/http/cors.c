#include "http/cors.h"

#include "http/address.h"
#include "http/method.h"

/* How long a browser may remember a preflight, in seconds. */
#define PREFLIGHT_MAX_AGE "600"
/* Of the header names that a preflight asks for and gets granted. */
#define REQUESTED_HEADERS_MAX 512

enum tb_cors tb_cors_judge(struct tb_str origin, const struct tb_str *allowed,
			   size_t n_allowed, bool is_loopback_allowed)
{
	size_t i;

	if (!origin.p)
		return TB_CORS_SAME;
	for (i = 0; i < n_allowed; i++)
		if (tb_str_eq_nocase(origin, allowed[i]))
			return TB_CORS_ALLOWED;
	if (is_loopback_allowed && tb_address_origin_is_loopback(origin))
		return TB_CORS_ALLOWED;
	return TB_CORS_FOREIGN;
}

bool tb_cors_is_preflight(const struct tb_request *req)
{
	return req->method == TB_OPTIONS &&
	       tb_request_header(req, "Origin").p &&
	       tb_request_header(req, "Access-Control-Request-Method").p;
}

static enum tb_err grant(const struct tb_request *req, unsigned methods,
			 struct tb_response *res)
{
	struct tb_str wanted =
		tb_request_header(req, "Access-Control-Request-Headers");
	struct tb_str list;
	enum tb_err err;

	err = tb_method_list(req->arena, methods, &list);
	if (!err)
		err = tb_response_header(res, "Access-Control-Allow-Methods",
					 list);
	if (!err && wanted.n > 0 && wanted.n <= REQUESTED_HEADERS_MAX)
		err = tb_response_header(res, "Access-Control-Allow-Headers",
					 wanted);
	if (!err)
		err = tb_response_header(res, "Access-Control-Max-Age",
					 TB_STR(PREFLIGHT_MAX_AGE));
	return err;
}

enum tb_err tb_cors_answer_preflight(const struct tb_request *req,
				     enum tb_cors verdict, unsigned methods,
				     struct tb_response *res)
{
	tb_response_empty(res, 204);
	if (verdict != TB_CORS_ALLOWED)
		return TB_OK;
	return grant(req, methods, res);
}
