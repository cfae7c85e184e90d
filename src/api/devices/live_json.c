#include "api/devices/live_json.h"

#include "api/devices/decode_event.h"
#include "api/devices/time_json.h"
#include "base/assert.h"
#include "codec/json.h"

#define TEXT_MAX_BYTES ((size_t)256 << 20)

/* Members that the server sets, whatever the sender's are. */
static const char *const own_names[] = { "event_id", "timestamp",
					 "client_timestamp" };

static bool is_own(struct tb_json_value key)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(own_names); i++)
		if (tb_json_string_is(key, tb_str_z(own_names[i])))
			return true;
	return false;
}

/* "`critical_event {...,"event_id","timestamp"}`: all its members as they were
 * sent, and these two". */
static void put_critical(struct tb_json_writer *w,
			 const struct tb_device_event *event,
			 struct tb_json_value sent)
{
	struct tb_json_iter it = tb_json_iter(sent);

	while (tb_json_next(&it)) {
		if (is_own(it.key))
			continue;
		tb_json_rawval(w, tb_json_raw(it.key));
		tb_buf_append_char(w->buf, ':');
		w->comma = false;
		tb_json_rawval(w, tb_json_raw(it.value));
	}
	tb_json_kv_uint(w, "event_id", event->id);
	tb_devices_kv_time(w, "timestamp", event->arrived_us);
	if (event->timestamp.n > 0)
		tb_json_kv_raw(w, "client_timestamp", event->timestamp);
}

/* `sync_update {"data","timestamp","event_id"}`: as they were sent; where no
 * time was, that of its arrival. */
static void put_update(struct tb_json_writer *w,
		       const struct tb_device_event *event,
		       struct tb_json_value payload)
{
	struct tb_json_value data = tb_json_get(payload, TB_STR("data"));
	struct tb_json_value time = tb_json_get(payload, TB_STR("timestamp"));

	if (tb_json_is_absent(data))
		tb_json_kv_null(w, "data");
	else
		tb_json_kv_raw(w, "data", tb_json_raw(data));
	if (tb_json_is_absent(time))
		tb_devices_kv_time(w, "timestamp", event->arrived_us);
	else
		tb_json_kv_raw(w, "timestamp", tb_json_raw(time));
	tb_json_kv_uint(w, "event_id", event->id);
}

/* Of an update the payload's members are needed, too. */
static enum tb_err parse(struct tb_arena *arena,
			 const struct tb_device_event *event,
			 struct tb_json *ret)
{
	struct tb_json_limits limits = tb_devices_event_limits(
		event->kind == TB_DEVICE_EVENT_UPDATE ? 1 : 0);
	enum tb_err err = tb_json_parse(arena, event->sent, &limits, ret, NULL);

	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP)
		return TB_ERR_CORRUPT;
	if (!err && !tb_json_is(tb_json_root(ret), TB_JSON_OBJECT))
		return TB_ERR_CORRUPT;
	return err;
}

enum tb_err tb_live_json_make(struct tb_arena *arena,
			      const struct tb_device_event *event,
			      struct tb_live_json *ret)
{
	struct tb_live_json live = { .name = "critical_event" };
	struct tb_json_value sent;
	struct tb_json_writer w;
	struct tb_json json;
	struct tb_buf buf;
	enum tb_err err = parse(arena, event, &json);

	if (err)
		return err;
	sent = tb_json_root(&json);
	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	if (event->kind == TB_DEVICE_EVENT_UPDATE) {
		live.name = "sync_update";
		if (tb_json_u64(tb_json_get(sent, TB_STR("connection")),
				&live.connection))
			live.connection = 0;
		put_update(&w, event, tb_json_get(sent, TB_STR("payload")));
	} else {
		put_critical(&w, event, sent);
	}
	tb_json_end_object(&w);
	err = tb_buf_copy_out(&buf, arena, &live.text);
	if (!err)
		*ret = live;
	return err;
}

enum tb_err tb_live_json_store_update(struct tb_arena *arena,
				      const struct tb_live_update *update,
				      struct tb_str *ret_sent,
				      struct tb_str *ret_payload)
{
	struct tb_json_writer w;
	struct tb_buf buf;
	struct tb_str sent;
	size_t begin;
	size_t end;
	enum tb_err err;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "event_type", TB_LIVE_UPDATE_TYPE);
	tb_json_key(&w, TB_STR("payload"));
	begin = buf.n;
	tb_json_begin_object(&w);
	if (update->data.n > 0)
		tb_json_kv_raw(&w, "data", update->data);
	if (update->timestamp.n > 0)
		tb_json_kv_raw(&w, "timestamp", update->timestamp);
	tb_json_end_object(&w);
	end = buf.n;
	tb_json_kv_str(&w, "device_id", update->device);
	tb_json_kv_uint(&w, "connection", update->connection);
	tb_json_end_object(&w);
	err = tb_buf_copy_out(&buf, arena, &sent);
	if (err)
		return err;
	*ret_sent = sent;
	*ret_payload = tb_str(sent.p + begin, end - begin);
	return TB_OK;
}
