/*
 * A request as an API's handler sees it: plain values, whole body, no library
 * types. Everything in it lives as long as the request's arena.
 */
#ifndef TB_HTTP_REQUEST_H
#define TB_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/principal.h"
#include "base/arena.h"
#include "base/str.h"

enum tb_method {
	TB_GET,
	TB_HEAD,
	TB_POST,
	TB_PUT,
	TB_PATCH,
	TB_DELETE,
	TB_OPTIONS,
	TB_METHOD_COUNT,
};

struct tb_header {
	struct tb_str name;
	struct tb_str value;
};

#define TB_PARAMS_MAX 4
#define TB_REQUEST_ID_MAX 64

struct tb_api;

struct tb_request {
	enum tb_method method;
	struct tb_str path;  /* as sent, without the query */
	struct tb_str query; /* as sent, without the `?`; p NULL: none */
	struct tb_str route; /* the route's pattern, for logs */
	struct tb_str params[TB_PARAMS_MAX]; /* decoded captures of the path */
	const struct tb_header *headers;
	size_t n_headers;
	struct tb_str body;    /* decompressed; empty when there is none */
	struct tb_str address; /* the client's, behind trusted proxies */
	struct tb_str id;      /* X-Request-Id of request, answer and log */
	int64_t now_us;
	const struct tb_principal *principal; /* NULL: nobody */
	const struct tb_api *api;
	struct tb_arena *arena;
};

/* The value of a header (names without regard to case); p NULL: absent. */
struct tb_str tb_request_header(const struct tb_request *req, const char *name);
/* A query parameter, percent-decoded (`+` is a space) into the arena; p NULL:
 * absent. The first one counts. INVALID: bad percent-encoding, NUL or bad
 * UTF-8 in it. */
enum tb_err tb_request_query(const struct tb_request *req, const char *name,
			     struct tb_str *ret) tb_must_check;
/* A query parameter as a number; `absent` when it is not there. INVALID: not
 * a decimal number of 64 bits, or negative. */
enum tb_err tb_request_query_u64(const struct tb_request *req, const char *name,
				 uint64_t absent, uint64_t *ret) tb_must_check;
/* True if its body is said to be JSON, or nothing is said of it: some clients
 * send no Content-Type. For routes that take any. */
bool tb_request_is_json(const struct tb_request *req);

#endif
