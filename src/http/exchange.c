#include "http/exchange.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/json.h"

/* Exchanges kept for later requests. */
#define FREE_MAX 256
/* What a handler may take beyond a tape and a copy of the largest body. */
#define ARENA_BASE_BYTES (64u << 20)

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	(void)req;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error", error->message);
	tb_json_end_object(&w);
}

const struct tb_api tb_exchange_no_api = { .name = "", .put_error = put_error };

static void destroy(struct tb_exchange *ex)
{
	tb_arena_destroy(ex->arena);
	tb_free(ex);
}

static struct tb_exchange *create(const struct tb_server *server)
{
	struct tb_exchange *ex = tb_malloc(sizeof(*ex));
	size_t max_bytes =
		ARENA_BASE_BYTES + 2 * (size_t)server->options.body_max_bytes;

	if (!ex)
		return NULL;
	ex->arena = tb_arena_create(max_bytes);
	if (ex->arena)
		return ex;
	tb_free(ex);
	return NULL;
}

static struct tb_exchange *take(struct tb_server *server)
{
	struct tb_exchange *ex = server->free;

	if (!ex)
		return create(server);
	server->free = ex->next_free;
	server->n_free--;
	return ex;
}

static void give_back(struct tb_server *server, struct tb_exchange *ex)
{
	if (server->n_free == FREE_MAX) {
		destroy(ex);
		return;
	}
	tb_arena_reset(ex->arena);
	ex->next_free = server->free;
	server->free = ex;
	server->n_free++;
}

/* All but the arena and what is large and written before it is read. */
static void reset(struct tb_exchange *ex)
{
	ex->phase = TB_PHASE_HEAD;
	ex->method = TB_STR_NONE;
	ex->match = (struct tb_match_result) { .match = TB_MATCH_NONE };
	ex->framing = (struct tb_framing) { .kind = TB_FRAMING_NONE };
	ex->body = (struct tb_body) { .gunzip = NULL };
	ex->is_caller_unknown = false;
	ex->must_close = false;
	ex->origin = TB_STR_NONE;
	ex->cors = TB_CORS_SAME;
	ex->varies_by_origin = false;
	ex->answer = NULL;
	ex->sending = (struct tb_sending) { .is_begun = false };
	ex->answer_bytes = 0;
	ex->is_written = false;
	ex->res.status = 0;
	ex->res.arena = ex->arena;
	ex->res.n_headers = 0;
	ex->res.content_type = NULL;
	ex->res.blob = NULL;
	ex->res.source = NULL;
	ex->res.encoded = false;
	ex->res.later = NULL;
	ex->res.takeover = NULL;
	ex->res.error_code = NULL;
	ex->res.login = NULL;
	ex->res.is_audited = false;
	tb_buf_init(&ex->res.body, 0);
}

struct tb_exchange *tb_exchange_begin(struct tb_server *server,
				      struct tb_link *link,
				      struct MHD_Connection *conn,
				      struct tb_str target)
{
	struct tb_exchange *ex = take(server);
	struct tb_str rest;

	if (!ex)
		return NULL;
	reset(ex);
	if (tb_arena_strdup(ex->arena, target, &ex->target)) {
		give_back(server, ex);
		return NULL;
	}
	ex->server = server;
	ex->link = link;
	ex->conn = conn;
	ex->started_us = tb_clock_monotonic_us();
	rest = ex->target;
	ex->req = (struct tb_request) {
		.method = TB_METHOD_COUNT,
		.path = tb_str_cut(&rest, '?'),
		.address = tb_str(link->address, link->address_len),
		.now_us = tb_clock_now_us(),
		.id = tb_str(ex->id, TB_ID_TEXT_LEN),
		.api = &tb_exchange_no_api,
		.arena = ex->arena,
		.headers = ex->headers,
	};
	ex->req.query = rest;
	tb_ids_next(&server->ids, ex->id);
	ex->id[TB_ID_TEXT_LEN] = '\0';
	atomic_fetch_add(&server->n_active, 1);
	return ex;
}

void tb_exchange_drop_body(struct tb_exchange *ex)
{
	ex->req.body = TB_STR_NONE;
	tb_body_fini(&ex->body);
}

void tb_exchange_end(struct tb_exchange *ex)
{
	struct tb_server *server = ex->server;

	if (ex->answer)
		MHD_destroy_response(ex->answer);
	tb_sending_fini(ex);
	tb_response_empty(&ex->res, 0);
	tb_body_fini(&ex->body);
	tb_principal_unref(ex->req.principal);
	give_back(server, ex);
	atomic_fetch_sub(&server->n_active, 1);
}

void tb_exchange_free_all(struct tb_server *server)
{
	while (server->free) {
		struct tb_exchange *ex = server->free;

		server->free = ex->next_free;
		destroy(ex);
	}
	server->n_free = 0;
}
