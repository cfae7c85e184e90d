/*
 * POST push: an event, or an array of them, each judged by itself.
 */
#include "api/devices/call.h"
#include "api/devices/decode_event.h"
#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "api/devices/handlers.h"

#define ANSWER_MAX_BYTES ((size_t)64 << 20)

/* One element of a push: a flaw, or the number of its item. */
struct element {
	enum tb_err err;
	struct tb_str flaw;
	size_t item;
};

struct push {
	const struct tb_devices_caller *caller;
	const struct tb_request *req;
	struct tb_json json;
	bool is_array;
	struct element *elements;
	size_t n;
	struct tb_device_push commit;
	/* The device that was asked for last, and may be spoken for. */
	struct tb_str checked;
};

/* ---- decoding ---- */

/* What is wrong with the whole is said by `*ret_flaw`. */
static enum tb_err parse(struct push *push, struct tb_str *ret_flaw)
{
	const struct tb_request *req = push->req;
	struct tb_str text = req->body;
	struct tb_json_limits limits;
	enum tb_err err;

	while (text.n > 0 && memchr(" \t\r\n", text.p[0], 4))
		text = tb_str(text.p + 1, text.n - 1);
	push->is_array = text.n > 0 && text.p[0] == '[';
	limits = tb_devices_event_limits(push->is_array ? 1 : 0);
	err = tb_devices_parse(req->arena, text, &limits, &push->json,
			       ret_flaw);
	if (err)
		return err;
	if (push->is_array ||
	    tb_json_is(tb_json_root(&push->json), TB_JSON_OBJECT))
		return TB_OK;
	*ret_flaw = TB_STR(TB_DEVICES_NOT_EVENTS);
	return TB_ERR_INVALID;
}

/* "An array of up to `devices.batch_max` events [...] Over it: 413." */
static enum tb_err refuse_many(const struct push *push, uint32_t max,
			       struct tb_str *ret_flaw)
{
	enum tb_err err =
		tb_arena_printf(push->req->arena, ret_flaw,
				"A push holds up to %u events", (unsigned)max);

	return err ? err : TB_ERR_TOO_LARGE;
}

static enum tb_err make_room(struct push *push, struct tb_str *ret_flaw)
{
	uint32_t max = push->caller->devices->options->batch_max;
	struct tb_arena *arena = push->req->arena;
	size_t n =
		push->is_array ? tb_json_count(tb_json_root(&push->json)) : 1;

	if (n > max)
		return refuse_many(push, max, ret_flaw);
	push->elements = tb_arena_calloc(arena, n, sizeof(*push->elements));
	push->commit.items =
		tb_arena_calloc(arena, n, sizeof(*push->commit.items));
	if (n > 0 && (!push->elements || !push->commit.items))
		return tb_arena_err(arena);
	return TB_OK;
}

/* Whether the caller may send it, and in whose name. */
static enum tb_err judge(struct push *push, struct tb_device_push_item *item,
			 struct tb_str *ret_flaw)
{
	const char *flaw = NULL;
	enum tb_err err = TB_OK;

	if (!tb_str_eq(item->device, push->checked))
		err = tb_devices_caller_check(push->caller, item->device,
					      &flaw);
	if (!err) {
		push->checked = item->device;
		err = tb_devices_caller_user(push->caller, item->user,
					     &item->user, &flaw);
	}
	*ret_flaw = tb_str_z(flaw);
	return err;
}

/* Errors that are the element's own are its alone. */
static enum tb_err take(struct push *push, struct tb_json_value value)
{
	struct element *element = &push->elements[push->n++];
	struct tb_device_push_item *item = &push->commit.items[push->commit.n];
	enum tb_err err = tb_devices_take_event(push->req->arena, value, item,
						&element->flaw);

	if (!err)
		err = judge(push, item, &element->flaw);
	if (err && err != TB_ERR_INVALID && err != TB_ERR_DENIED)
		return err;
	element->err = err;
	element->item = push->commit.n;
	if (!err)
		push->commit.n++;
	return TB_OK;
}

static enum tb_err decode(struct push *push, struct tb_str *ret_flaw)
{
	struct tb_json_value root;
	struct tb_json_iter it;
	enum tb_err err = parse(push, ret_flaw);

	if (!err)
		err = make_room(push, ret_flaw);
	if (err)
		return err;
	root = tb_json_root(&push->json);
	if (!push->is_array)
		return take(push, root);
	it = tb_json_iter(root);
	while (!err && tb_json_next(&it))
		err = take(push, it.value);
	return err;
}

/* ---- storing ---- */

/* The device that all events are of; empty: they are of several. */
static struct tb_str only_device(const struct tb_device_push *commit)
{
	for (size_t i = 1; i < commit->n; i++)
		if (!tb_str_eq(commit->items[i].device,
			       commit->items[0].device))
			return TB_STR_NONE;
	return commit->items[0].device;
}

static enum tb_err store(struct push *push, struct tb_response *res)
{
	const struct tb_devices_caller *caller = push->caller;
	struct tb_device_push *commit = &push->commit;
	enum tb_err err;

	if (commit->n == 0)
		return TB_OK;
	commit->arena = push->req->arena;
	commit->devices_max = caller->devices->options->devices_max;
	err = tb_device_push_prepare(commit, caller->org);
	if (!err)
		err = tb_devices_call_note(push->req, res, "push",
					   only_device(commit),
					   &commit->commit.note);
	if (err)
		return err;
	if (commit->n < push->n)
		commit->commit.note.status = "partial";
	return tb_core_commit(caller->devices->core, &commit->commit);
}

static void note_seen(const struct push *push)
{
	const struct tb_device_push_item *items = push->commit.items;

	for (size_t i = 0; i < push->commit.n; i++)
		if (i == 0 || !tb_str_eq(items[i].device, items[i - 1].device))
			tb_seen_note(push->caller->devices->seen,
				     push->caller->org, items[i].device,
				     push->req->now_us);
}

/* ---- answering ---- */

static void put_event_id(struct tb_json_writer *w, uint64_t id)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "message", TB_STR("Event queued"));
	tb_json_kv_uint(w, "event_id", id);
	tb_json_end_object(w);
}

static void put_error(struct tb_json_writer *w, struct tb_str flaw)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "error", flaw);
	tb_json_end_object(w);
}

/* The error of an element, in its decoding or in its commit. */
static enum tb_err outcome(const struct push *push,
			   const struct element *element,
			   struct tb_str *ret_flaw)
{
	enum tb_err err = element->err;

	*ret_flaw = element->flaw;
	if (err)
		return err;
	*ret_flaw = TB_STR(TB_DEVICES_TOO_MANY);
	return push->commit.items[element->item].err;
}

/* "With neither the answer carries `X-Retry-Unsafe: 1`". */
static enum tb_err warn(const struct push *push, struct tb_response *res)
{
	const struct tb_device_push *commit = &push->commit;

	for (size_t i = 0; i < commit->n; i++)
		if (!commit->items[i].err && !commit->items[i].is_named)
			return tb_response_header(res, "X-Retry-Unsafe",
						  TB_STR("1"));
	return TB_OK;
}

/* "answered by an array, an element for each in its order; a bad one has
 * `{"error":"..."}` in its place". */
static void put_array(struct tb_json_writer *w, const struct push *push)
{
	struct tb_str flaw;

	tb_json_begin_array(w);
	for (size_t i = 0; i < push->n; i++) {
		const struct element *element = &push->elements[i];

		if (outcome(push, element, &flaw))
			put_error(w, flaw);
		else
			put_event_id(w, push->commit.items[element->item].id);
	}
	tb_json_end_array(w);
}

static void answer_body(const struct push *push, struct tb_response *res)
{
	struct tb_json_writer w;
	struct tb_buf body;
	enum tb_err err = warn(push, res);

	if (err) {
		tb_response_fail(res, push->req, err);
		return;
	}
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	if (push->is_array)
		put_array(&w, push);
	else
		put_event_id(&w, push->commit.items[0].id);
	tb_response_written(res, push->req, 200, TB_JSON_TYPE, &body);
}

static void answer(const struct push *push, struct tb_response *res)
{
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = push->is_array
				  ? TB_OK
				  : outcome(push, &push->elements[0], &flaw);

	if (err)
		tb_devices_answer_flaw(push->req, res, err, flaw);
	else
		answer_body(push, res);
}

void tb_devices_post_push(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	struct tb_devices_caller caller;
	struct push push = { .caller = &caller, .req = req };
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err;

	if (!tb_devices_call_open(&caller, state, req, res))
		return;
	err = decode(&push, &flaw);
	if (!err)
		err = store(&push, res);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	note_seen(&push);
	answer(&push, res);
}
