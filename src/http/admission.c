#include "http/admission.h"

#include "http/encoding.h"
#include "http/fail.h"
#include "http/method.h"

/* What is left of the connection's memory for the head of the answer. */
#define ANSWER_HEAD_BYTES 1280
/* libmicrohttpd's record of a header, a parameter or a cookie. */
#define RECORD_BYTES 64

static enum tb_step answer(struct tb_exchange *ex, unsigned status,
			   struct tb_str message)
{
	tb_response_error(&ex->res, &ex->req, status, NULL, message);
	return TB_STEP_ANSWERED;
}

static enum tb_step answer_err(struct tb_exchange *ex, enum tb_err err)
{
	tb_response_fail(&ex->res, &ex->req, err);
	return TB_STEP_ANSWERED;
}

static struct tb_str header(const struct tb_exchange *ex, const char *name)
{
	return tb_request_header(&ex->req, name);
}

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind,
				   const char *name, size_t name_n,
				   const char *value, size_t value_n)
{
	struct tb_exchange *ex = cls;

	(void)kind;
	if (ex->req.n_headers == TB_HEADERS_MAX)
		return MHD_NO;
	ex->headers[ex->req.n_headers++] = (struct tb_header) {
		.name = tb_str(name, name_n),
		.value = tb_str(value, value_n),
	};
	return MHD_YES;
}

/* True if the head leaves room for the answer's in the connection's memory,
 * without which libmicrohttpd would close without a word. */
static bool leaves_room(const struct tb_exchange *ex, size_t head_bytes)
{
	int records = MHD_get_connection_values_n(
		ex->conn,
		MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND | MHD_COOKIE_KIND, NULL,
		NULL);
	size_t used = head_bytes + (size_t)records * RECORD_BYTES +
		      header(ex, "Cookie").n;

	return ex->req.n_headers < TB_HEADERS_MAX &&
	       used + ANSWER_HEAD_BYTES <= TB_CONNECTION_BYTES;
}

static void trim_headers(struct tb_exchange *ex)
{
	size_t i;

	for (i = 0; i < ex->req.n_headers; i++)
		ex->headers[i].value = tb_str_trim(ex->headers[i].value);
}

/* RFC 9110, section 7.8: a server MUST ignore an Upgrade header field that is
 * received in an HTTP/1.0 request. */
static void ignore_upgrade(struct tb_exchange *ex)
{
	size_t i, n = 0;

	for (i = 0; i < ex->req.n_headers; i++)
		if (!tb_str_eq_nocase(ex->headers[i].name, TB_STR("Upgrade")))
			ex->headers[n++] = ex->headers[i];
	ex->req.n_headers = n;
}

/* The client may name the request itself. */
static void adopt_id(struct tb_exchange *ex)
{
	struct tb_str id = header(ex, "X-Request-Id");

	if (!tb_id_is_valid(id))
		return;
	memcpy(ex->id, id.p, id.n);
	ex->id[id.n] = '\0';
	ex->req.id.n = id.n;
}

/* Its pattern, whole where the prefix is the route's own. */
static enum tb_err note_route(struct tb_exchange *ex)
{
	const struct tb_route *route = ex->match.route;

	ex->req.route = tb_str_z(route->path);
	return route->prefix
		       ? tb_arena_printf(ex->arena, &ex->req.route, "%s%s",
					 route->prefix, route->path)
		       : TB_OK;
}

/* The path alone says whose errors these are, whatever else is wrong. */
static enum tb_err find_route(struct tb_exchange *ex)
{
	const struct tb_server *server = ex->server;
	enum tb_err err;

	err = tb_route_find(server->mounts, server->n_mounts, ex->req.method,
			    ex->req.path, ex->arena, &ex->match);
	if (err)
		return err;
	if (ex->match.mount)
		ex->req.api = ex->match.mount->api;
	memcpy(ex->req.params, ex->match.params, sizeof(ex->req.params));
	return ex->match.route ? note_route(ex) : TB_OK;
}

void tb_admit_answer_unparsed(struct tb_exchange *ex, unsigned status,
			      struct tb_str message)
{
	ex->must_close = true;
	if (find_route(ex))
		ex->req.api = &tb_exchange_no_api;
	answer(ex, status, message);
}

enum tb_step tb_admit_head(struct tb_exchange *ex, struct tb_str method,
			   const char *version)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		ex->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct tb_head head = {
		.raw = tb_str(method.p, info->header_size),
		.method = method,
		.target = ex->target,
		.version = version,
		.headers = ex->headers,
	};
	const char *flaw;
	enum tb_err err;

	ex->method = method;
	ex->req.method = tb_method_parse(method);
	MHD_get_connection_values_n(ex->conn, MHD_HEADER_KIND, note_header, ex);
	head.n_headers = ex->req.n_headers;
	err = find_route(ex);
	adopt_id(ex);
	if (!leaves_room(ex, info->header_size)) {
		ex->must_close = true;
		return answer(ex, 431, TB_STR("the headers are too large"));
	}
	flaw = tb_hygiene_check(&head, &ex->framing);
	if (flaw) {
		ex->must_close = true;
		return answer(ex, 400, tb_str_z(flaw));
	}
	trim_headers(ex);
	if (strcmp(version, "HTTP/1.0") == 0)
		ignore_upgrade(ex);
	return err ? answer_err(ex, err) : TB_STEP_ON;
}

/* True if this machine alone is answered: by the whole server, or by the API
 * that the request is for. */
static bool is_loopback_only(const struct tb_exchange *ex)
{
	const struct tb_mount *mount = ex->match.mount;

	return ex->server->options.loopback_only ||
	       (mount && mount->loopback_only);
}

/* What the reloadable options say of this request. */
static enum tb_err apply_policy(struct tb_exchange *ex)
{
	struct tb_server *server = ex->server;
	const struct tb_policy *policy = &server->policy;
	bool loopback_only = is_loopback_only(ex);
	struct tb_ip client;

	pthread_rwlock_rdlock(&server->policy_lock);
	ex->cors = tb_cors_judge(header(ex, "Origin"), policy->origins,
				 policy->n_origins, loopback_only);
	ex->varies_by_origin = policy->n_origins > 0 || loopback_only;
	if (policy->n_proxies > 0) {
		client = tb_address_client(&ex->link->peer, policy->proxies,
					   policy->n_proxies, ex->headers,
					   ex->req.n_headers);
		ex->req.address.p = ex->address;
		ex->req.address.n = tb_ip_format(&client, ex->address);
	}
	pthread_rwlock_unlock(&server->policy_lock);
	if (ex->cors != TB_CORS_ALLOWED)
		return TB_OK;
	return tb_arena_strdup(ex->arena, header(ex, "Origin"), &ex->origin);
}

/* Where nobody says who they are, or as in a demo with a password that is known
 * to all, it must not be reachable through a proxy, through a name that an
 * attacker's DNS gave to this machine, or from a page of another site. */
static const char *loopback_flaw(const struct tb_exchange *ex)
{
	if (tb_address_is_forwarded(ex->headers, ex->req.n_headers))
		return "this server does not answer through a proxy";
	if (!tb_address_host_is_loopback(header(ex, "Host")))
		return "this server answers only to localhost";
	if (ex->cors == TB_CORS_FOREIGN)
		return "this server does not answer pages of other sites";
	return NULL;
}

static enum tb_step answer_405(struct tb_exchange *ex)
{
	struct tb_str allow;
	enum tb_err err;

	err = tb_method_list(ex->arena, ex->match.methods, &allow);
	if (!err)
		err = tb_response_header(&ex->res, "Allow", allow);
	if (err)
		return answer_err(ex, err);
	return answer(ex, 405, TB_STR("this path does not take that method"));
}

static enum tb_step answer_preflight(struct tb_exchange *ex)
{
	enum tb_err err = tb_cors_answer_preflight(&ex->req, ex->cors,
						   ex->match.methods, &ex->res);

	return err ? answer_err(ex, err) : TB_STEP_ANSWERED;
}

enum tb_step tb_admit_route(struct tb_exchange *ex)
{
	const char *flaw = NULL;
	enum tb_err err = apply_policy(ex);

	if (err)
		return answer_err(ex, err);
	if (is_loopback_only(ex))
		flaw = loopback_flaw(ex);
	if (flaw)
		return answer(ex, 403, tb_str_z(flaw));
	switch (ex->match.match) {
	case TB_MATCH_NONE:
	case TB_MATCH_PATH:
		return answer(ex, 404, TB_STR("not found"));
	case TB_MATCH_METHOD:
		if (tb_cors_is_preflight(&ex->req))
			return answer_preflight(ex);
		return answer_405(ex);
	case TB_MATCH_NO_TEXT:
		return answer_err(ex, TB_ERR_INVALID);
	case TB_MATCH_ROUTE:
		break;
	}
	return TB_STEP_ON;
}

/* Known, and of no kind that the route is for. */
static enum tb_step answer_forbidden(struct tb_exchange *ex)
{
	if (!ex->req.api->forbid)
		return answer(ex, 403, TB_STR("not permitted for this caller"));
	ex->req.api->forbid(&ex->req, &ex->res, ex->match.route->who);
	return TB_STEP_ANSWERED;
}

/* Known, and of the right kind: the rest is the API's. */
static enum tb_step admit_by_api(struct tb_exchange *ex)
{
	const struct tb_api *api = ex->req.api;

	if (!api->admit ||
	    api->admit(&ex->req, &ex->res, ex->match.route->needs))
		return TB_STEP_ON;
	return TB_STEP_ANSWERED;
}

/* Whom the route is for. */
static unsigned route_who(const struct tb_exchange *ex)
{
	unsigned who = ex->match.route->who;

	if (ex->match.mount->callers_only && who != TB_WHO_ANYONE)
		who &= ~(unsigned)TB_WHO_ANYONE;
	return who;
}

enum tb_step tb_admit_caller(struct tb_exchange *ex, bool may_block)
{
	unsigned who = route_who(ex);
	struct tb_credentials credentials = {
		.schemes = ex->req.api->schemes,
		.authorization = header(ex, "Authorization"),
		.hardware = header(ex, "msupply-site-uuid"),
		.address = ex->req.address,
		.now_us = ex->req.now_us,
	};
	struct tb_auth_result result;

	if (who == TB_WHO_ANYONE ||
	    ((who & TB_WHO_ANYONE) && !credentials.authorization.p))
		return TB_STEP_ON;
	result = tb_auth_check(ex->server->auth, &credentials, may_block);
	switch (result.outcome) {
	case TB_AUTH_OK:
		ex->req.principal = result.principal;
		if (!(who & TB_WHO_ANYONE) &&
		    !tb_principal_is(result.principal, who))
			return answer_forbidden(ex);
		return admit_by_api(ex);
	case TB_AUTH_REFUSED:
		ex->req.api->refuse(&ex->req, &ex->res, &result);
		return TB_STEP_ANSWERED;
	case TB_AUTH_WOULD_BLOCK:
		break;
	}
	return TB_STEP_BLOCKS;
}

bool tb_admit_expects_body(const struct tb_exchange *ex)
{
	return ex->framing.kind == TB_FRAMING_CHUNKED ||
	       (ex->framing.kind == TB_FRAMING_LENGTH &&
		ex->framing.length_bytes > 0);
}

static uint64_t body_ceiling(const struct tb_exchange *ex)
{
	const struct tb_server_options *options = &ex->server->options;

	switch (ex->match.route->body) {
	case TB_BODY_NONE:
	case TB_BODY_SMALL:
		break;
	case TB_BODY_MESSAGE:
		return TB_BODY_MESSAGE_BYTES;
	case TB_BODY_LARGE:
		return options->body_max_bytes;
	}
	return options->body_small_bytes;
}

static enum tb_step answer_413(struct tb_exchange *ex)
{
	struct tb_str message;
	enum tb_err err;

	err = tb_arena_printf(ex->arena, &message,
			      "the body is over the limit of %llu bytes",
			      (unsigned long long)body_ceiling(ex));
	if (err)
		return answer_err(ex, err);
	return answer(ex, 413, message);
}

static enum tb_step answer_coding(struct tb_exchange *ex)
{
	enum tb_err err =
		tb_response_header(&ex->res, "Accept-Encoding", TB_STR("gzip"));

	if (err)
		return answer_err(ex, err);
	return answer(ex, 415, TB_STR("a body comes as it is, or as gzip"));
}

enum tb_step tb_admit_body(struct tb_exchange *ex)
{
	const struct tb_route *route = ex->match.route;
	enum tb_coding coding = tb_encoding_of(header(ex, "Content-Encoding"));
	uint64_t max_bytes = body_ceiling(ex);
	enum tb_err err;

	if (!tb_admit_expects_body(ex))
		return TB_STEP_ON;
	if (ex->framing.length_bytes > max_bytes)
		return answer_413(ex);
	if (route->body != TB_BODY_NONE && coding == TB_CODING_OTHER)
		return answer_coding(ex);
	if (route->body != TB_BODY_NONE && !route->any_content_type &&
	    !tb_encoding_is_json(header(ex, "Content-Type")))
		return answer(ex, 415,
			      TB_STR("the body must be application/json"));
	if (!tb_budget_has(&ex->server->budget, ex->framing.length_bytes))
		return answer_err(ex, TB_ERR_BUSY);
	err = tb_body_init(&ex->body, &ex->server->budget, max_bytes,
			   coding == TB_CODING_GZIP,
			   route->body == TB_BODY_NONE);
	return err ? answer_err(ex, err) : TB_STEP_ON;
}

void tb_admit_answer_bad_body(struct tb_exchange *ex, enum tb_err err)
{
	if (err == TB_ERR_TOO_LARGE)
		answer_413(ex);
	else if (err == TB_ERR_INVALID)
		answer(ex, 400, TB_STR("the body is not valid gzip"));
	else
		answer_err(ex, err);
}
