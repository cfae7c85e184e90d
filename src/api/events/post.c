/*
 * Adding events: POST events. A post is decided by the access rules of one
 * moment and committed under the generation that they had then; if that is
 * another by then, it is decided again. The caller's account is looked at anew,
 * too, because changes of accounts raise the generation.
 */
#include "api/audit.h"
#include "api/events/answer.h"
#include "api/events/decode.h"
#include "api/events/errors.h"
#include "api/events/handlers.h"
#include "base/assert.h"
#include "http/prefer.h"
#include "kernel/event.h"

/* The rules do not change so often that more would help. */
#define ATTEMPTS_MAX 16
/* What a body may be longer than what was sent: names and the author. */
#define EVENT_OVERHEAD_BYTES 4096

struct post {
	struct tb_events_answer answer;
	unsigned prefers; /* enum tb_prefer */
	struct tb_events_decoder decoder;
	struct tb_buf bodies;
	const char **refusals; /* of each item: static, or NULL */
	size_t n_refused;
	size_t *item_of; /* of each event of the commit */
	struct tb_event_post commit;
	struct tb_rules rules;             /* by which it was decided */
	const struct tb_principal *caller; /* at the time of the rules */
};

static bool is_lenient(const struct post *post)
{
	return post->prefers & TB_PREFER_LENIENT;
}

static bool is_minimal(const struct post *post)
{
	return post->prefers & TB_PREFER_MINIMAL;
}

static void fail(const struct post *post, enum tb_err err)
{
	tb_response_fail(post->answer.res, post->answer.req, err);
}

/* ---- what was sent ---- */

static bool read_query(struct post *post)
{
	struct tb_events_answer *answer = &post->answer;
	struct tb_events_query_limits limits = {
		.page_max = answer->events->options->page_max,
		.without_from = true,
	};
	const char *what;
	enum tb_err err = tb_events_query_read(answer->req, &limits,
					       &answer->query, &what);

	if (err == TB_ERR_INVALID)
		tb_events_fail(answer->res, answer->req, 400, what);
	else if (err)
		fail(post, err);
	return !err;
}

static enum tb_err decode(struct post *post)
{
	const struct tb_request *req = post->answer.req;
	const struct tb_events_options *options = post->answer.events->options;

	tb_buf_init(&post->bodies, req->body.n + (size_t)options->batch_max *
							 EVENT_OVERHEAD_BYTES);
	post->decoder = (struct tb_events_decoder) {
		.arena = req->arena,
		.user = req->principal->key,
		.latest_s = req->now_us / 1000000 + options->ahead_max_s,
		.items_max = options->batch_max,
		.is_strict = !is_lenient(post),
		.buf = &post->bodies,
	};
	return tb_events_decode(&post->decoder, req->body);
}

static enum tb_err make_room(struct post *post)
{
	struct tb_arena *arena = post->answer.req->arena;
	size_t n = post->decoder.n_items;

	post->refusals = tb_arena_calloc(arena, n, sizeof(*post->refusals));
	post->item_of = tb_arena_calloc(arena, n, sizeof(*post->item_of));
	post->commit.events =
		tb_arena_calloc(arena, n, sizeof(*post->commit.events));
	if (!post->refusals || !post->item_of || !post->commit.events)
		return tb_arena_err(arena);
	return TB_OK;
}

static bool read_body(struct post *post)
{
	const struct tb_events_answer *answer = &post->answer;
	enum tb_err err = decode(post);

	if (!err)
		err = make_room(post);
	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP)
		tb_events_fail(answer->res, answer->req, 400,
			       TB_EVENTS_BAD_JSON);
	else if (err)
		fail(post, err);
	return !err;
}

/* ---- what is to become of it ---- */

/* "For one event: form, then permission." */
static const char *refusal_of(const struct post *post,
			      const struct tb_events_item *item)
{
	const struct tb_principal *user = post->caller;

	if (item->flaw)
		return item->flaw;
	if (user->is_admin ||
	    tb_acl_allows(post->rules.acl, user->key, item->fields.item,
			  item->fields.action))
		return NULL;
	return TB_EVENTS_DENIED;
}

static void add(struct post *post, size_t i)
{
	const struct tb_events_item *item = &post->decoder.items[i];

	post->item_of[post->commit.n] = i;
	post->commit.events[post->commit.n++] = (struct tb_event) {
		.uuid = item->fields.uuid,
		.body = tb_str(post->bodies.p + item->body_at, item->body_n),
	};
}

/* A strict post ends with the first item that is refused: what stands before
 * it may be another event's, which would come first. */
static void decide(struct post *post)
{
	bool is_over = false;

	post->commit.n = 0;
	post->n_refused = 0;
	for (size_t i = 0; i < post->decoder.n_items && !is_over; i++) {
		post->refusals[i] = refusal_of(post, &post->decoder.items[i]);
		if (!post->refusals[i]) {
			add(post, i);
			continue;
		}
		post->n_refused++;
		is_over = !is_lenient(post);
	}
}

/* "The first bad event refuses the whole batch, and nothing of it is
 * stored." */
static enum tb_err commit(struct post *post)
{
	const struct tb_request *req = post->answer.req;
	enum tb_err err;

	post->commit.is_lenient = is_lenient(post);
	post->commit.is_refused = post->n_refused > 0 && !is_lenient(post);
	if (post->commit.n == 0)
		return post->commit.is_refused ? TB_ERR_DENIED : TB_OK;
	err = tb_api_audit(req, post->answer.res, "events", "post",
			   &post->commit.commit.note);
	if (err)
		return err;
	post->commit.generation = post->rules.generation;
	tb_event_post_init(&post->commit, req->principal->org);
	return tb_core_commit(post->answer.events->core, &post->commit.commit);
}

/* "A new password, or disabling, ends a user's tokens at once." CONFLICT: the
 * account is of another time than the rules. */
static enum tb_err renew_caller(struct post *post)
{
	const struct tb_principal *renewed;
	enum tb_err err;

	if (post->caller->generation == post->rules.generation)
		return TB_OK;
	err = tb_auth_renew(post->answer.events->auth, post->caller, &renewed);
	if (err)
		return err;
	tb_principal_unref(post->caller);
	post->caller = renewed;
	return renewed->generation == post->rules.generation ? TB_OK
							     : TB_ERR_CONFLICT;
}

static enum tb_err attempt(struct post *post)
{
	const struct tb_events *events = post->answer.events;
	enum tb_err err;

	tb_rules_release(&post->rules);
	post->rules = (struct tb_rules) { .acl = NULL };
	err = tb_rules_get(events->rules, post->answer.req->principal->org,
			   &post->rules);
	if (!err)
		err = renew_caller(post);
	if (err)
		return err;
	decide(post);
	return commit(post);
}

/* What the commit refused, in a lenient post. */
static void note_taken(struct post *post)
{
	for (size_t i = 0; i < post->commit.n; i++)
		if (post->commit.events[i].outcome == TB_EVENT_TAKEN) {
			post->refusals[post->item_of[i]] = TB_EVENTS_EXISTS;
			post->n_refused++;
		}
}

static enum tb_err store(struct post *post)
{
	const struct tb_events *events = post->answer.events;
	enum tb_err err = TB_ERR_CONFLICT;

	for (int i = 0; i < ATTEMPTS_MAX && err == TB_ERR_CONFLICT; i++) {
		err = attempt(post);
		if (err == TB_ERR_CONFLICT)
			tb_rules_forget(events->rules, post->caller->org);
	}
	if (!err)
		note_taken(post);
	return err == TB_ERR_CONFLICT ? TB_ERR_BUSY : err;
}

/* ---- the answer ---- */

/* Of a strict post: the first event that is refused. */
static void answer_refused(const struct post *post)
{
	const struct tb_events_answer *answer = &post->answer;
	size_t i = 0;

	TB_ASSERT(post->commit.is_refused);
	while (!post->refusals[i])
		i++;
	/* Flaws are constants, one for each. */
	if (post->decoder.items[i].flaw)
		tb_events_fail(answer->res, answer->req, 400,
			       post->refusals[i]);
	else
		tb_events_fail_event(answer->res, answer->req, 403,
				     post->refusals[i],
				     post->decoder.items[i].fields.uuid);
}

static void answer_taken(const struct post *post)
{
	const struct tb_event *event = &post->commit.events[post->commit.taken];

	tb_events_fail_event(post->answer.res, post->answer.req, 409,
			     TB_EVENTS_EXISTS, event->uuid);
}

static void put_rejected(const struct post *post, struct tb_json_writer *w,
			 size_t i)
{
	struct tb_str uuid = post->decoder.items[i].fields.uuid;

	tb_json_begin_object(w);
	tb_json_kv_uint(w, "index", i);
	if (uuid.n > 0)
		tb_json_kv_str(w, "eventUuid", uuid);
	else
		tb_json_kv_null(w, "eventUuid");
	tb_json_kv_str(w, "error", tb_str_z(post->refusals[i]));
	tb_json_end_object(w);
}

/* "{"rejected":[...],"events":[...]}" around the history; in `buf`. */
static enum tb_err put_frame(struct post *post, struct tb_buf *buf)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("rejected"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < post->decoder.n_items; i++)
		if (post->refusals[i])
			put_rejected(post, &w, i);
	tb_json_end_array(&w);
	tb_json_key(&w, TB_STR("events"));
	post->answer.before = tb_buf_str(buf);
	post->answer.behind = TB_STR("}");
	return tb_buf_err(buf);
}

static enum tb_err put_count(struct post *post, const char *name, size_t n)
{
	struct tb_str text;
	enum tb_err err =
		tb_arena_printf(post->answer.req->arena, &text, "%zu", n);

	return err ? err : tb_response_header(post->answer.res, name, text);
}

static enum tb_err put_headers(struct post *post)
{
	static const struct tb_str applied[] = {
		[TB_PREFER_MINIMAL] = TB_STR_INIT("return=minimal"),
		[TB_PREFER_LENIENT] = TB_STR_INIT("handling=lenient"),
		[TB_PREFER_MINIMAL | TB_PREFER_LENIENT] =
			TB_STR_INIT("return=minimal, handling=lenient"),
	};
	unsigned followed =
		post->prefers & (TB_PREFER_MINIMAL | TB_PREFER_LENIENT);
	enum tb_err err =
		put_count(post, "X-Events-Stored", post->commit.n_stored);

	if (!err && is_lenient(post))
		err = put_count(post, "X-Events-Rejected", post->n_refused);
	if (!err && followed)
		err = tb_response_header(post->answer.res, "Preference-Applied",
					 applied[followed]);
	return err;
}

/* "With `return=minimal` and `after`, it goes on from `after` over the
 * caller's own new events, if no others lie between; else it stays. Without
 * `after` it is the end of the history." */
static struct tb_events_cursor next_cursor(const struct post *post)
{
	const struct tb_events_answer *answer = &post->answer;
	const struct tb_events_query *query = &answer->query;
	struct tb_events_cursor cursor = tb_events_stand_cursor(
		&answer->stand, query->is_given ? 0 : answer->stand.head);

	if (!query->is_given)
		return cursor;
	if (query->has_cursor)
		cursor = query->after;
	if (post->commit.n_stored > 0 &&
	    cursor.epoch == answer->stand.history.epoch &&
	    cursor.num == post->commit.before)
		cursor.num = post->commit.head;
	return cursor;
}

static void answer_stored(struct post *post)
{
	struct tb_events_cursor cursor;
	enum tb_err err = put_headers(post);

	if (!err)
		err = tb_events_answer_open(&post->answer, &post->rules);
	if (err) {
		fail(post, err);
	} else if (is_minimal(post)) {
		cursor = next_cursor(post);
		tb_events_answer_empty(&post->answer, &cursor);
	} else {
		tb_events_answer_history(&post->answer);
	}
	tb_events_answer_close(&post->answer);
}

static void answer_framed(struct post *post)
{
	struct tb_buf frame;
	enum tb_err err;

	tb_buf_init(&frame, post->bodies.max);
	err = put_frame(post, &frame);
	if (err)
		fail(post, err);
	else
		answer_stored(post);
	tb_buf_fini(&frame);
}

static void answer(struct post *post, enum tb_err err)
{
	if (err == TB_ERR_DENIED)
		answer_refused(post);
	else if (err == TB_ERR_UNAUTHENTICATED)
		tb_events_fail_401(post->answer.res, post->answer.req,
				   TB_EVENTS_BAD_TOKEN);
	else if (err == TB_ERR_EXISTS)
		answer_taken(post);
	else if (err)
		fail(post, err);
	else if (is_lenient(post))
		answer_framed(post);
	else
		answer_stored(post);
}

void tb_events_post_events(void *state, const struct tb_request *req,
			   struct tb_response *res)
{
	struct post post = {
		.answer = { .events = state, .req = req, .res = res },
		.prefers = tb_request_prefers(req),
		.caller = tb_principal_ref(req->principal),
	};

	if (read_query(&post) && read_body(&post))
		answer(&post, store(&post));
	tb_principal_unref(post.caller);
	tb_rules_release(&post.rules);
	tb_buf_fini(&post.bodies);
}
