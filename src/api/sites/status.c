/*
 * How a site stands: GET site, GET status, GET site_status.
 */
#include "api/sites/call.h"
#include "api/sites/handlers.h"
#include "kernel/directory.h"

#define ANSWER_MAX_BYTES ((size_t)64 << 10)
#define US_PER_MS 1000

/* What the store knows of a site. */
struct standing {
	struct tb_account account;
	struct tb_consumer consumer;
	struct tb_queue_length queue;
};

/* At most `count_max` entries of its queue are counted. */
static enum tb_err read_rows(const struct tb_sites_call *call, struct tb_tx *tx,
			     size_t count_max, struct standing *standing)
{
	struct tb_arena *arena = call->req->arena;
	enum tb_err err =
		tb_directory_find(tx, arena, TB_ACCOUNT_SITE, call->site->org,
				  call->site->key, &standing->account);

	if (!err)
		err = tb_consumer_read(tx, arena, call->site->org,
				       call->site->site_id,
				       &standing->consumer);
	if (!err)
		err = tb_delivery_queue_length(tx, &standing->consumer,
					       count_max, &standing->queue);
	return err;
}

static enum tb_err read_standing(const struct tb_sites_call *call,
				 size_t count_max, struct standing *standing)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(call->sites->core, &tx);

	if (err)
		return err;
	err = read_rows(call, tx, count_max, standing);
	tb_core_read_end(tx);
	return err;
}

static struct tb_str name_of(const struct tb_account *account)
{
	return account->name.n > 0 ? account->name : account->username;
}

static struct tb_str init_name(enum tb_init_state state)
{
	static const char *const names[] = {
		[TB_INIT_NEW] = "new",
		[TB_INIT_STARTED] = "started",
		[TB_INIT_COMPLETED] = "completed",
		[TB_INIT_ERROR] = "error",
	};

	return tb_str_z(names[state]);
}

/* Answers with what `put` writes of the site's standing. */
static void answer_standing(void *state, const struct tb_request *req,
			    struct tb_response *res, size_t count_max,
			    void (*put)(struct tb_json_writer *w,
					const struct tb_sites_call *call,
					const struct standing *standing))
{
	struct standing standing;
	struct tb_json_writer w;
	struct tb_sites_call call;
	struct tb_buf buf;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	err = read_standing(&call, count_max, &standing);
	if (err) {
		tb_sites_call_fail(&call, err);
		return;
	}
	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	put(&w, &call, &standing);
	tb_json_end_object(&w);
	tb_sites_call_note(&call, TB_SITES_SEEN);
	tb_sites_call_answer(&call, &buf);
}

/* "the client parses that URL and stops if it is not one": without a
 * configured one it is the address that the client called. */
static void put_public_url(struct tb_json_writer *w,
			   const struct tb_sites_call *call)
{
	struct tb_str url = tb_str_z(call->sites->options->public_url);
	struct tb_str host = tb_request_header(call->req, "Host");

	if (url.n == 0 && tb_arena_printf(call->req->arena, &url, "http://%.*s",
					  TB_STR_ARG(host)))
		w->buf->err = TB_ERR_NOMEM;
	tb_json_kv_str(w, "omSupplyCentralServerUrl", url);
}

static void put_site(struct tb_json_writer *w, const struct tb_sites_call *call,
		     const struct standing *standing)
{
	const struct tb_account *account = &standing->account;

	tb_json_kv_str(w, "id", account->key);
	tb_json_kv_uint(w, "siteId", account->site_id);
	tb_json_kv_str(w, "code", account->code);
	tb_json_kv_str(w, "name", name_of(account));
	tb_json_kv_str(w, "initialisationStatus",
		       init_name(standing->consumer.init));
	tb_json_kv_bool(w, "isOmSupplyCentralServer", false);
	put_public_url(w, call);
	tb_json_kv_uint(w, "mSupplyCentralSiteId",
			call->sites->options->central_site_id);
}

void tb_sites_get_site(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	answer_standing(state, req, res, 0, put_site);
}

static void put_time(struct tb_json_writer *w, const char *key, int64_t us)
{
	if (us == 0)
		tb_json_kv_null(w, key);
	else
		tb_json_kv_time(w, key, us);
}

/* Sequences are strings, as everywhere in this API. */
static void put_sequence(struct tb_json_writer *w, const char *key,
			 uint64_t sequence)
{
	tb_json_key(w, tb_str_z(key));
	tb_buf_append_char(w->buf, '"');
	tb_buf_append_u64(w->buf, sequence);
	tb_buf_append_char(w->buf, '"');
	w->comma = true;
}

static void put_queue(struct tb_json_writer *w,
		      const struct tb_queue_length *queue)
{
	tb_json_kv_uint(w, "queue_length", queue->n);
	if (queue->n == 0) {
		tb_json_kv_null(w, "oldest_unacknowledged");
		return;
	}
	tb_json_key(w, TB_STR("oldest_unacknowledged"));
	tb_json_begin_object(w);
	put_sequence(w, "sequence", queue->oldest);
	put_time(w, "time", queue->oldest_time_us);
	tb_json_end_object(w);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The stored marks, with what was seen since they were written. */
static struct tb_site_activity seen_of(const struct tb_sites_call *call,
				       const struct tb_consumer *stored)
{
	struct tb_site_activity seen = { .has_central = false };

	tb_activity_get(call->sites->activity, call->site->org,
			call->site->site_id, &seen);
	seen.last_push_us = later(seen.last_push_us, stored->last_push_us);
	seen.last_pull_us = later(seen.last_pull_us, stored->last_pull_us);
	if (!seen.has_central)
		seen.central_to = stored->central_to;
	if (!seen.has_skew)
		seen.clock_skew_us = stored->clock_skew_us;
	/* A clock that was read is never right to the microsecond. */
	seen.has_skew = seen.clock_skew_us != 0;
	return seen;
}

static void put_status(struct tb_json_writer *w,
		       const struct tb_sites_call *call,
		       const struct standing *standing)
{
	const struct tb_consumer *consumer = &standing->consumer;
	struct tb_site_activity seen = seen_of(call, consumer);

	tb_json_kv_uint(w, "site_id", standing->account.site_id);
	tb_json_kv_str(w, "name", name_of(&standing->account));
	tb_json_kv_str(w, "initialisation", init_name(consumer->init));
	put_queue(w, &standing->queue);
	put_time(w, "last_push", seen.last_push_us);
	put_time(w, "last_pull", seen.last_pull_us);
	put_sequence(w, "central_cursor", seen.central_to);
	tb_json_kv_uint(w, "quarantined", consumer->quarantined);
	if (seen.has_skew)
		tb_json_kv_int(w, "clock_skew_ms",
			       seen.clock_skew_us / US_PER_MS);
	else
		tb_json_kv_null(w, "clock_skew_ms");
	put_time(w, "time", call->req->now_us);
}

void tb_sites_get_status(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	answer_standing(state, req, res, TB_SITES_COUNT_ASKED, put_status);
}

/* Contract: idle, sync_is_running, integration_in_progress or
 * initialisation_in_progress. The client waits until it is idle; here a push
 * is integrated, and an initialisation ready, when it is answered. */
bool tb_sites_get_site_status(void *state, const struct tb_request *req,
			      struct tb_response *res)
{
	struct tb_json_writer w;
	struct tb_sites_call call;
	struct tb_buf buf;

	if (!tb_sites_call_begin(state, req, res, &call))
		return true;
	tb_sites_call_note(&call, TB_SITES_SEEN);
	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "code", TB_STR("idle"));
	tb_json_kv_str(&w, "message", TB_STR("nothing is under way"));
	tb_json_kv_null(&w, "data");
	tb_json_end_object(&w);
	tb_sites_call_answer(&call, &buf);
	return true;
}
