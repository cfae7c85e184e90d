#include "kernel/device_record.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "kernel/counter.h"
#include "kernel/device_delivery.h"
#include "kernel/system.h"

#define HEAD_COUNTER TB_STR("device_events")
#define FLOOR_COUNTER TB_STR("device_floor")
/* What is around `sent`: three texts, each byte of them escaped. */
#define HEADER_MAX_BYTES (3 * 6 * TB_DEVICE_TEXT_MAX_BYTES + 512)
#define WAIT_MAX_BYTES 256
/* Cannot stand in the JSON strings before it, whose quotes are escaped. */
#define SENT TB_STR(",\"sent\":")
#define KIND TB_STR("{\"kind\":")

static const struct tb_json_limits header_limits = {
	.max_depth = 4,
	.max_nodes = 64,
	.tape_depth = UINT32_MAX,
	.allow_nul = true,
};

enum tb_err tb_device_event_key(struct tb_arena *arena, uint64_t id,
				struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%llu", (unsigned long long)id);
}

const char *tb_device_event_status_name(enum tb_device_event_status status)
{
	static const char *const names[] = {
		[TB_DEVICE_EVENT_PENDING] = "pending",
		[TB_DEVICE_EVENT_SYNCED] = "synced",
		[TB_DEVICE_EVENT_FAILED] = "failed",
	};

	return names[status];
}

/* ---- events ---- */

static void put_place(struct tb_json_writer *w, const char *name,
		      struct tb_str part, struct tb_str sent)
{
	if (part.n == 0)
		return;
	TB_ASSERT(part.p >= sent.p && part.p + part.n <= sent.p + sent.n);
	tb_json_key(w, tb_str_z(name));
	tb_json_begin_array(w);
	tb_json_uint(w, (uint64_t)(part.p - sent.p));
	tb_json_uint(w, part.n);
	tb_json_end_array(w);
}

static void put_name(struct tb_json_writer *w,
		     const uint8_t name[TB_SHA256_BYTES])
{
	char hex[2 * TB_SHA256_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, hex, sizeof(hex));
	tb_hex_put(&buf, tb_str((const char *)name, TB_SHA256_BYTES));
	tb_json_kv_str(w, "name", tb_buf_str(&buf));
}

enum tb_err tb_device_event_encode(struct tb_arena *arena,
				   const struct tb_device_push_item *item,
				   struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, item->sent.n + HEADER_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "kind", item->kind);
	tb_json_kv_str(&w, "device", item->device);
	tb_json_kv_str(&w, "type", item->type);
	if (item->user.n > 0)
		tb_json_kv_str(&w, "user", item->user);
	if (item->is_named)
		put_name(&w, item->name);
	put_place(&w, "timestamp", item->timestamp, item->sent);
	put_place(&w, "payload", item->payload, item->sent);
	tb_buf_append_str(&buf, SENT);
	tb_buf_append_str(&buf, item->sent);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

/* Cuts a body into what stands before `sent`, made an object again, and that.
 */
static enum tb_err split(struct tb_arena *arena, struct tb_str body,
			 struct tb_str *ret_header, struct tb_str *ret_sent)
{
	const char *at = memmem(body.p, body.n, SENT.p, SENT.n);
	size_t n_header;
	size_t start;
	char *header;

	if (at == NULL || body.p[body.n - 1] != '}')
		return TB_ERR_CORRUPT;
	n_header = (size_t)(at - body.p);
	start = n_header + SENT.n;
	header = tb_arena_alloc(arena, n_header + 1);
	if (header == NULL)
		return tb_arena_err(arena);
	memcpy(header, body.p, n_header);
	header[n_header] = '}';
	*ret_header = tb_str(header, n_header + 1);
	*ret_sent = tb_str(body.p + start, body.n - 1 - start);
	return TB_OK;
}

/* A pair of `put_place`; none is empty. */
static enum tb_err take_place(struct tb_json_value pair, struct tb_str sent,
			      struct tb_str *ret)
{
	struct tb_json_iter it = tb_json_iter(pair);
	uint64_t at = 0;
	uint64_t n = 0;

	if (tb_json_is_absent(pair))
		return TB_OK;
	if (!tb_json_next(&it) || tb_json_u64(it.value, &at) != TB_OK ||
	    !tb_json_next(&it) || tb_json_u64(it.value, &n) != TB_OK ||
	    at > sent.n || n > sent.n - at)
		return TB_ERR_CORRUPT;
	*ret = tb_str(sent.p + at, n);
	return TB_OK;
}

static enum tb_err take_name(struct tb_arena *arena, struct tb_json_value v,
			     struct tb_str *ret)
{
	const size_t n = TB_SHA256_BYTES;
	struct tb_str hex = TB_STR_NONE;
	uint8_t *name;
	enum tb_err err;

	if (tb_json_is_absent(v))
		return TB_OK;
	name = tb_arena_alloc(arena, n);
	if (name == NULL)
		return tb_arena_err(arena);
	err = tb_json_string(arena, v, &hex);
	if (err == TB_OK)
		err = tb_hex_parse(hex, name, n);
	if (err == TB_OK)
		*ret = tb_str((const char *)name, n);
	return err;
}

static enum tb_err take_header(struct tb_arena *arena, struct tb_str header,
			       struct tb_device_event *event,
			       struct tb_str *name)
{
	struct tb_json_value root;
	struct tb_json_value user;
	struct tb_json json;
	uint64_t kind = 0;
	enum tb_err err =
		tb_json_parse(arena, header, &header_limits, &json, NULL);

	if (err != TB_OK)
		return err;
	root = tb_json_root(&json);
	user = tb_json_get(root, TB_STR("user"));
	err = tb_json_u64(tb_json_get(root, TB_STR("kind")), &kind);
	if (err == TB_OK && kind > TB_DEVICE_EVENT_UPDATE)
		err = TB_ERR_CORRUPT;
	event->kind = (enum tb_device_event_kind)kind;
	if (err == TB_OK)
		err = tb_json_string(arena, tb_json_get(root, TB_STR("device")),
				     &event->device);
	if (err == TB_OK)
		err = tb_json_string(arena, tb_json_get(root, TB_STR("type")),
				     &event->type);
	if (err == TB_OK && !tb_json_is_absent(user))
		err = tb_json_string(arena, user, &event->user);
	if (err == TB_OK)
		err = take_name(arena, tb_json_get(root, TB_STR("name")), name);
	if (err == TB_OK)
		err = take_place(tb_json_get(root, TB_STR("timestamp")),
				 event->sent, &event->timestamp);
	if (err == TB_OK)
		err = take_place(tb_json_get(root, TB_STR("payload")),
				 event->sent, &event->payload);
	return err;
}

enum tb_err tb_device_event_decode(struct tb_arena *arena,
				   const struct tb_record *record,
				   struct tb_device_event *ret,
				   struct tb_str *ret_name)
{
	struct tb_device_event event = { .arrived_us = record->updated_us };
	struct tb_str name = TB_STR_NONE;
	struct tb_str header = TB_STR_NONE;
	enum tb_err err = tb_str_to_u64(record->key, &event.id);

	if (err == TB_OK)
		err = split(arena, record->body, &header, &event.sent);
	if (err == TB_OK)
		err = take_header(arena, header, &event, &name);
	if (err != TB_OK)
		return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
	*ret = event;
	if (ret_name != NULL)
		*ret_name = name;
	return TB_OK;
}

bool tb_device_event_is_critical(struct tb_str body)
{
	return body.n > KIND.n &&
	       body.p[KIND.n] == '0' + TB_DEVICE_EVENT_CRITICAL;
}

bool tb_device_event_is_of(struct tb_str body, struct tb_str quoted)
{
	static const struct tb_str device = TB_STR_INIT(",\"device\":");
	size_t at = KIND.n + 1;

	if (body.n < at + device.n + quoted.n ||
	    memcmp(body.p + at, device.p, device.n) != 0)
		return false;
	return memcmp(body.p + at + device.n, quoted.p, quoted.n) == 0;
}

/* ---- deliveries ---- */

enum tb_err tb_device_wait_encode(struct tb_arena *arena,
				  const struct tb_device_wait *wait,
				  struct tb_str *ret)
{
	char text[WAIT_MAX_BYTES];
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_json_begin_object(&w);
	tb_json_kv_bool(&w, "failed", wait->status == TB_DEVICE_EVENT_FAILED);
	tb_json_kv_bool(&w, "critical", wait->is_critical);
	tb_json_kv_uint(&w, "waiting_for", wait->waiting_for);
	tb_json_key(&w, TB_STR("tallies"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < wait->n_tallies; i++)
		tb_json_uint(&w, wait->tallies[i]);
	tb_json_end_array(&w);
	tb_json_end_object(&w);
	TB_ASSERT(tb_buf_err(&buf) == TB_OK);
	return tb_arena_strdup(arena, tb_buf_str(&buf), ret);
}

static enum tb_err take_tallies(struct tb_json_value array,
				struct tb_device_wait *wait)
{
	struct tb_json_iter it;
	enum tb_err err = TB_OK;

	if (!tb_json_is(array, TB_JSON_ARRAY) ||
	    tb_json_count(array) > TB_DELIVERY_TALLIES_MAX)
		return TB_ERR_CORRUPT;
	it = tb_json_iter(array);
	while (err == TB_OK && tb_json_next(&it))
		err = tb_json_u64(it.value, &wait->tallies[wait->n_tallies++]);
	return err;
}

enum tb_err tb_device_wait_decode(struct tb_arena *arena,
				  const struct tb_record *record,
				  struct tb_device_wait *ret)
{
	struct tb_device_wait wait = { .n_tallies = 0 };
	struct tb_json_value root;
	struct tb_json json;
	uint64_t waiting_for = 0;
	bool failed = false;
	enum tb_err err =
		tb_json_parse(arena, record->body, &header_limits, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(&json);
	err = tb_json_bool(tb_json_get(root, TB_STR("failed")), &failed);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(root, TB_STR("critical")),
				   &wait.is_critical);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(root, TB_STR("waiting_for")),
				  &waiting_for);
	if (err == TB_OK)
		err = take_tallies(tb_json_get(root, TB_STR("tallies")), &wait);
	if (err != TB_OK || waiting_for > UINT32_MAX)
		return TB_ERR_CORRUPT;
	wait.waiting_for = (uint32_t)waiting_for;
	wait.status = failed ? TB_DEVICE_EVENT_FAILED : TB_DEVICE_EVENT_PENDING;
	*ret = wait;
	return TB_OK;
}

/* ---- which events there are ---- */

enum tb_err tb_device_head_get(struct tb_view *view, uint64_t *ret)
{
	return tb_counter_get(view, HEAD_COUNTER, ret);
}

enum tb_err tb_device_head_stored(struct tb_view *view, uint64_t *ret)
{
	return tb_counter_read(tb_view_tx(view), tb_view_arena(view),
			       tb_view_org_id(view), HEAD_COUNTER, ret);
}

enum tb_err tb_device_head_put(struct tb_view *view, uint64_t head)
{
	return tb_counter_put(view, HEAD_COUNTER, head);
}

enum tb_err tb_device_floor_get(struct tb_view *view, uint64_t *ret)
{
	return tb_counter_get(view, FLOOR_COUNTER, ret);
}

enum tb_err tb_device_floor_put(struct tb_view *view, uint64_t floor)
{
	return tb_counter_put(view, FLOOR_COUNTER, floor);
}

/* For a counter's record. */
#define COUNTER_ARENA_MAX_BYTES ((size_t)64 << 10)

enum tb_err tb_device_head(struct tb_tx *tx, uint32_t org, uint64_t *ret)
{
	struct tb_arena *arena = tb_arena_create(COUNTER_ARENA_MAX_BYTES);
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_counter_read(tx, arena, org, HEAD_COUNTER, ret);
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_device_floor(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, uint64_t *ret)
{
	return tb_counter_read(tx, arena, org, FLOOR_COUNTER, ret);
}
