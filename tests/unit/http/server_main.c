/*
 * A server for the tests: a few routes that show what the pipeline does.
 * Options come as name=value arguments. Prints "port N" when it listens, one
 * JSON line for each finished request, and "stopped REFS" at its end, where
 * REFS counts the principals that somebody forgot to give back.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"
#include "fake_auth.h"
#include "http/server.h"
#include "server_later.h"
#include "server_sources.h"

#define BODY_MAX (256u << 20)
#define LIST_MAX 8
#define BLOB_BYTES (200 * 1024)

struct state {
	struct tb_blob *small;
	struct tb_blob *large;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned n_waiting;
	bool is_open; /* the gate at which /wait waits */
};

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	(void)req;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "code", tb_str_z(error->code));
	tb_json_kv_str(&w, "message", error->message);
	tb_json_end_object(&w);
}

static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result)
{
	tb_response_error(res, req, 401,
			  result->failure == TB_AUTH_MISSING ? "missing"
							     : "wrong",
			  TB_STR("who are you?"));
	if (tb_response_header(res, "WWW-Authenticate", TB_STR("Basic")))
		tb_response_fail(res, req, TB_ERR_NOMEM);
}

static void answer(const struct tb_request *req, struct tb_response *res,
		   struct tb_buf *buf)
{
	if (tb_buf_err(buf)) {
		tb_response_fail(res, req, tb_buf_err(buf));
		tb_buf_fini(buf);
	} else {
		tb_response_body(res, 200, TB_JSON_TYPE, buf);
	}
}

/* Answers with one JSON string member for each pair of arguments. */
static void answer_pairs(const struct tb_request *req, struct tb_response *res,
			 const struct tb_header *pairs, size_t n)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);
	size_t i;

	tb_buf_init(&buf, BODY_MAX);
	tb_json_begin_object(&w);
	for (i = 0; i < n; i++) {
		tb_json_key(&w, pairs[i].name);
		if (pairs[i].value.p)
			tb_json_str(&w, pairs[i].value);
		else
			tb_json_null(&w);
	}
	tb_json_end_object(&w);
	answer(req, res, &buf);
}

static bool get_const(void *state, const struct tb_request *req,
		      struct tb_response *res)
{
	struct state *s = state;

	(void)req;
	tb_response_blob(res, 200, TB_JSON_TYPE, tb_blob_ref(s->small), false);
	return true;
}

static bool get_blob(void *state, const struct tb_request *req,
		     struct tb_response *res)
{
	struct state *s = state;

	if (tb_response_header(res, "Cache-Control", TB_STR("max-age=5")))
		tb_response_fail(res, req, TB_ERR_NOMEM);
	tb_response_blob(res, 200, TB_JSON_TYPE, tb_blob_ref(s->large), false);
	return true;
}

static void worker_const(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	get_const(state, req, res);
}

static bool never_quick(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	(void)state;
	(void)req;
	(void)res;
	return false;
}

static void echo(void *state, const struct tb_request *req,
		 struct tb_response *res)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BODY_MAX);
	tb_buf_append_str(&buf, req->body);
	answer(req, res, &buf);
}

static void length(void *state, const struct tb_request *req,
		   struct tb_response *res)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BODY_MAX);
	tb_buf_append_u64(&buf, req->body.n);
	answer(req, res, &buf);
}

static void big(void *state, const struct tb_request *req,
		struct tb_response *res)
{
	struct tb_buf buf;
	uint64_t n;

	(void)state;
	if (tb_request_query_u64(req, "n", 0, &n)) {
		tb_response_fail(res, req, TB_ERR_INVALID);
		return;
	}
	tb_buf_init(&buf, BODY_MAX);
	while (buf.n < n && !tb_buf_err(&buf))
		tb_buf_append_char(&buf, (char)('a' + buf.n % 7));
	answer(req, res, &buf);
}

static void params(void *state, const struct tb_request *req,
		   struct tb_response *res)
{
	const struct tb_header pairs[] = {
		{ TB_STR("id"), req->params[0] },
		{ TB_STR("name"), req->params[1] },
		{ TB_STR("route"), req->route },
		{ TB_STR("path"), req->path },
	};

	(void)state;
	answer_pairs(req, res, pairs, TB_ARRAY_LEN(pairs));
}

static void query(void *state, const struct tb_request *req,
		  struct tb_response *res)
{
	struct tb_header pairs[] = { { TB_STR("x"), TB_STR_NONE } };

	(void)state;
	if (tb_request_query(req, "x", &pairs[0].value))
		tb_response_fail(res, req, TB_ERR_INVALID);
	else
		answer_pairs(req, res, pairs, TB_ARRAY_LEN(pairs));
}

static void whoami(void *state, const struct tb_request *req,
		   struct tb_response *res)
{
	const struct tb_header pairs[] = {
		{ TB_STR("address"), req->address },
		{ TB_STR("name"),
		  req->principal ? req->principal->name : TB_STR_NONE },
	};

	(void)state;
	answer_pairs(req, res, pairs, TB_ARRAY_LEN(pairs));
}

static void wait_at_gate(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	struct state *s = state;

	pthread_mutex_lock(&s->lock);
	s->n_waiting++;
	while (!s->is_open)
		pthread_cond_wait(&s->changed, &s->lock);
	s->n_waiting--;
	pthread_mutex_unlock(&s->lock);
	length(state, req, res);
}

static bool set_gate(void *state, const struct tb_request *req,
		     struct tb_response *res)
{
	struct state *s = state;

	pthread_mutex_lock(&s->lock);
	s->is_open = tb_str_ends(req->path, TB_STR("open"));
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	tb_response_empty(res, 204);
	return true;
}

static bool get_waiting(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	struct state *s = state;
	struct tb_buf buf;

	(void)req;
	tb_buf_init(&buf, BODY_MAX);
	pthread_mutex_lock(&s->lock);
	tb_buf_append_u64(&buf, s->n_waiting);
	pthread_mutex_unlock(&s->lock);
	answer(req, res, &buf);
	return true;
}

static void fail(void *state, const struct tb_request *req,
		 struct tb_response *res)
{
	uint64_t err;

	(void)state;
	if (tb_request_query_u64(req, "err", 0, &err) || err == 0 ||
	    err >= TB_ERR_COUNT)
		err = TB_ERR_INVALID;
	tb_response_fail(res, req, (enum tb_err)err);
}

/* From now on the n-th allocation of this thread fails, once. */
static void fail_allocation(void *state, const struct tb_request *req,
			    struct tb_response *res)
{
	uint64_t n;

	(void)state;
	tb_response_empty(res, 204);
	if (!tb_request_query_u64(req, "n", 0, &n))
		tb_alloc_fail_at(n);
}

static bool fail_allocation_quickly(void *state, const struct tb_request *req,
				    struct tb_response *res)
{
	fail_allocation(state, req, res);
	return true;
}

#define ANYONE TB_WHO_ANYONE
static const struct tb_route routes[] = {
	{ TB_GET, "/const", ANYONE, TB_BODY_NONE, .quick = get_const },
	{ TB_GET, "/worker", ANYONE, TB_BODY_NONE, .handler = worker_const },
	{ TB_GET, "/maybe", ANYONE, TB_BODY_NONE, .quick = never_quick,
	  .handler = worker_const },
	{ TB_GET, "/blob", ANYONE, TB_BODY_NONE, .quick = get_blob },
	{ TB_GET, "/big", ANYONE, TB_BODY_NONE, .handler = big },
	{ TB_POST, "/echo", ANYONE, TB_BODY_LARGE, .handler = echo },
	{ TB_POST, "/small", ANYONE, TB_BODY_SMALL, .handler = length },
	{ TB_POST, "/message", ANYONE, TB_BODY_MESSAGE, .handler = length },
	{ TB_POST, "/any", ANYONE, TB_BODY_LARGE, true, .handler = length },
	{ TB_POST, "/private", TB_WHO_USER, TB_BODY_LARGE, .handler = length },
	{ TB_GET, "/user", TB_WHO_USER, TB_BODY_NONE, .handler = whoami },
	{ TB_GET, "/site", TB_WHO_SITE, TB_BODY_NONE, .handler = whoami },
	{ TB_GET, "/optional", ANYONE | TB_WHO_USER, TB_BODY_NONE,
	  .handler = whoami },
	{ TB_GET, "/whoami", ANYONE, TB_BODY_NONE, .handler = whoami },
	{ TB_GET, "/items/{id}/{name}", ANYONE, TB_BODY_NONE,
	  .handler = params },
	{ TB_DELETE, "/items/{id}/{name}", ANYONE, TB_BODY_NONE,
	  .handler = params },
	{ TB_GET, "/query", ANYONE, TB_BODY_NONE, .handler = query },
	{ TB_GET, "/wait", ANYONE, TB_BODY_NONE, .handler = wait_at_gate },
	{ TB_POST, "/wait", ANYONE, TB_BODY_LARGE, .handler = wait_at_gate },
	{ TB_GET, "/waiting", ANYONE, TB_BODY_NONE, .quick = get_waiting },
	{ TB_GET, "/gate/open", ANYONE, TB_BODY_NONE, .quick = set_gate },
	{ TB_GET, "/gate/shut", ANYONE, TB_BODY_NONE, .quick = set_gate },
	{ TB_GET, "/fail_io", ANYONE, TB_BODY_NONE,
	  .quick = fail_allocation_quickly },
	{ TB_GET, "/fail_worker", ANYONE, TB_BODY_NONE,
	  .handler = fail_allocation },
	{ TB_GET, "/fail", ANYONE, TB_BODY_NONE, .handler = fail },
	{ TB_GET, "/source", ANYONE, TB_BODY_NONE, .handler = sources_get },
	{ TB_POST, "/source", ANYONE, TB_BODY_LARGE, .handler = sources_get },
	{ TB_GET, "/source/quick", ANYONE, TB_BODY_NONE, .handler = sources_get,
	  .quick = sources_get_quick },
	{ TB_GET, "/source/counts", ANYONE, TB_BODY_NONE,
	  .quick = sources_get_counts },
	{ TB_GET, "/source/open", ANYONE, TB_BODY_NONE,
	  .quick = sources_open_gate },
	{ TB_GET, "/later", ANYONE | TB_WHO_USER, TB_BODY_NONE,
	  .quick = later_answer_quick },
	{ TB_POST, "/later", ANYONE | TB_WHO_USER, TB_BODY_LARGE,
	  .quick = later_answer_quick },
	{ TB_GET, "/later/worker", ANYONE, TB_BODY_NONE,
	  .handler = later_answer },
	{ TB_POST, "/later/worker", ANYONE, TB_BODY_LARGE, .quick = never_quick,
	  .handler = later_answer },
	{ TB_GET, "/later/at-once", ANYONE | TB_WHO_USER, TB_BODY_NONE,
	  .quick = later_answer_at_once },
	{ TB_POST, "/later/at-once", ANYONE | TB_WHO_USER, TB_BODY_LARGE,
	  .quick = later_answer_at_once },
	{ TB_GET, "/later/late", ANYONE, TB_BODY_NONE,
	  .handler = later_answer_late },
	{ TB_GET, "/later/instead", ANYONE, TB_BODY_NONE,
	  .quick = later_answer_instead },
	{ TB_GET, "/later/release", ANYONE, TB_BODY_NONE,
	  .quick = later_release },
	{ TB_GET, "/later/counts", ANYONE, TB_BODY_NONE,
	  .quick = later_get_counts },
	{ TB_GET, "/take", ANYONE | TB_WHO_USER, TB_BODY_NONE,
	  .quick = later_take_quick },
	{ TB_POST, "/take", ANYONE | TB_WHO_USER, TB_BODY_LARGE,
	  .quick = later_take_quick },
	{ TB_GET, "/take/worker", ANYONE, TB_BODY_NONE, .handler = later_take },
	{ TB_GET, "/take/later", ANYONE, TB_BODY_NONE,
	  .quick = later_take_later },
};

static const char *const prefixes[] = { "/t", NULL };

static const struct tb_api api = {
	.name = "test",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.schemes = TB_AUTH_BASIC_SITE | TB_AUTH_BEARER,
	.put_error = put_error,
	.refuse = refuse,
};

static void forbid(const struct tb_request *req, struct tb_response *res,
		   unsigned who)
{
	(void)who;
	tb_response_error(res, req, 403, "not_yours", TB_STR("who are you?"));
}

/* Who may, says so. */
static bool admit(const struct tb_request *req, struct tb_response *res,
		  unsigned needs)
{
	if (needs == 0 || tb_request_header(req, "X-May").p)
		return true;
	tb_response_error(res, req, 403, "may_not", TB_STR("may you?"));
	return false;
}

/* One that answers those whom it does not serve itself, and has headers of its
 * own. */
static const struct tb_route own_routes[] = {
	{ TB_GET, "/user", TB_WHO_USER, TB_BODY_NONE, .handler = whoami },
	{ TB_POST, "/needs", TB_WHO_USER, TB_BODY_LARGE, .needs = 1,
	  .handler = length },
};
static const char *const own_prefixes[] = { "/own", NULL };
static const struct tb_api own_api = {
	.name = "own",
	.prefixes = own_prefixes,
	.routes = own_routes,
	.n_routes = TB_ARRAY_LEN(own_routes),
	.schemes = TB_AUTH_BEARER,
	.put_error = put_error,
	.refuse = refuse,
	.forbid = forbid,
	.admit = admit,
	.exposed = "X-One, X-Two",
};

/* One for this machine alone. */
static const struct tb_route local_routes[] = {
	{ TB_GET, "/const", ANYONE, TB_BODY_NONE, .quick = get_const },
};
static const char *const local_prefixes[] = { "/local", NULL };
static const struct tb_api local_api = {
	.name = "local",
	.prefixes = local_prefixes,
	.routes = local_routes,
	.n_routes = TB_ARRAY_LEN(local_routes),
	.schemes = TB_AUTH_BEARER,
	.put_error = put_error,
	.refuse = refuse,
};

static void print_access(void *ctx, const struct tb_access *access)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)ctx;
	tb_buf_init(&buf, BODY_MAX);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "id", access->request_id);
	tb_json_kv_str(&w, "route", access->route);
	tb_json_kv_str(&w, "method", access->method);
	tb_json_kv_str(&w, "address", access->address);
	tb_json_kv_uint(&w, "status", access->status);
	tb_json_kv_str(&w, "code", tb_str_z(access->error_code));
	tb_json_kv_uint(&w, "in", access->bytes_in);
	tb_json_kv_uint(&w, "out", access->bytes_out);
	tb_json_kv_bool(&w, "aborted", access->aborted);
	tb_json_kv_bool(&w, "parsed", access->req != NULL);
	tb_json_end_object(&w);
	printf("%.*s\n", TB_STR_ARG(tb_buf_str(&buf)));
	fflush(stdout);
	tb_buf_fini(&buf);
}

/* The options that come as name=value. */
struct settings {
	struct tb_server_options options;
	const char *origins[LIST_MAX + 1];
	const char *proxies[LIST_MAX + 1];
	size_t n_origins;
	size_t n_proxies;
	bool quiet;
	bool is_late; /* who answers later is told to only by USR1, when the
		       * server stops already */
};

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} numbers[] = {
#define NUMBER(field)                                                          \
	{                                                                      \
#field, offsetof(struct tb_server_options, field),             \
			sizeof(((struct tb_server_options *)NULL)->field)      \
	}
	NUMBER(workers),
	NUMBER(queue_max),
	NUMBER(connections_max),
	NUMBER(idle_timeout_s),
	NUMBER(reader_min_bytes_per_s),
	NUMBER(request_timeout_s),
	NUMBER(body_small_bytes),
	NUMBER(body_max_bytes),
	NUMBER(memory_max_bytes),
	NUMBER(drain_timeout_ms),
	NUMBER(loopback_only),
#undef NUMBER
};

static bool set_number(struct tb_server_options *options, struct tb_str name,
		       const char *value)
{
	unsigned long long number = strtoull(value, NULL, 10);
	size_t i;

	for (i = 0; i < TB_ARRAY_LEN(numbers); i++) {
		char *at = (char *)options + numbers[i].offset;

		if (!tb_str_eq(name, tb_str_z(numbers[i].name)))
			continue;
		/* Little-endian, as all machines that this is run on. */
		memcpy(at, &number, numbers[i].size);
		return true;
	}
	return false;
}

static bool set(struct settings *s, const char *arg)
{
	struct tb_str rest = tb_str_z(arg);
	struct tb_str name = tb_str_cut(&rest, '=');

	if (!rest.p)
		return false;
	if (tb_str_eq(name, TB_STR("listen")))
		s->options.listen = rest.p;
	else if (tb_str_eq(name, TB_STR("origin")) && s->n_origins < LIST_MAX)
		s->origins[s->n_origins++] = rest.p;
	else if (tb_str_eq(name, TB_STR("proxy")) && s->n_proxies < LIST_MAX)
		s->proxies[s->n_proxies++] = rest.p;
	else if (tb_str_eq(name, TB_STR("quiet")))
		s->quiet = true;
	else if (tb_str_eq(name, TB_STR("late")))
		s->is_late = true;
	else
		return set_number(&s->options, name, rest.p);
	return true;
}

static void init_state(struct state *state)
{
	struct tb_buf buf;

	pthread_mutex_init(&state->lock, NULL);
	pthread_cond_init(&state->changed, NULL);
	tb_buf_init(&buf, BODY_MAX);
	tb_buf_append_z(&buf, "{\"ok\":true}");
	state->small = tb_blob_create(&buf);
	while (buf.n < BLOB_BYTES)
		tb_buf_append_z(&buf, "0123456789abcde\n");
	state->large = tb_blob_create(&buf);
}

/* Until TERM or INT; HUP replaces the origins. */
static void serve(struct tb_server *server, struct settings *s,
		  const sigset_t *signals)
{
	int number;

	while (sigwait(signals, &number) == 0 && number == SIGHUP) {
		s->origins[0] = "https://reloaded.example";
		s->origins[1] = NULL;
		if (tb_server_reload(server, &s->options))
			printf("reload failed\n");
		else
			printf("reloaded\n");
		fflush(stdout);
	}
}

static void *quiesce_late(void *signals)
{
	int number;

	while (sigwait(signals, &number) == 0 && number != SIGUSR1)
		continue;
	later_quiesce();
	return NULL;
}

static void stop(struct tb_server *server, const struct settings *s,
		 sigset_t *signals)
{
	pthread_t late;

	if (!s->is_late)
		later_quiesce();
	else if (pthread_create(&late, NULL, quiesce_late, signals) != 0)
		abort();
	tb_server_stop(server);
	if (s->is_late)
		pthread_join(late, NULL);
}

int main(int argc, char **argv)
{
	struct settings s = { .options = tb_server_default_options };
	struct state state = { .is_open = false };
	struct tb_mount mounts[] = {
		{ &api, &state },
		{ &own_api, &state },
		{ &local_api, &state, .loopback_only = true },
	};
	struct rlimit files = { 16384, 16384 };
	struct tb_auth auth = { 0 };
	struct tb_server *server;
	sigset_t signals;
	enum tb_err err;
	int i;

	s.options.listen = "127.0.0.1:0";
	for (i = 1; i < argc; i++) {
		if (!set(&s, argv[i])) {
			fprintf(stderr, "bad argument: %s\n", argv[i]);
			return 2;
		}
	}
	s.options.origins = s.origins;
	s.options.trusted_proxies = s.proxies;
	s.options.on_access = s.quiet ? NULL : print_access;
	setrlimit(RLIMIT_NOFILE, &files);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	init_state(&state);
	later_init();
	err = tb_server_start(&s.options, &auth, mounts, TB_ARRAY_LEN(mounts),
			      &server);
	if (err) {
		later_fini();
		printf("error %s\n", tb_err_name(err));
	} else {
		printf("port %u\n", tb_server_port(server));
		fflush(stdout);
		serve(server, &s, &signals);
		stop(server, &s, &signals);
		later_fini();
		later_print();
		printf("stopped %ld\n", fake_auth_refs());
	}
	tb_blob_unref(state.small);
	tb_blob_unref(state.large);
	return err ? 1 : 0;
}
