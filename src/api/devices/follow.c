/*
 * The feed "devices" as clients follow it: all events of the org, "as in a
 * pull". A cursor is the store's epoch and the number of the last event; a
 * number alone is the `after` of a pull.
 */
#include "api/devices/event_json.h"
#include "api/devices/handlers.h"
#include "api/devices/realtime.h"
#include "api/follow_page.h"
#include "base/assert.h"
#include "kernel/device_delivery.h"

#define CURSOR_MAX_BYTES 48
#define EVENTS_MAX 1000
#define CHANGE_MAX_BYTES ((size_t)256 << 20)

struct cursor {
	uint64_t epoch;
	uint64_t id;
};

static struct tb_str write_cursor(const struct cursor *cursor, char *text)
{
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, CURSOR_MAX_BYTES);
	tb_buf_append_u64(&buf, cursor->epoch);
	tb_buf_append_char(&buf, '-');
	tb_buf_append_u64(&buf, cursor->id);
	TB_ASSERT(!tb_buf_err(&buf));
	return tb_buf_str(&buf);
}

/* INVALID. */
static enum tb_err read_cursor(struct tb_str text, uint64_t epoch,
			       struct cursor *ret)
{
	struct tb_str first = tb_str_cut(&text, '-');
	enum tb_err err;

	if (!text.p) {
		ret->epoch = epoch;
		return tb_str_to_u64(first, &ret->id);
	}
	err = tb_str_to_u64(first, &ret->epoch);
	return err ? err : tb_str_to_u64(text, &ret->id);
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
			      const struct cursor *now, struct cursor *ret)
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
	if (ret->epoch != now->epoch || ret->id > now->id)
		return TB_ERR_RESYNC;
	err = tb_device_floor(tx, query->arena, query->principal->org, &floor);
	if (!err && ret->id < floor)
		return TB_ERR_RESYNC;
	return err;
}

static enum tb_err add(struct tb_follow_filling *filling,
		       const struct tb_device_event *event,
		       struct cursor *cursor, bool *ret_fits)
{
	struct cursor behind = { cursor->epoch, event->id };
	char text[CURSOR_MAX_BYTES];
	struct tb_follow_change change = { .lead = TB_STR("\"event\":") };
	struct tb_json_writer w;
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, CHANGE_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_devices_put_event(&w, event);
	err = tb_buf_err(&buf);
	change.text = tb_buf_str(&buf);
	change.cursor = write_cursor(&behind, text);
	if (!err)
		err = tb_follow_add(filling, &change, ret_fits);
	tb_buf_fini(&buf);
	if (!err && *ret_fits)
		*cursor = behind;
	return err;
}

static enum tb_err fill(struct tb_tx *tx, const struct tb_follow_query *query,
			const struct cursor *now, struct cursor cursor,
			struct tb_follow_page *ret)
{
	struct tb_follow_filling filling = { .query = query };
	struct tb_device_query ask = {
		.org = query->principal->org,
		.feed = TB_DEVICE_FEED_ALL,
		.after = cursor.id,
		.until = now->id,
		.limit = query->limit < EVENTS_MAX ? query->limit : EVENTS_MAX,
		.max_bytes = query->max_bytes,
	};
	char text[CURSOR_MAX_BYTES];
	struct tb_device_page page;
	bool fits = true;
	enum tb_err err = tb_device_read(tx, query->arena, &ask, &page);

	for (size_t i = 0; !err && fits && i < page.n; i++)
		err = add(&filling, &page.events[i], &cursor, &fits);
	if (err)
		return err;
	if (fits)
		cursor.id = page.last;
	return tb_follow_finish(&filling, write_cursor(&cursor, text),
				page.has_more || !fits, ret);
}

static enum tb_err answer(struct tb_devices *devices, struct tb_tx *tx,
			  const struct tb_follow_query *query,
			  struct tb_follow_page *ret)
{
	char text[CURSOR_MAX_BYTES];
	struct tb_heads heads;
	struct cursor begin;
	struct cursor now;
	uint32_t org = query->principal->org;
	enum tb_err err = tb_core_heads(devices->core, org, &heads);

	if (!err)
		err = tb_device_head(tx, org, &now.id);
	now.epoch = heads.epoch;
	if (!err)
		err = find_begin(tx, query, &now, &begin);
	if (err)
		return err;
	if (query->limit == 0)
		return tb_follow_stand(query, write_cursor(&now, text), ret);
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
	struct cursor cursor;

	return is_asked(query) &&
	       (read_cursor(query->after, 0, &cursor) ||
		cursor.id < tb_realtime_head(devices->realtime,
					     query->principal->org));
}
