/*
 * Pages of devices' events, from a snapshot. What a device has is jumped over:
 * the feed is read gap by gap, each gap between two islands of its marks.
 */
#include "base/assert.h"
#include "codec/json.h"
#include "kernel/device_delivery.h"
#include "kernel/device_record.h"
#include "kernel/device_tally.h"
#include "kernel/feeds.h"
#include "kernel/system.h"

/* Events looked at for one page; those that are left out are among them. */
#define LOOK_MAX 20000
#define PAGE_MIN 16

struct reading {
	struct tb_tx *tx;
	struct tb_arena *arena;
	const struct tb_device_query *query;
	uint64_t scope;       /* 0: there is no such feed */
	struct tb_str quoted; /* not_device as a JSON string, or empty */
	struct tb_device_page page;
	size_t room;   /* for events */
	size_t bytes;  /* of their records' bodies */
	size_t looked; /* how many events */
	bool is_full;
};

/* ---- one event ---- */

static bool is_left_out(const struct reading *r, uint64_t id,
			struct tb_str body)
{
	const struct tb_device_query *query = r->query;
	bool is_critical = tb_device_event_is_critical(body);

	if (query->marks != NULL &&
	    tb_device_marks_have(query->marks, is_critical, id))
		return true;
	return r->quoted.n > 0 && tb_device_event_is_of(body, r->quoted);
}

/* The next event of the page, to be filled in. NULL: no memory. */
static struct tb_device_event *next_event(struct reading *r)
{
	size_t room = r->room > 0 ? 2 * r->room : PAGE_MIN;
	struct tb_device_event *events = r->page.events;

	if (r->page.n < r->room)
		return &events[r->page.n];
	events = tb_arena_resize(r->arena, events, r->room * sizeof(*events),
				 room * sizeof(*events));
	if (events == NULL)
		return NULL;
	r->page.events = events;
	r->room = room;
	return &events[r->page.n];
}

/* The page ends before an event that would be over it. */
static void end_page(struct reading *r)
{
	r->is_full = true;
	r->page.has_more = true;
	if (r->page.n > 0)
		r->page.last = r->page.events[r->page.n - 1].id;
}

/* `record` lives as long as the page. */
static enum tb_err add(struct reading *r, const struct tb_record *record)
{
	struct tb_device_event *event = next_event(r);
	enum tb_err err;

	if (event == NULL)
		return tb_arena_err(r->arena);
	err = tb_device_event_decode(r->arena, record, event, NULL);
	if (err != TB_OK)
		return err;
	r->bytes += record->body.n;
	r->page.n++;
	return TB_OK;
}

/* Whether an event with this body goes into the page; it is full otherwise. */
static bool fits(const struct reading *r, struct tb_str body)
{
	if (r->page.n >= r->query->limit)
		return false;
	return r->page.n == 0 || (r->bytes <= r->query->max_bytes &&
				  body.n <= r->query->max_bytes - r->bytes);
}

/* ---- forwards ---- */

static enum tb_err take_row(struct reading *r, const struct tb_feed_row *row)
{
	struct tb_record record = row->record;
	enum tb_err err;

	if (is_left_out(r, row->num, record.body))
		return TB_OK;
	if (!fits(r, record.body)) {
		end_page(r);
		return TB_OK;
	}
	err = tb_arena_strdup(r->arena, row->record.body, &record.body);
	if (err == TB_OK)
		err = tb_arena_strdup(r->arena, row->record.key, &record.key);
	return err == TB_OK ? add(r, &record) : err;
}

/* Reads on behind `after`, up to `until`. */
static enum tb_err read_gap(struct reading *r, uint64_t after, uint64_t until)
{
	const struct tb_store_ops *ops = r->tx->store->ops;
	const struct tb_feed_query query = {
		.scope = r->scope,
		.after = after,
		.until = until,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = ops->feed_open(r->tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (err == TB_OK && !r->is_full) {
		err = ops->feed_next(cursor, &row);
		if (err != TB_OK)
			break;
		if (r->looked++ == LOOK_MAX) {
			r->is_full = true;
			r->page.has_more = true;
			break;
		}
		err = take_row(r, &row);
		if (!r->is_full)
			r->page.last = row.num;
	}
	ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* The first id at or above this one that the page may hold, and the first at
 * or above that one that it does not, by the marks. */
static uint64_t gap_begin(const struct tb_device_query *query, uint64_t id)
{
	if (query->marks == NULL)
		return id;
	return query->only_critical ? tb_marks_next(&query->marks->critical, id)
				    : tb_device_marks_next(query->marks, id);
}

static uint64_t gap_end(const struct tb_device_query *query, uint64_t id)
{
	if (query->marks == NULL)
		return UINT64_MAX;
	return query->only_critical
		       ? tb_marks_next_done(&query->marks->critical, id)
		       : tb_device_marks_next_done(query->marks, id);
}

static enum tb_err read_forwards(struct reading *r)
{
	const struct tb_device_query *query = r->query;
	uint64_t at = query->after;
	enum tb_err err = TB_OK;

	while (err == TB_OK && !r->is_full && at < query->until) {
		uint64_t first = gap_begin(query, at + 1);
		uint64_t end = gap_end(query, first);

		if (first > query->until)
			break;
		at = end > query->until || end == UINT64_MAX ? query->until
							     : end - 1;
		err = read_gap(r, first - 1, at);
	}
	if (err == TB_OK && !r->is_full)
		r->page.last = query->until;
	return err;
}

/* ---- by their ids ---- */

static enum tb_err find_event(struct tb_tx *tx, struct tb_arena *arena,
			      uint32_t org, uint64_t id, struct tb_record **ret)
{
	struct tb_key key = { .org = org, .coll = TB_COLL_DEVICE_EVENT };
	enum tb_err err = tb_device_event_key(arena, id, &key.key);

	return err == TB_OK ? tx->store->ops->find(tx, arena, &key, 1, ret)
			    : err;
}

static enum tb_err take_id(struct reading *r, uint64_t id)
{
	struct tb_record *record = NULL;
	enum tb_err err = TB_OK;

	if (r->page.n < r->query->limit)
		err = find_event(r->tx, r->arena, r->query->org, id, &record);
	else
		end_page(r);
	if (err != TB_OK || r->is_full)
		return err;
	if (record == NULL)
		return TB_ERR_CORRUPT;
	if (!fits(r, record->body)) {
		end_page(r);
		return TB_OK;
	}
	return add(r, record);
}

/* The feed's rows are not of the events, or come in the other order. */
static enum tb_err read_ids(struct reading *r)
{
	const struct tb_store_ops *ops = r->tx->store->ops;
	const struct tb_feed_query query = {
		.scope = r->scope,
		.after = r->query->after,
		.until = r->query->until,
		.limit = UINT64_MAX,
		.backwards = r->query->backwards,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = ops->feed_open(r->tx, &query, &cursor);

	TB_ASSERT(r->query->marks == NULL && r->quoted.n == 0);
	if (err != TB_OK)
		return err;
	while (err == TB_OK && !r->is_full) {
		err = ops->feed_next(cursor, &row);
		if (err == TB_OK)
			err = take_id(r, row.num);
	}
	ops->feed_close(cursor);
	if (err == TB_ERR_NOT_FOUND)
		r->page.last =
			r->query->backwards ? r->query->after : r->query->until;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* ---- what became of them ---- */

static enum tb_err set_status(struct tb_arena *arena,
			      const struct tb_record *delivery,
			      struct tb_device_event *event)
{
	struct tb_device_wait wait = { .status = TB_DEVICE_EVENT_SYNCED };
	enum tb_err err = TB_OK;

	if (delivery != NULL)
		err = tb_device_wait_decode(arena, delivery, &wait);
	event->status = wait.status;
	event->waiting_for = wait.waiting_for;
	return err;
}

static enum tb_err set_statuses(struct tb_tx *tx, struct tb_arena *arena,
				uint32_t org, struct tb_device_event *events,
				size_t n)
{
	struct tb_key *keys = tb_arena_calloc(arena, n, sizeof(*keys));
	struct tb_record **records =
		tb_arena_calloc(arena, n, sizeof(struct tb_record *));
	enum tb_err err = TB_OK;

	if (keys == NULL || records == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; err == TB_OK && i < n; i++) {
		keys[i].org = org;
		keys[i].coll = TB_COLL_DELIVERY;
		err = tb_device_event_key(arena, events[i].id, &keys[i].key);
	}
	if (err == TB_OK)
		err = tx->store->ops->find(tx, arena, keys, n, records);
	for (size_t i = 0; err == TB_OK && i < n; i++)
		err = set_status(arena, records[i], &events[i]);
	return err;
}

/* ---- pages ---- */

static enum tb_err find_scope(struct reading *r)
{
	const struct tb_device_query *query = r->query;
	struct tb_record *record = NULL;
	enum tb_err err = TB_OK;

	switch (query->feed) {
	case TB_DEVICE_FEED_ALL:
	case TB_DEVICE_FEED_LIVE:
		r->scope = tb_scope_known(query->org,
					  query->only_critical
						  ? TB_SCOPE_CRITICAL_EVENTS
					  : query->feed == TB_DEVICE_FEED_LIVE
						  ? TB_SCOPE_LIVE_EVENTS
						  : TB_SCOPE_DEVICE_EVENTS);
		break;
	case TB_DEVICE_FEED_OVERDUE:
		r->scope =
			tb_scope_known(query->org, TB_SCOPE_PENDING_CRITICAL);
		break;
	case TB_DEVICE_FEED_SENDER:
		err = tb_device_tally_find(r->tx, r->arena, query->org,
					   query->device, query->user, &record);
		if (err == TB_OK && record != NULL)
			r->scope = record->rid;
		break;
	}
	return err;
}

static enum tb_err quote(struct reading *r)
{
	struct tb_buf buf;

	if (r->query->not_device.n == 0)
		return TB_OK;
	tb_buf_init(&buf, 6 * r->query->not_device.n + 2);
	tb_json_put_string(&buf, r->query->not_device);
	return tb_buf_copy_out(&buf, r->arena, &r->quoted);
}

enum tb_err tb_device_read(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_device_query *query,
			   struct tb_device_page *ret)
{
	struct reading r = { .tx = tx, .arena = arena, .query = query };
	bool by_ids = query->backwards || query->feed == TB_DEVICE_FEED_OVERDUE;
	enum tb_err err = find_scope(&r);

	r.page.last = query->backwards ? query->until : query->after;
	if (err == TB_OK)
		err = quote(&r);
	if (err == TB_OK && r.scope != 0)
		err = by_ids ? read_ids(&r) : read_forwards(&r);
	else if (err == TB_OK)
		r.page.last = query->backwards ? query->after : query->until;
	if (err == TB_OK && r.page.n > 0)
		err = set_statuses(tx, arena, query->org, r.page.events,
				   r.page.n);
	if (err == TB_OK)
		*ret = r.page;
	return err;
}

enum tb_err tb_device_find(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, uint64_t id,
			   struct tb_device_event *ret)
{
	struct tb_record *record = NULL;
	struct tb_device_event event;
	enum tb_err err = find_event(tx, arena, org, id, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = tb_device_event_decode(arena, record, &event, NULL);
	if (err == TB_OK)
		err = set_statuses(tx, arena, org, &event, 1);
	if (err == TB_OK)
		*ret = event;
	return err;
}

enum tb_err tb_device_find_time(struct tb_tx *tx, uint32_t org, int64_t us,
				uint64_t *ret)
{
	uint64_t head;
	enum tb_err err = tb_device_head(tx, org, &head);

	return err == TB_OK
		       ? tb_feed_find_time(
				 tx,
				 tb_scope_known(org, TB_SCOPE_DEVICE_EVENTS),
				 us, head, ret)
		       : err;
}
