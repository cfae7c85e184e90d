/*
 * Cross-origin requests (the fetch standard): which origins may read answers,
 * and what a preflight is told. Pure decisions; the pipeline acts on them.
 */
#ifndef TB_HTTP_CORS_H
#define TB_HTTP_CORS_H

#include <stdbool.h>

#include "http/request.h"
#include "http/response.h"

enum tb_cors {
	TB_CORS_SAME,    /* no Origin: no browser, or its own page */
	TB_CORS_FOREIGN, /* an origin that is not on the list */
	TB_CORS_ALLOWED,
};

/* `origin` is the header, p NULL when absent. `is_loopback_allowed`: every
 * loopback origin counts as on the list. */
enum tb_cors tb_cors_judge(struct tb_str origin, const struct tb_str *allowed,
			   size_t n_allowed, bool is_loopback_allowed);

/* True for a browser's question whether it may send a request. */
bool tb_cors_is_preflight(const struct tb_request *req);

/* Answers a preflight: 204, and for an allowed origin the grants. `methods`
 * is a mask of 1 << enum tb_method. */
enum tb_err tb_cors_answer_preflight(const struct tb_request *req,
				     enum tb_cors verdict, unsigned methods,
				     struct tb_response *res) tb_must_check;

/* The answer headers that scripts may read. */
#define TB_CORS_EXPOSED                                                        \
	"Content-Encoding, ETag, Link, Location, Retry-After, "                \
	"WWW-Authenticate, X-Request-Id"

#endif
