/*
 * The feed "devices" as clients follow it: all events of the org, "as in a
 * pull". A cursor is the store's epoch and the number of the last event; a
 * number alone is the `after` of a pull.
 */
#include "api/devices/event_json.h"
#include "api/devices/handlers.h"
#include "api/devices/realtime.h"
#include "api/follow_cursor.h"
#include "api/follow_page.h"
#include "kernel/device_delivery.h"

#define EVENTS_MAX 1000
#define CHANGE_MAX_BYTES ((size_t)256 << 20)

/* Also a number without an epoch, which is then this one. INVALID. */
static enum tb_err read_cursor(struct tb_str text, uint64_t epoch,
			       struct tb_follow_cursor *ret)
{
	if (text.n > 0 && memchr(text.p, '-', text.n))
		return tb_follow_cursor_parse(text, ret);
	ret->epoch = epoch;
	return tb_str_to_u64(text, &ret->num);
}

/* Whether it is this feed that is asked for, by somebody who may see it. */
static bool is_asked(const struct tb_follow_query *query)
{
	return !query->is_collection &&
	       tb_str_eq(query->name, TB_STR("devices")) &&
	       query->principal->kind != TB_PRINCIPAL_SITE;
}

/* Where the page begins. */
static enum tb_err find_begin(struct tb_tx *tx,
			      const struct tb_follow_query *query,
			      const struct tb_follow_cursor *now,
			      struct tb_follow_cursor *ret)
{
	uint64_t floor;
	enum tb_err err;

	*ret = *now;
	if (query->after.n == 0)
		return TB_OK;
	err = read_cursor(query->after, now->epoch, ret);
	if (err)
		return err;
	/* It is ahead of a store that was restored. */
	if (ret->epoch != now->epoch || ret->num > now->num)
		return TB_ERR_RESYNC;
	err = tb_device_floor(tx, query->arena, query->principal->org, &floor);
	if (!err && ret->num < floor)
		return TB_ERR_RESYNC;
	return err;
}

static enum tb_err add(struct tb_follow_filling *filling,
		       const struct tb_device_event *event,
		       struct tb_follow_cursor *cursor, bool *ret_fits)
{
	struct tb_follow_cursor behind = { cursor->epoch, event->id };
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	struct tb_follow_change change = { .lead = TB_STR("\"event\":") };
	struct tb_json_writer w;
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, CHANGE_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_devices_put_event(&w, event);
	err = tb_buf_err(&buf);
	change.text = tb_buf_str(&buf);
	change.cursor = tb_follow_cursor_put(&behind, text);
	if (!err)
		err = tb_follow_add(filling, &change, ret_fits);
	tb_buf_fini(&buf);
	if (!err && *ret_fits)
		*cursor = behind;
	return err;
}

static enum tb_err fill(struct tb_tx *tx, const struct tb_follow_query *query,
			const struct tb_follow_cursor *now,
			struct tb_follow_cursor cursor,
			struct tb_follow_page *ret)
{
	struct tb_follow_filling filling = { .query = query };
	struct tb_device_query ask = {
		.org = query->principal->org,
		.feed = TB_DEVICE_FEED_ALL,
		.after = cursor.num,
		.until = now->num,
		.limit = query->limit < EVENTS_MAX ? query->limit : EVENTS_MAX,
		.max_bytes = query->max_bytes,
	};
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	struct tb_device_page page;
	bool fits = true;
	enum tb_err err = tb_device_read(tx, query->arena, &ask, &page);

	for (size_t i = 0; !err && fits && i < page.n; i++)
		err = add(&filling, &page.events[i], &cursor, &fits);
	if (err)
		return err;
	if (fits)
		cursor.num = page.last;
	return tb_follow_finish(&filling, tb_follow_cursor_put(&cursor, text),
				page.has_more || !fits, ret);
}

static enum tb_err answer(struct tb_devices *devices, struct tb_tx *tx,
			  const struct tb_follow_query *query,
			  struct tb_follow_page *ret)
{
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	struct tb_heads heads;
	struct tb_follow_cursor begin;
	struct tb_follow_cursor now;
	uint32_t org = query->principal->org;
	enum tb_err err = tb_core_heads(devices->core, org, &heads);

	if (!err)
		err = tb_device_head(tx, org, &now.num);
	now.epoch = heads.epoch;
	if (!err)
		err = find_begin(tx, query, &now, &begin);
	if (err)
		return err;
	if (query->limit == 0)
		return tb_follow_stand(query, tb_follow_cursor_put(&now, text),
				       ret);
	return fill(tx, query, &now, begin, ret);
}

enum tb_err tb_devices_follow(void *state, const struct tb_follow_query *query,
			      struct tb_follow_page *ret)
{
	struct tb_devices *devices = state;
	struct tb_tx *tx;
	enum tb_err err;

	if (!is_asked(query))
		return TB_ERR_NOT_FOUND;
	err = tb_core_read(devices->core, &tx);
	if (err)
		return err;
	err = answer(devices, tx, query, ret);
	tb_core_read_end(tx);
	return err;
}

bool tb_devices_follow_peek(void *state, const struct tb_follow_query *query)
{
	struct tb_devices *devices = state;
	struct tb_follow_cursor cursor;

	return is_asked(query) &&
	       (read_cursor(query->after, 0, &cursor) ||
		cursor.num < tb_realtime_head(devices->realtime,
					      query->principal->org));
}
