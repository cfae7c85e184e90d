/*
 * The commit that adds devices' events. Each item is judged by itself; what its
 * sender's registration and marks become is written once for all its items.
 */
#include <stdio.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/device_event.h"
#include "kernel/device_tally.h"
#include "kernel/device_wait.h"
#include "kernel/event_same.h"
#include "kernel/registration.h"
#include "kernel/system.h"

/* For what a look into one payload takes. */
#define SCRATCH_MAX_BYTES ((size_t)1 << 30)
/* A device's own events are marked while it has fewer islands than this:
 * enough for one that only pushes, which then has none. */
#define OWN_ISLANDS_MAX 64

/* ---- names ---- */

/* Two ways of naming an event, which never give the same name: digests of parts
 * of which all but the last have a fixed length. */
static void name_by_client(const struct tb_device_push_item *item,
			   uint8_t ret[TB_SHA256_BYTES])
{
	uint8_t device[TB_SHA256_BYTES];
	const struct tb_str parts[] = {
		TB_STR("client"),
		tb_str((const char *)device, sizeof(device)),
		item->client_id,
	};

	tb_sha256(item->device, device);
	tb_sha256_parts(parts, TB_ARRAY_LEN(parts), ret);
}

/* The moment that a timestamp stands for, however it is written. */
static enum tb_err digest_moment(struct tb_arena *scratch,
				 struct tb_str timestamp,
				 uint8_t ret[TB_SHA256_BYTES])
{
	struct tb_json json;
	struct tb_str text;
	int64_t us;
	enum tb_err err = tb_json_parse(scratch, timestamp, NULL, &json, NULL);

	if (err == TB_OK)
		err = tb_json_string(scratch, tb_json_root(&json), &text);
	if (err == TB_OK)
		err = tb_time_parse(
			text, TB_TIME_DATE_ALLOWED | TB_TIME_ANY_FORM, &us);
	if (err == TB_OK)
		tb_sha256(tb_str((const char *)&us, sizeof(us)), ret);
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

static enum tb_err name_by_content(struct tb_arena *scratch,
				   const struct tb_device_push_item *item,
				   uint8_t ret[TB_SHA256_BYTES])
{
	uint8_t digests[4][TB_SHA256_BYTES];
	const struct tb_str parts[] = {
		TB_STR("content"),
		tb_str((const char *)digests, sizeof(digests)),
	};
	enum tb_err err;

	tb_sha256(item->device, digests[0]);
	tb_sha256(item->type, digests[1]);
	err = digest_moment(scratch, item->timestamp, digests[2]);
	if (err == TB_OK)
		err = tb_event_digest(scratch, item->payload, digests[3]);
	if (err == TB_OK)
		tb_sha256_parts(parts, TB_ARRAY_LEN(parts), ret);
	return err;
}

static enum tb_err name_item(struct tb_arena *scratch,
			     struct tb_device_push_item *item)
{
	memset(item->name, 0, sizeof(item->name));
	item->is_named = item->client_id.n > 0 || item->timestamp.n > 0;
	if (item->client_id.n > 0) {
		name_by_client(item, item->name);
		return TB_OK;
	}
	return item->is_named ? name_by_content(scratch, item, item->name)
			      : TB_OK;
}

static enum tb_err name_items(struct tb_device_push *push)
{
	struct tb_arena *scratch = tb_arena_create(SCRATCH_MAX_BYTES);
	enum tb_err err = scratch != NULL ? TB_OK : TB_ERR_NOMEM;

	for (size_t i = 0; err == TB_OK && i < push->n; i++) {
		tb_arena_reset(scratch);
		err = name_item(scratch, &push->items[i]);
	}
	tb_arena_destroy(scratch);
	return err;
}

static struct tb_str name_of(const struct tb_device_push_item *item)
{
	return tb_str((const char *)item->name, sizeof(item->name));
}

/* ---- what is known again ---- */

/* Its body: [id,time of arrival]. */
static enum tb_err put_sent(struct tb_view *view,
			    const struct tb_device_push_item *item)
{
	struct tb_str body;
	enum tb_err err = tb_arena_printf(
		tb_view_arena(view), &body, "[%llu,%lld]",
		(unsigned long long)item->id, (long long)item->arrived_us);

	return err == TB_OK ? tb_view_put_silent(view, TB_COLL_SENT,
						 name_of(item), body)
			    : err;
}

static enum tb_err read_sent(struct tb_arena *arena, struct tb_str body,
			     struct tb_device_push_item *item)
{
	struct tb_json_iter it;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	it = tb_json_iter(tb_json_root(&json));
	if (!tb_json_next(&it) || tb_json_u64(it.value, &item->id) != TB_OK ||
	    !tb_json_next(&it) ||
	    tb_json_i64(it.value, &item->arrived_us) != TB_OK)
		return TB_ERR_CORRUPT;
	return TB_OK;
}

static enum tb_err find_sent(struct tb_view *view,
			     struct tb_device_push_item *item)
{
	const struct tb_record *record = NULL;
	enum tb_err err = TB_OK;

	if (item->is_named)
		err = tb_view_get(view, TB_COLL_SENT, name_of(item), &record);
	if (err == TB_OK && record != NULL)
		err = read_sent(tb_view_arena(view), record->body, item);
	item->is_repeated = err == TB_OK && record != NULL;
	return err;
}

/* ---- senders ---- */

/* A device of this push, as it becomes. */
struct sender {
	struct tb_registration reg;
	struct tb_device_marks marks;
	bool is_marked; /* the marks changed */
};

struct pushing {
	struct tb_device_push *push;
	struct tb_view *view;
	struct sender *senders;
	size_t n_senders;
};

/* Most pushes are of one device. */
static struct sender *known_sender(struct pushing *p, struct tb_str device)
{
	for (size_t i = p->n_senders; i-- > 0;)
		if (tb_str_eq(p->senders[i].reg.device, device))
			return &p->senders[i];
	return NULL;
}

/* NULL: an update of a device that is not registered, which it does not change:
 * a client that is no device may send one. CONFLICT: too many devices. */
static enum tb_err find_sender(struct pushing *p,
			       const struct tb_device_push_item *item,
			       struct sender **ret)
{
	struct sender *sender = known_sender(p, item->device);
	enum tb_err err;

	if (sender != NULL) {
		*ret = sender;
		return TB_OK;
	}
	sender = &p->senders[p->n_senders];
	*sender = (struct sender) { .is_marked = false };
	err = tb_registration_get(p->view, item->device, &sender->reg,
				  &sender->marks);
	if (err == TB_ERR_NOT_FOUND && item->kind == TB_DEVICE_EVENT_UPDATE) {
		*ret = NULL;
		return TB_OK;
	}
	if (err == TB_ERR_NOT_FOUND)
		err = tb_registration_make(p->view, item->device,
					   p->push->devices_max, &sender->reg,
					   &sender->marks);
	if (err == TB_OK)
		err = tb_registration_see(p->view, &sender->reg);
	if (err != TB_OK)
		return err;
	p->n_senders++;
	*ret = sender;
	return TB_OK;
}

/* A device's own event is done for it, of whichever kind it is; it is marked
 * where that keeps the marks short. */
static enum tb_err mark_own(struct pushing *p, struct sender *sender,
			    uint64_t id)
{
	struct tb_marks *const both[] = { &sender->marks.critical,
					  &sender->marks.others };
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(both); i++) {
		if (both[i]->n_islands >= OWN_ISLANDS_MAX &&
		    !tb_marks_has(both[i], id - 1))
			continue;
		sender->is_marked = true;
		err = tb_marks_add(both[i], tb_view_arena(p->view), id, id,
				   TB_MARKS_ISLANDS_MAX);
	}
	return err;
}

static enum tb_err save_marks(struct pushing *p)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < p->n_senders; i++) {
		const struct sender *sender = &p->senders[i];

		if (sender->is_marked)
			err = tb_registration_save_marks(
				p->view, sender->reg.device, &sender->marks);
	}
	return err;
}

/* ---- one event ---- */

static enum tb_err open_tallies(struct tb_view *view,
				const struct tb_device_push_item *item,
				struct tb_device_wait *wait)
{
	uint64_t *rids = wait->tallies;
	enum tb_err err =
		tb_device_tally_open(view, item->device, TB_STR_NONE, &rids[0]);

	wait->n_tallies = 1;
	if (item->user.n == 0)
		return err;
	wait->n_tallies = 3;
	if (err == TB_OK)
		err = tb_device_tally_open(view, TB_STR_NONE, item->user,
					   &rids[1]);
	return err == TB_OK ? tb_device_tally_open(view, item->device,
						   item->user, &rids[2])
			    : err;
}

/* The feeds that an event is in. */
#define FEEDS_MAX (3 + TB_DELIVERY_TALLIES_MAX)
static size_t feeds_of(uint32_t org, const struct tb_device_push_item *item,
		       const struct tb_device_wait *wait,
		       struct tb_target targets[FEEDS_MAX])
{
	uint64_t scopes[FEEDS_MAX];
	size_t n = 0;

	scopes[n++] = tb_scope_known(org, TB_SCOPE_DEVICE_EVENTS);
	if (item->kind != TB_DEVICE_EVENT_PLAIN)
		scopes[n++] = tb_scope_known(org, TB_SCOPE_LIVE_EVENTS);
	if (wait->is_critical)
		scopes[n++] = tb_scope_known(org, TB_SCOPE_CRITICAL_EVENTS);
	for (size_t i = 0; i < wait->n_tallies; i++)
		scopes[n++] = wait->tallies[i];
	for (size_t i = 0; i < n; i++)
		targets[i] = (struct tb_target) { .scope = scopes[i],
						  .flags = TB_ENTRY_FIXED,
						  .num = item->id };
	return n;
}

static enum tb_err put_event(struct tb_view *view,
			     struct tb_device_push_item *item,
			     const struct tb_device_wait *wait)
{
	struct tb_target targets[FEEDS_MAX];
	struct tb_put put = {
		.coll = TB_COLL_DEVICE_EVENT,
		.origin = TB_ORIGIN_CENTRE,
		.targets = targets,
		.n_targets =
			feeds_of(tb_view_org_id(view), item, wait, targets),
	};
	const struct tb_record *record;
	enum tb_err err =
		tb_device_event_key(tb_view_arena(view), item->id, &put.key);

	if (err == TB_OK)
		err = tb_device_event_encode(tb_view_arena(view), item,
					     &put.body);
	if (err == TB_OK)
		err = tb_view_put(view, &put, &record);
	if (err == TB_OK)
		item->arrived_us = record->updated_us;
	return err;
}

/* For whom it waits: those that count now, but for its sender (or NULL). */
static enum tb_err count_waiting(struct tb_view *view,
				 const struct sender *sender,
				 struct tb_device_wait *wait)
{
	uint64_t n;
	enum tb_err err = tb_registration_count(view, &n);

	if (err != TB_OK)
		return err;
	n -= sender != NULL && sender->reg.state == TB_REGISTRATION_ACTIVE;
	wait->waiting_for = (uint32_t)n;
	wait->status = n > 0 ? TB_DEVICE_EVENT_PENDING : TB_DEVICE_EVENT_SYNCED;
	return TB_OK;
}

static enum tb_err store_item(struct pushing *p, struct sender *sender,
			      struct tb_device_push_item *item)
{
	struct tb_device_wait wait = {
		.is_critical = item->kind == TB_DEVICE_EVENT_CRITICAL,
	};
	uint64_t head;
	enum tb_err err = tb_device_head_get(p->view, &head);

	item->id = head + 1;
	if (err == TB_OK)
		err = tb_device_head_put(p->view, item->id);
	if (err == TB_OK)
		err = count_waiting(p->view, sender, &wait);
	if (err == TB_OK)
		err = open_tallies(p->view, item, &wait);
	if (err == TB_OK)
		err = put_event(p->view, item, &wait);
	if (err == TB_OK)
		err = tb_device_wait_begin(p->view, item->id, &wait);
	if (err == TB_OK && item->is_named)
		err = put_sent(p->view, item);
	if (err == TB_OK && sender != NULL)
		err = mark_own(p, sender, item->id);
	p->push->n_stored++;
	return err;
}

static enum tb_err push_item(struct pushing *p,
			     struct tb_device_push_item *item)
{
	struct sender *sender = NULL;
	enum tb_err err = find_sent(p->view, item);

	item->err = TB_OK;
	if (err != TB_OK || item->is_repeated)
		return err;
	if (!item->is_no_devices)
		err = find_sender(p, item, &sender);
	if (err == TB_ERR_CONFLICT) {
		item->err = err;
		return TB_OK;
	}
	return err == TB_OK ? store_item(p, sender, item) : err;
}

/* ---- the commit ---- */

static enum tb_err push_gather(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_device_push *push = (struct tb_device_push *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < push->n; i++) {
		const struct tb_device_push_item *item = &push->items[i];

		err = tb_registration_want(view, item->device);
		if (err == TB_OK && item->is_named)
			err = tb_view_want(view, TB_COLL_SENT, name_of(item));
	}
	return err;
}

static void set_detail(struct tb_device_push *push)
{
	int n = snprintf(push->detail, sizeof(push->detail),
			 "\"events\":%zu,\"stored\":%zu", push->n,
			 push->n_stored);

	TB_ASSERT(n > 0 && (size_t)n < sizeof(push->detail));
	push->commit.note.detail = tb_str(push->detail, (size_t)n);
}

static enum tb_err push_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_device_push *push = (struct tb_device_push *)commit;
	struct pushing p = { .push = push, .view = view };
	enum tb_err err = TB_OK;

	push->n_stored = 0;
	p.senders = tb_arena_calloc(tb_view_arena(view), push->n,
				    sizeof(*p.senders));
	if (p.senders == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; err == TB_OK && i < push->n; i++)
		err = push_item(&p, &push->items[i]);
	if (err == TB_OK)
		err = save_marks(&p);
	if (err == TB_OK && push->n_stored > 0)
		tb_view_org(view)->commits++;
	set_detail(push);
	return err;
}

enum tb_err tb_device_push_prepare(struct tb_device_push *push, uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "push_events",
		.gather = push_gather,
		.decide = push_decide,
	};

	push->commit.kind = &kind;
	push->commit.org = org;
	push->commit.weight = push->n;
	return name_items(push);
}
