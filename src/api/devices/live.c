#include "api/devices/live.h"

#include <pthread.h>

#include "api/devices/live_json.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/table.h"
#include "kernel/device_delivery.h"

#define INTERVAL_US 50000
#define RETRY_US 200000
#define PAGE_EVENTS 256
#define PAGE_MAX_BYTES ((size_t)4 << 20)
#define ARENA_MAX_BYTES ((size_t)512 << 20)
/* Orgs that are looked at before others may come in between. */
#define ORGS_AT_ONCE 64
/* Handed to the hub and not yet sent to all who want them; one may always be.
 */
#define SENDING_MAX 1024
#define SENDING_MAX_BYTES ((size_t)16 << 20)

struct org {
	uint32_t id; /* first, as base/table.h wants it */
	bool is_due;
	bool is_urgent;
	/* The thread's. */
	uint64_t sent; /* all up to here was handed to the hub */
	uint64_t generation;
};

struct tb_live {
	struct tb_core *core;
	struct tb_hub *hub;
	struct tb_roster *roster;
	struct tb_arena *arena;
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;   /* never held while the core is called */
	pthread_cond_t changed; /* the thread waits for it */
	bool is_stopped;
	bool is_due;           /* some org is */
	bool is_urgent;        /* some org is */
	int64_t not_before_us; /* of what is due and not urgent */
	uint32_t last_served;  /* those behind it are next */
	size_t n_sending;
	size_t bytes_sending;
	bool waits_for_hub;
	struct org *orgs; /* in the order of ids */
	size_t n_orgs;
	size_t cap_orgs;
};

/* ---- orgs, with the lock held ---- */

static size_t position_of(const struct tb_live *live, uint32_t id)
{
	return tb_table_position(live->orgs, live->n_orgs, sizeof(*live->orgs),
				 id);
}

static struct org *find_org(struct tb_live *live, uint32_t id)
{
	size_t at = position_of(live, id);

	return at < live->n_orgs && live->orgs[at].id == id ? &live->orgs[at]
							    : NULL;
}

/* An org that nobody had heard of is new: all its events are to be sent. NULL:
 * no memory. */
static struct org *get_org(struct tb_live *live, uint32_t id)
{
	size_t at = position_of(live, id);
	struct org *orgs;

	if (at < live->n_orgs && live->orgs[at].id == id)
		return &live->orgs[at];
	orgs = tb_table_insert(live->orgs, &live->n_orgs, &live->cap_orgs,
			       sizeof(*orgs), at);
	if (!orgs)
		return NULL;
	live->orgs = orgs;
	orgs[at].id = id;
	return &orgs[at];
}

static void mark_due(struct tb_live *live, uint32_t id, bool is_urgent)
{
	struct org *org = get_org(live, id);
	/* Else the thread knows when it will look. */
	bool wakes = is_urgent ? !live->is_urgent : !live->is_due;

	if (!org)
		return;
	org->is_due = true;
	org->is_urgent |= is_urgent;
	live->is_due = true;
	live->is_urgent |= is_urgent;
	if (wakes)
		pthread_cond_signal(&live->changed);
}

void tb_live_wake(struct tb_live *live, uint32_t org)
{
	pthread_mutex_lock(&live->lock);
	mark_due(live, org, true);
	pthread_mutex_unlock(&live->lock);
}

uint64_t tb_live_head(struct tb_live *live, uint32_t id)
{
	struct org *org;
	uint64_t head = 0;

	pthread_mutex_lock(&live->lock);
	org = find_org(live, id);
	if (org)
		head = org->sent;
	pthread_mutex_unlock(&live->lock);
	return head;
}

static void on_heads(void *ctx, uint32_t org)
{
	struct tb_live *live = ctx;

	pthread_mutex_lock(&live->lock);
	mark_due(live, org, false);
	pthread_mutex_unlock(&live->lock);
}

/* ---- sending ---- */

bool tb_live_wants(struct tb_peer *peer, uint64_t id,
		   const struct tb_live_event *event)
{
	if (peer->state != TB_PEER_JOINED || peer->org != event->org ||
	    !tb_peer_gets_events(peer))
		return false;
	/* "A client that reads too slowly is not waited for". */
	if (peer->flow.is_live && tb_peer_is_full(peer)) {
		tb_flow_fall_back(&peer->flow);
		tb_peer_go_on_later(peer, false);
	}
	if (!tb_flow_offer(&peer->flow, id))
		return false;
	return !event->needs_token ||
	       (peer->principal && peer->id != event->connection);
}

static void drop_event(void *data)
{
	struct tb_live_event *event = data;
	struct tb_live *live = event->live;

	pthread_mutex_lock(&live->lock);
	live->n_sending--;
	live->bytes_sending -= event->bytes;
	if (live->waits_for_hub)
		pthread_cond_signal(&live->changed);
	pthread_mutex_unlock(&live->lock);
	tb_free(event);
}

static bool is_hub_full(const struct tb_live *live, size_t bytes)
{
	return live->n_sending >= SENDING_MAX ||
	       (live->n_sending > 0 &&
		live->bytes_sending + bytes > SENDING_MAX_BYTES);
}

/* Waits until the hub takes one more. False: it is to stop. */
static bool wait_for_hub(struct tb_live *live, size_t bytes)
{
	bool is_stopped;

	pthread_mutex_lock(&live->lock);
	live->waits_for_hub = true;
	while (is_hub_full(live, bytes) && !live->is_stopped)
		pthread_cond_wait(&live->changed, &live->lock);
	live->waits_for_hub = false;
	is_stopped = live->is_stopped;
	if (!is_stopped) {
		live->n_sending++;
		live->bytes_sending += bytes;
	}
	pthread_mutex_unlock(&live->lock);
	return !is_stopped;
}

static enum tb_err broadcast(struct tb_live *live,
			     const struct tb_live_json *json, uint64_t id,
			     struct tb_live_event *event)
{
	struct tb_emission emission = {
		.nsp = TB_STR("/"),
		.name = tb_str_z(json->name),
		.args = &json->text,
		.n_args = 1,
	};
	enum tb_err err =
		tb_hub_broadcast(live->hub, &emission, id, event, drop_event);

	if (err)
		drop_event(event);
	return err;
}

static enum tb_err send_event(struct tb_live *live, uint32_t org,
			      const struct tb_device_event *event)
{
	struct tb_live_event *data;
	struct tb_live_json json;
	enum tb_err err = tb_live_json_make(live->arena, event, &json);

	/* One that cannot be shown blocks nobody. */
	if (err == TB_ERR_CORRUPT)
		return TB_OK;
	if (err)
		return err;
	data = tb_malloc(sizeof(*data));
	if (!data)
		return TB_ERR_NOMEM;
	*data = (struct tb_live_event) {
		.live = live,
		.org = org,
		.bytes = json.text.n,
		.needs_token = event->kind == TB_DEVICE_EVENT_UPDATE,
		.connection = json.connection,
	};
	if (!wait_for_hub(live, data->bytes)) {
		tb_free(data);
		return TB_ERR_CLOSED;
	}
	return broadcast(live, &json, event->id, data);
}

static enum tb_err send_page(struct tb_live *live, struct org *org,
			     struct tb_tx *tx, uint64_t head, bool *ret_more)
{
	struct tb_device_query query = {
		.org = org->id,
		.feed = TB_DEVICE_FEED_LIVE,
		.after = org->sent,
		.until = head,
		.limit = PAGE_EVENTS,
		.max_bytes = PAGE_MAX_BYTES,
	};
	struct tb_device_page page;
	enum tb_err err = tb_device_read(tx, live->arena, &query, &page);

	tb_core_read_end(tx);
	for (size_t i = 0; !err && i < page.n; i++) {
		err = send_event(live, org->id, &page.events[i]);
		if (!err)
			org->sent = page.events[i].id;
	}
	if (err)
		return err;
	org->sent = page.has_more ? page.last : head;
	*ret_more = page.has_more;
	return TB_OK;
}

/* Sends a page of what is new in an org. */
static enum tb_err send_org(struct tb_live *live, struct org *org,
			    bool *ret_more)
{
	struct tb_tx *tx;
	uint64_t head;
	enum tb_err err;

	*ret_more = false;
	tb_arena_reset(live->arena);
	err = tb_core_read(live->core, &tx);
	if (err)
		return err;
	err = tb_device_head(tx, org->id, &head);
	if (!err && head > org->sent &&
	    tb_roster_has_org(live->roster, org->id))
		return send_page(live, org, tx, head, ret_more);
	tb_core_read_end(tx);
	/* Nobody is there; who comes after this head was read finds in the
	 * store what is up to it. */
	if (!err && head > org->sent)
		org->sent = head;
	return err;
}

/* `*ret_more`: it is to be called again soon. */
static enum tb_err look_at(struct tb_live *live, struct org *org,
			   bool *ret_more)
{
	struct tb_heads heads;
	enum tb_err err = tb_core_heads(live->core, org->id, &heads);

	*ret_more = false;
	if (err)
		return err;
	if (heads.generation != org->generation)
		tb_roster_tell_org(live->roster, org->id, TB_TOLD_CHECK);
	org->generation = heads.generation;
	return send_org(live, org, ret_more);
}

/* ---- the thread ---- */

/* With the lock held: waits until something is due. False: to stop. */
static bool wait_for_due(struct tb_live *live)
{
	while (!live->is_stopped && !live->is_urgent) {
		if (!live->is_due)
			pthread_cond_wait(&live->changed, &live->lock);
		else if (!tb_cond_wait_until(&live->changed, &live->lock,
					     live->not_before_us))
			break;
	}
	return !live->is_stopped;
}

/* With the lock held: takes the ids of orgs that are due; while some are
 * urgent, of those. */
static size_t take_due(struct tb_live *live, uint32_t *rets, size_t max)
{
	bool only_urgent = live->is_urgent;
	size_t first = position_of(live, live->last_served + 1);
	size_t n = 0;

	if (!only_urgent)
		live->not_before_us = tb_clock_monotonic_us() + INTERVAL_US;
	live->is_urgent = false;
	live->is_due = false;
	for (size_t i = 0; i < live->n_orgs; i++) {
		struct org *org = &live->orgs[(first + i) % live->n_orgs];

		if (n < max && org->is_due &&
		    (org->is_urgent || !only_urgent)) {
			org->is_due = false;
			org->is_urgent = false;
			rets[n++] = org->id;
		}
		live->is_due |= org->is_due;
		live->is_urgent |= org->is_urgent;
	}
	return n;
}

/* With the lock held, which is given up meanwhile. */
static void serve(struct tb_live *live, uint32_t id)
{
	struct org org = *find_org(live, id);
	struct org *now;
	bool has_more;
	enum tb_err err;

	live->last_served = id;
	pthread_mutex_unlock(&live->lock);
	err = look_at(live, &org, &has_more);
	pthread_mutex_lock(&live->lock);
	now = find_org(live, id);
	now->sent = org.sent;
	now->generation = org.generation;
	if (err || has_more)
		mark_due(live, id, !err);
	if (err)
		live->not_before_us = tb_clock_monotonic_us() + RETRY_US;
	pthread_mutex_unlock(&live->lock);
	/* Once it is known how far the org is. */
	tb_roster_tell_org(live->roster, id, TB_TOLD_CHANGES);
	pthread_mutex_lock(&live->lock);
}

static void *run(void *arg)
{
	struct tb_live *live = arg;
	uint32_t due[ORGS_AT_ONCE];
	size_t n;

	pthread_mutex_lock(&live->lock);
	while (wait_for_due(live)) {
		n = take_due(live, due, ORGS_AT_ONCE);
		for (size_t i = 0; i < n && !live->is_stopped; i++)
			serve(live, due[i]);
	}
	pthread_mutex_unlock(&live->lock);
	return NULL;
}

/* ---- beginning and end ---- */

/* What is stored by now is nobody's live flow. */
static enum tb_err begin_orgs(struct tb_live *live)
{
	struct tb_heads heads;
	struct tb_tx *tx;
	struct org *org;
	uint32_t id = TB_ORG_SYSTEM;
	enum tb_err err = tb_core_read(live->core, &tx);

	if (err)
		return err;
	while (!err && tb_core_next_org(live->core, id, &id, &heads)) {
		org = get_org(live, id);
		err = org ? tb_device_head(tx, id, &org->sent) : TB_ERR_NOMEM;
		if (!err)
			org->generation = heads.generation;
	}
	tb_core_read_end(tx);
	return err;
}

enum tb_err tb_live_start(struct tb_core *core, struct tb_hub *hub,
			  struct tb_roster *roster, struct tb_live **ret)
{
	struct tb_live *live = tb_calloc(1, sizeof(*live));
	enum tb_err err = TB_ERR_NOMEM;

	if (!live)
		return TB_ERR_NOMEM;
	live->core = core;
	live->hub = hub;
	live->roster = roster;
	pthread_mutex_init(&live->lock, NULL);
	pthread_cond_init(&live->changed, NULL);
	live->arena = tb_arena_create(ARENA_MAX_BYTES);
	if (live->arena)
		err = begin_orgs(live);
	if (!err && pthread_create(&live->thread, NULL, run, live) != 0)
		err = TB_ERR_NOMEM;
	if (err) {
		tb_live_destroy(live);
		return err;
	}
	live->is_started = true;
	tb_core_listen(core, on_heads, live);
	*ret = live;
	return TB_OK;
}

void tb_live_stop(struct tb_live *live)
{
	if (!live->is_started)
		return;
	tb_core_listen_no_more(live->core, live);
	pthread_mutex_lock(&live->lock);
	live->is_stopped = true;
	pthread_cond_signal(&live->changed);
	pthread_mutex_unlock(&live->lock);
	pthread_join(live->thread, NULL);
	live->is_started = false;
}

void tb_live_destroy(struct tb_live *live)
{
	if (!live)
		return;
	tb_live_stop(live);
	pthread_cond_destroy(&live->changed);
	pthread_mutex_destroy(&live->lock);
	tb_arena_destroy(live->arena);
	tb_free(live->orgs);
	tb_free(live);
}
