#include "api/devices/subscribe.h"

#include "api/devices/client_calls.h"
#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "api/devices/realtime_state.h"
#include "base/alloc.h"
#include "http/fail.h"

#define NAME_MAX_BYTES 200
#define CURSOR_MAX_BYTES 512
#define PAGE_CHANGES 100
#define PAGE_MAX_BYTES ((size_t)256 << 10)
#define PEEK_MAX_BYTES ((size_t)64 << 10)
#define NO_NAME TB_STR("Missing fields: feed or collection")
#define UNKNOWN TB_STR("Unknown feed")
#define BAD_AFTER TB_STR("Invalid after")
#define TOO_OLD TB_STR("The cursor is too old")
#define TOKEN_TOO_OLD TB_STR("Token expired")
#define TOO_MANY TB_STR("Too many subscriptions")
#define TOO_LARGE TB_STR("A change is too large")

/* What is followed. */
struct source {
	bool is_collection;
	struct tb_str name;
};

/* ---- the list ---- */

static void forget(struct tb_subscriptions *list, struct tb_subscription *one)
{
	tb_free(one->name);
	tb_free(one->cursor);
	*one = list->list[--list->n];
}

void tb_subscriptions_fini(struct tb_subscriptions *subscriptions)
{
	while (subscriptions->n > 0)
		forget(subscriptions, &subscriptions->list[0]);
	tb_free(subscriptions->list);
	subscriptions->list = NULL;
}

static struct tb_subscription *find_source(struct tb_subscriptions *list,
					   const struct source *source)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].is_collection == source->is_collection &&
		    tb_str_eq(tb_str_z(list->list[i].name), source->name))
			return &list->list[i];
	return NULL;
}

static struct tb_subscription *find_turn(struct tb_subscriptions *list,
					 uint32_t turn)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].turn == turn)
			return &list->list[i];
	return NULL;
}

/* False: no memory; then nothing has changed. */
static bool set_cursor(struct tb_subscription *one, struct tb_str cursor)
{
	char *copy = tb_strdup(cursor);

	if (!copy)
		return false;
	tb_free(one->cursor);
	one->cursor = copy;
	return true;
}

/* The subscription to a source, a new one where there is none. */
static enum tb_err get_source(struct tb_subscriptions *list,
			      const struct source *source,
			      struct tb_subscription **ret)
{
	struct tb_subscription *one = find_source(list, source);
	char *name;

	if (one) {
		*ret = one;
		return TB_OK;
	}
	if (list->n == TB_SUBSCRIPTIONS_MAX)
		return TB_ERR_TOO_LARGE;
	if (!list->list)
		list->list =
			tb_calloc(TB_SUBSCRIPTIONS_MAX, sizeof(*list->list));
	name = list->list ? tb_strdup(source->name) : NULL;
	if (!name)
		return TB_ERR_NOMEM;
	one = &list->list[list->n++];
	*one = (struct tb_subscription) {
		.is_collection = source->is_collection,
		.name = name,
	};
	*ret = one;
	return TB_OK;
}

/* ---- what clients are told ---- */

/* {"feed":name, or the same of a collection; left open. */
static void begin_text(struct tb_json_writer *w, const struct source *source)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, source->is_collection ? "collection" : "feed",
		       source->name);
}

/* With one more member; TB_STR_NONE: none. */
static enum tb_err make_text(struct tb_arena *arena,
			     const struct source *source, const char *key,
			     struct tb_str value, struct tb_str *ret)
{
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, CURSOR_MAX_BYTES * 8);
	w = tb_json_writer(&buf);
	begin_text(&w, source);
	if (value.p)
		tb_json_kv_str(&w, key, value);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static void answer(struct tb_task *task, const char *name,
		   const struct source *source, const char *key,
		   struct tb_str value)
{
	struct tb_str text;
	enum tb_err err = make_text(task->arena, source, key, value, &text);

	if (err)
		tb_task_fail(task, err, TB_STR_NONE);
	else
		tb_task_answer(task, name, text);
}

/* ---- following ---- */

/* Asks the API that shows the source; where nobody knows yet which one that
 * is, each of them. */
static enum tb_err follow(struct tb_task *task, struct tb_follow_query *query,
			  const struct source *source, size_t *module,
			  struct tb_follow_page *ret)
{
	const struct tb_follows *follows = task->realtime->devices->follows;
	enum tb_err err = TB_ERR_NOT_FOUND;
	size_t i = *module < follows->n ? *module : 0;
	size_t end = *module < follows->n ? *module + 1 : follows->n;

	query->principal = task->caller.principal;
	query->is_collection = source->is_collection;
	query->name = source->name;
	query->arena = task->arena;
	for (; err == TB_ERR_NOT_FOUND && i < end; i++) {
		if (!follows->modules[i]->follow)
			continue;
		*module = i;
		err = follows->modules[i]->follow(follows->mounts[i].state,
						  query, ret);
	}
	return err;
}

/* ---- subscribe ---- */

struct subscribe {
	struct source source;
	struct tb_str after; /* p NULL: from now on */
	struct tb_str cursor;
	size_t module;
};

static enum tb_err take_source(struct tb_task *task, struct tb_json_value arg,
			       struct source *ret, struct tb_str *ret_flaw)
{
	struct tb_str feed;
	struct tb_str collection;
	enum tb_err err = tb_devices_take_text(task->arena, arg, "feed",
					       NAME_MAX_BYTES, &feed, ret_flaw);

	if (!err)
		err = tb_devices_take_text(task->arena, arg, "collection",
					   NAME_MAX_BYTES, &collection,
					   ret_flaw);
	if (err)
		return err;
	if ((feed.n > 0) == (collection.n > 0)) {
		*ret_flaw = NO_NAME;
		return TB_ERR_INVALID;
	}
	ret->is_collection = collection.n > 0;
	ret->name = collection.n > 0 ? collection : feed;
	return TB_OK;
}

/* A text; a number is taken as it is written. */
static enum tb_err take_after(struct tb_task *task, struct tb_json_value arg,
			      struct tb_str *ret, struct tb_str *ret_flaw)
{
	struct tb_json_value after = tb_json_get(arg, TB_STR("after"));
	struct tb_str text;

	*ret = TB_STR_NONE;
	if (tb_devices_is_missing(after))
		return TB_OK;
	*ret_flaw = BAD_AFTER;
	if (tb_json_is(after, TB_JSON_NUMBER))
		text = tb_json_raw(after);
	else if (tb_json_string(task->arena, after, &text))
		return TB_ERR_INVALID;
	if (text.n > CURSOR_MAX_BYTES || memchr(text.p, '\0', text.n))
		return TB_ERR_INVALID;
	*ret = text;
	return TB_OK;
}

static enum tb_err look_up(struct tb_task *task, struct subscribe *subscribe)
{
	struct tb_follow_query query = { .after = subscribe->after };
	struct tb_follow_page page;
	enum tb_err err;

	subscribe->module = SIZE_MAX;
	err = follow(task, &query, &subscribe->source, &subscribe->module,
		     &page);
	if (!err)
		subscribe->cursor =
			subscribe->after.p ? subscribe->after : page.cursor;
	return err;
}

static void refuse(struct tb_task *task, const struct subscribe *subscribe,
		   enum tb_err err, struct tb_str flaw)
{
	if (err == TB_ERR_RESYNC) {
		/* "one that is too old: `resync`" */
		answer(task, "resync", &subscribe->source, "error", TOO_OLD);
		task->status = tb_fail_of(err)->status;
		return;
	}
	if (err == TB_ERR_NOT_FOUND)
		flaw = UNKNOWN;
	if (err == TB_ERR_UNAUTHENTICATED)
		flaw = TOKEN_TOO_OLD;
	tb_task_fail(task, err, flaw);
}

void tb_call_subscribe(struct tb_task *task, struct tb_json_value arg)
{
	struct subscribe *subscribe =
		tb_arena_calloc(task->arena, 1, sizeof(*subscribe));
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = TB_ERR_NOMEM;

	if (!task->caller.principal) {
		tb_task_fail(task, TB_ERR_UNAUTHENTICATED,
			     TB_STR(TB_DEVICES_NO_TOKEN));
		return;
	}
	if (subscribe)
		err = take_source(task, arg, &subscribe->source, &flaw);
	if (!err)
		err = take_after(task, arg, &subscribe->after, &flaw);
	if (!err)
		err = look_up(task, subscribe);
	if (err) {
		refuse(task, subscribe, err, flaw);
		return;
	}
	task->own = subscribe;
	answer(task, "subscribed", &subscribe->source, "cursor",
	       subscribe->cursor);
}

void tb_call_subscribe_done(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	struct tb_subscriptions *list = &peer->subscriptions;
	struct subscribe *subscribe = task->own;
	struct tb_subscription *one;
	enum tb_err err = get_source(list, &subscribe->source, &one);

	if (!err && !set_cursor(one, subscribe->cursor)) {
		if (!one->cursor)
			forget(list, one);
		err = TB_ERR_NOMEM;
	}
	if (err) {
		tb_task_fail(task, err,
			     err == TB_ERR_TOO_LARGE ? TOO_MANY : TB_STR_NONE);
		return;
	}
	one->module = subscribe->module;
	one->turn = ++list->turns;
	one->is_due = true;
	atomic_store(&peer->follows, true);
	tb_peer_go_on(peer);
}

void tb_call_unsubscribe(struct tb_task *task, struct tb_json_value arg)
{
	struct source *source =
		tb_arena_calloc(task->arena, 1, sizeof(*source));
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = TB_ERR_NOMEM;

	if (source)
		err = take_source(task, arg, source, &flaw);
	if (err) {
		tb_task_fail(task, err, flaw);
		return;
	}
	task->own = source;
	answer(task, "unsubscribed", source, NULL, TB_STR_NONE);
}

void tb_call_unsubscribe_done(struct tb_task *task)
{
	struct tb_subscriptions *list = &task->peer->subscriptions;
	struct tb_subscription *one = find_source(list, task->own);

	if (one)
		forget(list, one);
	atomic_store(&task->peer->follows, list->n > 0);
}

/* ---- changes ---- */

struct reading {
	struct source source;
	uint32_t turn;
	size_t module;
	struct tb_str after;
	size_t max_bytes;
	struct tb_follow_page page;
	struct tb_str *texts; /* a `change` for each */
	struct tb_str error;  /* of a `resync` that ends it; or empty */
	struct tb_str resync;
	enum tb_err err;
};

static enum tb_err make_change(struct tb_task *task, size_t i,
			       struct tb_str *ret)
{
	struct reading *reading = task->own;
	struct tb_follow_page *page = &reading->page;
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, SIZE_MAX);
	w = tb_json_writer(&buf);
	begin_text(&w, &reading->source);
	tb_json_kv_str(&w, "cursor", page->cursors[i]);
	tb_json_rawval(&w, page->changes[i]);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, task->arena, ret);
}

/* What is larger than any message may be would end the client each time. */
static enum tb_err make_changes(struct tb_task *task)
{
	size_t max = task->realtime->devices->options->message_max_bytes;
	struct reading *reading = task->own;
	struct tb_follow_page *page = &reading->page;
	enum tb_err err = TB_OK;

	reading->texts = tb_arena_calloc(task->arena, page->n + 1,
					 sizeof(*reading->texts));
	if (!reading->texts)
		return tb_arena_err(task->arena);
	for (size_t i = 0; !err && i < page->n; i++) {
		err = make_change(task, i, &reading->texts[i]);
		if (!err && reading->texts[i].n > max) {
			reading->error = TOO_LARGE;
			page->n = i;
		}
	}
	return err;
}

static void read_changes(struct tb_task *task)
{
	struct reading *reading = task->own;
	struct tb_follow_query query = {
		.after = reading->after,
		.limit = PAGE_CHANGES,
		.max_bytes = reading->max_bytes,
	};
	enum tb_err err = TB_ERR_CLOSED;

	if (!atomic_load(&task->realtime->is_stopped))
		err = follow(task, &query, &reading->source, &reading->module,
			     &reading->page);
	if (!err)
		err = make_changes(task);
	else if (err == TB_ERR_NOT_FOUND)
		reading->error = UNKNOWN;
	else if (err == TB_ERR_INVALID)
		reading->error = BAD_AFTER;
	else if (err == TB_ERR_RESYNC)
		reading->error = TOO_OLD;
	else if (err == TB_ERR_UNAUTHENTICATED)
		reading->error = TOKEN_TOO_OLD;
	reading->err = err;
	if (reading->error.n > 0)
		reading->err = make_text(task->arena, &reading->source, "error",
					 reading->error, &reading->resync);
}

/* True if all of it went out. */
static bool send_some(struct tb_peer *peer, struct tb_subscription *one,
		      const struct reading *reading)
{
	const struct tb_follow_page *page = &reading->page;
	size_t i = 0;

	for (; i < page->n && !tb_peer_is_full(peer); i++)
		tb_peer_emit(peer, "change", reading->texts[i]);
	/* Without memory for the cursor they come again. */
	if (i < page->n) {
		if (i > 0 && !set_cursor(one, page->cursors[i - 1]))
			tb_peer_go_on_later(peer, true);
		return false;
	}
	return reading->error.n > 0 || set_cursor(one, page->cursor);
}

static void send_changes(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	struct tb_subscriptions *list = &peer->subscriptions;
	struct reading *reading = task->own;
	struct tb_subscription *one = find_turn(list, reading->turn);

	list->is_reading = false;
	if (!one) {
		tb_peer_go_on(peer);
		return;
	}
	if (reading->err) {
		one->is_due = true;
		tb_peer_go_on_later(peer, true);
		return;
	}
	if (!send_some(peer, one, reading)) {
		one->is_due = true;
	} else if (reading->error.n > 0) {
		tb_peer_emit(peer, "resync", reading->resync);
		forget(list, one);
		atomic_store(&peer->follows, list->n > 0);
	} else {
		one->is_due |= reading->page.has_more;
	}
	tb_peer_go_on(peer);
}

static enum tb_err begin_reading(struct tb_task *task,
				 const struct tb_subscription *one)
{
	struct reading *reading = task->own;
	size_t room = tb_peer_room(task->peer) / 2;
	enum tb_err err = tb_arena_strdup(task->arena, tb_str_z(one->name),
					  &reading->source.name);

	if (!err)
		err = tb_arena_strdup(task->arena, tb_str_z(one->cursor),
				      &reading->after);
	reading->source.is_collection = one->is_collection;
	reading->turn = one->turn;
	reading->module = one->module;
	reading->max_bytes = room < PAGE_MAX_BYTES ? room : PAGE_MAX_BYTES;
	return err;
}

static void read_one(struct tb_peer *peer, struct tb_subscription *one)
{
	struct tb_task *task = tb_task_create(peer, read_changes, send_changes,
					      sizeof(struct reading));

	if (!task || begin_reading(task, one)) {
		tb_task_destroy(task);
		one->is_due = true;
		tb_peer_go_on_later(peer, true);
		return;
	}
	one->is_due = false;
	peer->subscriptions.is_reading = true;
	tb_task_submit(task);
}

void tb_subscriptions_go_on(struct tb_peer *peer)
{
	struct tb_subscriptions *list = &peer->subscriptions;

	if (list->is_reading)
		return;
	for (size_t i = 0; i < list->n; i++) {
		size_t at = (list->next + i) % list->n;

		if (list->list[at].is_due) {
			list->next = at + 1;
			read_one(peer, &list->list[at]);
			return;
		}
	}
}

/* ---- news ---- */

static bool may_have_changed(const struct tb_peer *peer,
			     const struct tb_subscription *one,
			     struct tb_arena *arena)
{
	const struct tb_follows *follows = peer->realtime->devices->follows;
	const struct tb_api_module *module = follows->modules[one->module];
	struct tb_follow_query query = {
		.principal = peer->principal,
		.is_collection = one->is_collection,
		.name = tb_str_z(one->name),
		.after = tb_str_z(one->cursor),
		.arena = arena,
	};

	return !arena || !module->follow_peek ||
	       module->follow_peek(follows->mounts[one->module].state, &query);
}

void tb_subscriptions_on_change(struct tb_peer *peer)
{
	struct tb_subscriptions *list = &peer->subscriptions;
	struct tb_arena *arena;

	if (list->n == 0)
		return;
	arena = tb_arena_create(PEEK_MAX_BYTES);
	for (size_t i = 0; i < list->n; i++)
		list->list[i].is_due |=
			may_have_changed(peer, &list->list[i], arena);
	tb_arena_destroy(arena);
}
