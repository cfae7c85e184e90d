/*
 * What an API is to the server: a name, path prefixes, a table of routes and
 * the shape of its errors. One const struct for each API, listed in
 * api/apis.def. The router knows no API.
 */
#ifndef TB_HTTP_ROUTE_H
#define TB_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/auth.h"
#include "http/request.h"
#include "http/response.h"

/* Body ceilings of a route. */
enum tb_body_class {
	TB_BODY_NONE,
	TB_BODY_SMALL,   /* 64 KiB */
	TB_BODY_MESSAGE, /* what a realtime client posts at once */
	TB_BODY_LARGE,   /* the configured one */
};
#define TB_BODY_MESSAGE_BYTES (1u << 20)

/* Answers a request; may block; runs on a worker. `state` is the API's. */
typedef void tb_handler_fn(void *state, const struct tb_request *req,
			   struct tb_response *res);
/* Answers from memory, never blocks, runs on an I/O thread. False: it cannot,
 * nothing was touched, and the handler is to run on a worker. */
typedef bool tb_quick_fn(void *state, const struct tb_request *req,
			 struct tb_response *res);

struct tb_route {
	enum tb_method method;
	/* Behind the prefix. "{name}" captures a segment; a "/" at the end may
	 * be missing in a request's path. */
	const char *path;
	unsigned who; /* enum tb_who */
	enum tb_body_class body;
	bool any_content_type;  /* a body need not say application/json */
	bool changes_state;     /* a GET that is no question: HEAD, which asks
				 * what it would say, does not find it */
	unsigned needs;         /* what the caller has to be permitted, in the
				 * API's own words, for its `admit` */
	tb_handler_fn *handler; /* NULL: quick always answers */
	tb_quick_fn *quick;     /* NULL: none */
	const char *prefix; /* the only one of the API's that it is below; NULL:
			     * it is below each */
};

/* What an error body is made of. `code` and `message` are never NULL. */
struct tb_http_error {
	unsigned status;
	const char *code;
	struct tb_str message;
	struct tb_str data; /* JSON, or p NULL */
};

struct tb_api {
	const char *name;
	const char *const *prefixes; /* NULL-terminated */
	const struct tb_route *routes;
	size_t n_routes;
	unsigned schemes;       /* enum tb_auth_scheme */
	const char *error_type; /* the media type of its errors; NULL:
				 * TB_JSON_UTF8_TYPE */
	/* Writes the body of an error in the API's shape to `buf`. */
	void (*put_error)(struct tb_buf *buf, const struct tb_request *req,
			  const struct tb_http_error *error);
	/* Turns refused credentials into an answer: status, code, text and
	 * headers (WWW-Authenticate, Retry-After). */
	void (*refuse)(const struct tb_request *req, struct tb_response *res,
		       const struct tb_auth_result *result);
	/* Answers a caller who is known (req->principal) and is none of those
	 * that the route is for: its `who`. NULL: 403. */
	void (*forbid)(const struct tb_request *req, struct tb_response *res,
		       unsigned who);
	/* Whether a caller who is known and of the right kind may do what a
	 * route `needs`; false: it is answered. Before the body is taken, and
	 * again behind it; from memory. NULL: it may. */
	bool (*admit)(const struct tb_request *req, struct tb_response *res,
		      unsigned needs);
	/* The API's own answer headers that scripts of other origins may read,
	 * by commas. NULL: none beside those of every API. */
	const char *exposed;
};

/* An API and the state that its handlers get; made by app/wiring. */
struct tb_mount {
	const struct tb_api *api;
	void *state;
	/* What tb_server_options.loopback_only refuses for all is refused for
	 * this one. */
	bool loopback_only;
	/* Its routes are for nobody without credentials, but for those that
	 * are for TB_WHO_ANYONE alone. */
	bool callers_only;
};

enum tb_match {
	TB_MATCH_NONE,    /* no API has this path's prefix */
	TB_MATCH_PATH,    /* an API, but no route: 404 in its shape */
	TB_MATCH_METHOD,  /* a path of its, not by this method: 405 */
	TB_MATCH_NO_TEXT, /* what a route would capture is no text: 400 */
	TB_MATCH_ROUTE,
};

struct tb_match_result {
	enum tb_match match;
	const struct tb_mount *mount;
	const struct tb_route *route;
	unsigned methods; /* METHOD: mask of 1 << enum tb_method, for Allow */
	struct tb_str params[TB_PARAMS_MAX];
};

/* Finds the route of a path. Of the APIs below the longest prefix that fits
 * only those routes count, for METHOD too, whose pattern is the most specific:
 * segment by segment a literal one goes before a capture. HEAD finds the GET
 * route when there is no HEAD one, unless it changes something. Pure; captures
 * are percent-decoded into the arena. NOMEM. */
enum tb_err tb_route_find(const struct tb_mount *mounts, size_t n_mounts,
			  enum tb_method method, struct tb_str path,
			  struct tb_arena *arena,
			  struct tb_match_result *ret) tb_must_check;

#endif
