/*
 * A realtime server without a store, as the public test suites of Engine.IO and
 * Socket.IO suppose one, and with some events more for our own tests. Options
 * come as name=value arguments; `engine=1` speaks Engine.IO alone and sends
 * each message back. Prints "port N" when it listens, "gone REASON" for each
 * client that is, and "stopped CLIENTS" at its end.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "http/server.h"
#include "hub/hub.h"

#include "../unit/http/fake_auth.h"

#define TEXT_MAX (64u << 20)
#define ARENA_MAX ((size_t)64 << 20)
#define LISTEN_MAX 64
#define EMPTY_OBJECT TB_STR("{}")

struct state {
	struct tb_hub *hub;
	bool is_quiet;
	_Atomic unsigned n_full;
	_Atomic unsigned n_room;
	_Atomic unsigned n_dropped;
	_Atomic unsigned n_events;
	_Atomic unsigned n_left;
};

/* ---- events ---- */

/* What a handler gets: the event, and its arguments read. */
struct call {
	struct state *state;
	struct tb_client *client;
	const struct tb_client_event *event;
	struct tb_arena *arena;
	struct tb_str *args;
	size_t n_args;
};

static void read_args(struct call *call)
{
	struct tb_json json;
	struct tb_json_iter it;

	if (tb_json_parse(call->arena, call->event->args, NULL, &json, NULL) !=
	    TB_OK)
		return;
	it = tb_json_iter(tb_json_root(&json));
	call->args = tb_arena_calloc(call->arena,
				     tb_json_count(tb_json_root(&json)) + 1,
				     sizeof(struct tb_str));
	while (call->args != NULL && tb_json_next(&it))
		call->args[call->n_args++] = tb_json_raw(it.value);
}

static uint64_t number(const struct call *call, size_t i)
{
	uint64_t value;

	if (i < call->n_args && tb_str_to_u64(call->args[i], &value) == TB_OK)
		return value;
	return 0;
}

static struct tb_emission same_args(const struct call *call, struct tb_str name)
{
	return (struct tb_emission) {
		.nsp = call->event->nsp,
		.name = name,
		.args = call->args,
		.n_args = call->n_args,
		.attachments = call->event->attachments,
		.n_attachments = call->event->n_attachments,
	};
}

static bool on_message_event(struct call *call)
{
	struct tb_emission back = same_args(call, TB_STR("message-back"));

	tb_client_emit(call->client, &back);
	return true;
}

static void ack(struct call *call, struct tb_str arg)
{
	const struct tb_emission answer = {
		.nsp = call->event->nsp,
		.args = &arg,
		.n_args = 1,
	};

	if (call->event->wants_ack)
		tb_client_ack(call->client, call->event->id, &answer);
}

static bool on_message_with_ack(struct call *call)
{
	struct tb_emission answer = same_args(call, TB_STR_NONE);

	if (call->event->wants_ack)
		tb_client_ack(call->client, call->event->id, &answer);
	return true;
}

static void drop(void *data)
{
	struct state *state = data;

	atomic_fetch_add(&state->n_dropped, 1);
}

/* To all of the namespace. */
static bool on_broadcast(struct call *call)
{
	struct tb_emission news = same_args(call, TB_STR("news"));

	if (tb_hub_broadcast(call->state->hub, &news, 0, call->state, drop) !=
	    TB_OK)
		tb_client_close(call->client);
	return true;
}

/* Is worked on for so many milliseconds, then answered. */
static bool on_hold(struct call *call)
{
	tb_client_set_timer(call->client,
			    tb_clock_monotonic_us() +
				    (int64_t)number(call, 0) * 1000);
	ack(call, TB_STR("\"held\""));
	return false;
}

/* So many events of so many bytes each. */
static bool on_fill(struct call *call)
{
	uint64_t n = number(call, 0), bytes = number(call, 1);
	struct tb_buf text;
	struct tb_str arg;
	struct tb_emission filler = { .nsp = call->event->nsp,
				      .name = TB_STR("filler"),
				      .args = &arg,
				      .n_args = 1 };

	tb_buf_init(&text, TEXT_MAX);
	tb_buf_append_char(&text, '"');
	for (uint64_t i = 0; i < bytes; i++)
		tb_buf_append_char(&text, 'x');
	tb_buf_append_char(&text, '"');
	arg = tb_buf_str(&text);
	for (uint64_t i = 0; i < n; i++)
		tb_client_emit(call->client, &filler);
	tb_buf_fini(&text);
	ack(call, TB_STR("true"));
	return true;
}

static void emit_text(struct tb_client *client, const char *text)
{
	struct tb_str arg = tb_str_z(text);
	const struct tb_emission step = { .nsp = TB_STR("/"),
					  .name = TB_STR("step"),
					  .args = &arg,
					  .n_args = 1 };

	tb_client_emit(client, &step);
}

static void run_step(struct tb_client *client, void *arg)
{
	emit_text(client, arg);
}

/* Everything that there is an order of. What is asked for by what was asked for
 * comes last. */
static bool on_steps(struct call *call)
{
	static char fifth[] = "5", sixth[] = "6";
	struct tb_str arg = TB_STR("3");
	const struct tb_emission step = { .nsp = TB_STR("/"),
					  .name = TB_STR("step"),
					  .args = &arg,
					  .n_args = 1 };

	emit_text(call->client, "1");
	if (!tb_client_run(call->client, run_step, fifth))
		tb_client_close(call->client);
	emit_text(call->client, "2");
	if (tb_hub_broadcast(call->state->hub, &step, 0, call->state, drop) !=
		    TB_OK ||
	    !tb_client_run(call->client, run_step, sixth))
		tb_client_close(call->client);
	emit_text(call->client, "4");
	return true;
}

/* From now on broadcasts with the tag 1 are for this client, too. */
static bool on_mark(struct call *call)
{
	tb_client_set_data(call->client, call->state);
	ack(call, TB_STR("true"));
	return true;
}

static bool on_leave_me(struct call *call)
{
	tb_client_leave(call->client, call->event->nsp);
	return true;
}

static bool on_close_me(struct call *call)
{
	emit_text(call->client, "\"last\"");
	tb_client_close(call->client);
	return true;
}

static bool on_address(struct call *call)
{
	struct tb_buf text;

	tb_buf_init(&text, TEXT_MAX);
	tb_json_put_string(&text, tb_client_address(call->client));
	ack(call, tb_buf_str(&text));
	tb_buf_fini(&text);
	return true;
}

/* The n-th allocation of the client's loop from now on fails, once. */
static bool on_fail(struct call *call)
{
	tb_alloc_fail_at(number(call, 0));
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct call *call);
} handlers[] = {
	{ "message", on_message_event },
	{ "message-with-ack", on_message_with_ack },
	{ "broadcast", on_broadcast },
	{ "hold", on_hold },
	{ "fill", on_fill },
	{ "steps", on_steps },
	{ "mark", on_mark },
	{ "leave-me", on_leave_me },
	{ "close-me", on_close_me },
	{ "address", on_address },
	{ "fail", on_fail },
};

/* ---- the app ---- */

static void on_connect(void *ctx, struct tb_client *client, struct tb_str nsp,
		       struct tb_str auth)
{
	struct tb_str arg = auth.n > 0 ? auth : EMPTY_OBJECT;
	const struct tb_emission emission = {
		.nsp = nsp, .name = TB_STR("auth"), .args = &arg, .n_args = 1
	};

	(void)ctx;
	if (!tb_str_eq(nsp, TB_STR("/")) &&
	    !tb_str_eq(nsp, TB_STR("/custom"))) {
		tb_client_refuse(client, nsp, TB_STR("Invalid namespace"));
		return;
	}
	tb_client_accept(client, nsp);
	tb_client_emit(client, &emission);
}

static bool on_event(void *ctx, struct tb_client *client,
		     const struct tb_client_event *event)
{
	struct call call = { .state = ctx, .client = client, .event = event };
	bool is_done = true;

	atomic_fetch_add(&call.state->n_events, 1);
	call.arena = tb_arena_create(ARENA_MAX);
	if (call.arena == NULL) {
		tb_client_close(client);
		return true;
	}
	read_args(&call);
	for (size_t i = 0; i < TB_ARRAY_LEN(handlers); i++) {
		if (tb_str_eq(event->name, tb_str_z(handlers[i].name)))
			is_done = handlers[i].run(&call);
	}
	tb_arena_destroy(call.arena);
	return is_done;
}

static bool on_message(void *ctx, struct tb_client *client,
		       struct tb_str message, bool is_binary)
{
	(void)ctx;
	tb_client_send(client, message, is_binary);
	return true;
}

static void on_timer(void *ctx, struct tb_client *client)
{
	(void)ctx;
	tb_client_resume(client);
}

static void on_leave(void *ctx, struct tb_client *client, struct tb_str nsp)
{
	struct state *state = ctx;

	(void)client;
	(void)nsp;
	atomic_fetch_add(&state->n_left, 1);
}

static void on_gone(void *ctx, struct tb_client *client, const char *reason)
{
	struct state *state = ctx;

	(void)client;
	if (state->is_quiet)
		return;
	printf("gone %s\n", reason);
	fflush(stdout);
}

static void on_full(void *ctx, struct tb_client *client)
{
	struct state *state = ctx;

	(void)client;
	atomic_fetch_add(&state->n_full, 1);
}

static void on_room(void *ctx, struct tb_client *client)
{
	struct state *state = ctx;

	atomic_fetch_add(&state->n_room, 1);
	emit_text(client, "\"room\"");
}

static bool wants(void *ctx, struct tb_client *client, uint64_t tag, void *data)
{
	(void)ctx;
	(void)data;
	return tag == 0 || tb_client_data(client) != NULL;
}

/* ---- routes ---- */

static bool get(void *state, const struct tb_request *req,
		struct tb_response *res)
{
	return tb_hub_get(((struct state *)state)->hub, req, res);
}

static bool post(void *state, const struct tb_request *req,
		 struct tb_response *res)
{
	return tb_hub_post(((struct state *)state)->hub, req, res);
}

static void put_count(struct tb_json_writer *w, const char *name,
		      const _Atomic unsigned *count)
{
	tb_json_kv_uint(w, name, atomic_load(count));
}

static bool get_stats(void *ctx, const struct tb_request *req,
		      struct tb_response *res)
{
	struct state *state = ctx;
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, TEXT_MAX);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "clients", tb_hub_clients(state->hub));
	put_count(&w, "full", &state->n_full);
	put_count(&w, "room", &state->n_room);
	put_count(&w, "dropped", &state->n_dropped);
	put_count(&w, "events", &state->n_events);
	put_count(&w, "left", &state->n_left);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &buf);
	return true;
}

static uint64_t query(const struct tb_request *req, const char *name)
{
	uint64_t value;

	return tb_request_query_u64(req, name, 0, &value) == TB_OK ? value : 0;
}

/* The same for the thread that requests come in by. */
static bool get_fail(void *ctx, const struct tb_request *req,
		     struct tb_response *res)
{
	(void)ctx;
	tb_response_empty(res, 204);
	tb_alloc_fail_at(query(req, "n"));
	return true;
}

/* n events, numbered, of so many bytes, with this tag. */
static void get_broadcast(void *ctx, const struct tb_request *req,
			  struct tb_response *res)
{
	struct state *state = ctx;
	uint64_t n = query(req, "n"), bytes = query(req, "bytes");
	enum tb_err err = TB_OK;
	struct tb_str args[2];
	const struct tb_emission news = { .nsp = TB_STR("/"),
					  .name = TB_STR("news"),
					  .args = args,
					  .n_args = 2 };
	struct tb_buf text;

	tb_buf_init(&text, TEXT_MAX);
	tb_buf_append_char(&text, '"');
	for (uint64_t i = 0; i < bytes; i++)
		tb_buf_append_char(&text, 'x');
	tb_buf_append_char(&text, '"');
	args[1] = tb_buf_str(&text);
	for (uint64_t i = 0; i < n && err == TB_OK; i++) {
		char digits[24];
		struct tb_buf id;

		tb_buf_init_fixed(&id, digits, sizeof(digits));
		tb_buf_append_u64(&id, i);
		args[0] = tb_buf_str(&id);
		err = tb_hub_broadcast(state->hub, &news, query(req, "tag"),
				       state, drop);
	}
	tb_buf_fini(&text);
	if (err != TB_OK)
		tb_response_fail(res, req, err);
	else
		tb_response_empty(res, 204);
}

#define ANYONE TB_WHO_ANYONE
static const struct tb_route routes[] = {
	{ TB_GET, "/", ANYONE, TB_BODY_NONE, .quick = get },
	{ TB_POST, "/", ANYONE, TB_BODY_MESSAGE, true, .quick = post },
	/* Which the protocol answers as it does a POST that begins nothing. */
	{ TB_PUT, "/", ANYONE, TB_BODY_MESSAGE, true, .quick = post },
	{ TB_GET, "/stats", ANYONE, TB_BODY_NONE, .quick = get_stats },
	{ TB_GET, "/fail", ANYONE, TB_BODY_NONE, .quick = get_fail },
	{ TB_GET, "/broadcast", ANYONE, TB_BODY_NONE,
	  .handler = get_broadcast },
};
static const char *const prefixes[] = { "/socket.io", "/engine.io", NULL };

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	(void)req;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "message", error->message);
	tb_json_end_object(&w);
}

static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result)
{
	(void)result;
	tb_response_error(res, req, 401, NULL, TB_STR("who are you?"));
}

static const struct tb_api api = {
	.name = "realtime",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.put_error = put_error,
	.refuse = refuse,
};

/* ---- the program ---- */

struct settings {
	struct tb_hub_options hub;
	uint64_t port;
	uint64_t connections_max;
	uint64_t engine;
	uint64_t quiet;
	uint64_t full; /* 0: the app is not told, clients are disconnected */
};

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} numbers[] = {
#define NUMBER(field)                                                          \
	{                                                                      \
#field, offsetof(struct settings, hub.field),                  \
			sizeof(((struct settings *)NULL)->hub.field)           \
	}
	NUMBER(loops),
	NUMBER(ping_interval_ms),
	NUMBER(ping_timeout_ms),
	NUMBER(upgrade_timeout_ms),
	NUMBER(connect_timeout_ms),
	NUMBER(close_timeout_ms),
	NUMBER(max_payload_bytes),
	NUMBER(outbox_max_bytes),
	NUMBER(outbox_max_messages),
	NUMBER(clients_max),
	NUMBER(events_per_s),
	NUMBER(nsps_max),
	NUMBER(inbound_max_bytes),
#undef NUMBER
	{ "port", offsetof(struct settings, port), 8 },
	{ "connections_max", offsetof(struct settings, connections_max), 8 },
	{ "engine", offsetof(struct settings, engine), 8 },
	{ "quiet", offsetof(struct settings, quiet), 8 },
	{ "full", offsetof(struct settings, full), 8 },
};

static bool set(struct settings *settings, const char *arg)
{
	struct tb_str rest = tb_str_z(arg);
	struct tb_str name = tb_str_cut(&rest, '=');
	uint64_t value;

	if (rest.p == NULL || tb_str_to_u64(rest, &value) != TB_OK)
		return false;
	for (size_t i = 0; i < TB_ARRAY_LEN(numbers); i++) {
		char *at = (char *)settings + numbers[i].offset;
		if (!tb_str_eq(name, tb_str_z(numbers[i].name)))
			continue;
		/* Little-endian, as all machines that this is run on. */
		memcpy(at, &value, numbers[i].size);
		return true;
	}
	return false;
}

static struct settings read_settings(int argc, char **argv)
{
	struct settings settings = {
		.hub = tb_hub_default_options,
		.port = 3000,
		.connections_max = 10000,
		.full = 1,
	};

	settings.hub.ping_interval_ms = 300;
	settings.hub.ping_timeout_ms = 200;
	settings.hub.connect_timeout_ms = 1000;
	for (int i = 1; i < argc; i++) {
		if (!set(&settings, argv[i])) {
			fprintf(stderr, "bad argument: %s\n", argv[i]);
			exit(2);
		}
	}
	return settings;
}

static struct tb_hub_app make_app(const struct settings *settings,
				  struct state *state)
{
	return (struct tb_hub_app) {
		.on_connect = on_connect,
		.on_event = on_event,
		.on_leave = on_leave,
		.on_gone = on_gone,
		.on_full = settings->full ? on_full : NULL,
		.on_room = settings->full ? on_room : NULL,
		.wants = wants,
		.on_timer = on_timer,
		.on_message = settings->engine ? on_message : NULL,
		.ctx = state,
	};
}

/* Until TERM or INT; at HUP the hub stops, and the server goes on. */
static void serve(struct tb_server *server, struct state *state,
		  const sigset_t *signals)
{
	int signal;

	printf("port %u\n", tb_server_port(server));
	fflush(stdout);
	while (sigwait(signals, &signal) == 0 && signal == SIGHUP) {
		tb_hub_stop(state->hub);
		printf("hub stopped %zu\n", tb_hub_clients(state->hub));
		fflush(stdout);
	}
	tb_hub_stop(state->hub);
	tb_server_stop(server);
	printf("stopped %zu\n", tb_hub_clients(state->hub));
}

static enum tb_err run(const struct settings *settings, struct state *state,
		       const sigset_t *signals)
{
	struct tb_mount mounts[] = { { .api = &api, .state = state } };
	struct tb_hub_app app = make_app(settings, state);
	struct tb_server_options options = tb_server_default_options;
	struct tb_auth auth = { 0 };
	struct tb_server *server;
	char listen[LISTEN_MAX];
	enum tb_err err;

	snprintf(listen, sizeof(listen), "127.0.0.1:%u",
		 (unsigned)settings->port);
	options.listen = listen;
	options.connections_max = (uint32_t)settings->connections_max;
	err = tb_hub_create(&settings->hub, &app, &state->hub);
	if (err != TB_OK)
		return err;
	err = tb_server_start(&options, &auth, mounts, TB_ARRAY_LEN(mounts),
			      &server);
	if (err == TB_OK)
		serve(server, state, signals);
	else
		tb_hub_stop(state->hub);
	tb_hub_destroy(state->hub);
	return err;
}

int main(int argc, char **argv)
{
	struct settings settings = read_settings(argc, argv);
	struct state state = { .is_quiet = settings.quiet };
	struct rlimit files = { 16384, 16384 };
	sigset_t signals;
	enum tb_err err = tb_digest_init();

	setrlimit(RLIMIT_NOFILE, &files);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (err == TB_OK)
		err = run(&settings, &state, &signals);
	if (err != TB_OK)
		fprintf(stderr, "%s\n", tb_err_text(err));
	return err == TB_OK ? 0 : 1;
}
