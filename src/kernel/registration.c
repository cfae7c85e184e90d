#include "kernel/registration.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/counter.h"
#include "kernel/device_event.h"
#include "kernel/device_record.h"
#include "kernel/system.h"

/* How many are registered, and how many of them are active. */
#define ALL_COUNTER TB_STR("devices")
#define ACTIVE_COUNTER TB_STR("devices_active")
#define BODY_MAX_BYTES (2 * 6 * TB_DEVICE_TEXT_MAX_BYTES + 1024)

static const struct tb_json_limits limits = {
	.max_depth = 4,
	.max_nodes = 64,
	.tape_depth = 1,
	.allow_nul = true,
};

static const char *const state_names[] = {
	[TB_REGISTRATION_ACTIVE] = "active",
	[TB_REGISTRATION_AWAY] = "away",
	[TB_REGISTRATION_RETIRED] = "retired",
};

const char *tb_registration_state_name(enum tb_registration_state state)
{
	return state_names[state];
}

bool tb_registration_counts(const struct tb_registration *reg, uint64_t id)
{
	return id > reg->counts_from && id <= reg->counts_to &&
	       (reg->state == TB_REGISTRATION_ACTIVE || id > reg->written_off);
}

bool tb_registration_is_written_off(const struct tb_registration *reg)
{
	return reg->written_off == reg->counts_to;
}

/* ---- bodies ---- */

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_registration *reg, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "role", reg->role);
	tb_json_kv_uint(&w, "priority", reg->priority);
	tb_json_kv_str(&w, "state", tb_str_z(state_names[reg->state]));
	tb_json_kv_bool(&w, "is_back", reg->is_back);
	tb_json_kv_int(&w, "registered", reg->registered_us);
	tb_json_kv_int(&w, "seen", reg->seen_us);
	tb_json_kv_uint(&w, "first", reg->first);
	tb_json_kv_uint(&w, "counts_from", reg->counts_from);
	tb_json_kv_uint(&w, "counts_to", reg->counts_to);
	tb_json_kv_uint(&w, "written_off", reg->written_off);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err take_state(struct tb_json_value v,
			      enum tb_registration_state *ret)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(state_names); i++)
		if (tb_json_string_is(v, tb_str_z(state_names[i]))) {
			*ret = (enum tb_registration_state)i;
			return TB_OK;
		}
	return TB_ERR_CORRUPT;
}

static enum tb_err take_numbers(struct tb_json_value body,
				struct tb_registration *reg)
{
	uint64_t priority = 0;
	const struct {
		const char *name;
		uint64_t *into;
	} numbers[] = { { "priority", &priority },
			{ "first", &reg->first },
			{ "counts_from", &reg->counts_from },
			{ "counts_to", &reg->counts_to },
			{ "written_off", &reg->written_off } };
	enum tb_err err = tb_json_i64(tb_json_get(body, TB_STR("registered")),
				      &reg->registered_us);

	if (err == TB_OK)
		err = tb_json_i64(tb_json_get(body, TB_STR("seen")),
				  &reg->seen_us);
	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(numbers); i++)
		err = tb_json_u64(tb_json_get(body, tb_str_z(numbers[i].name)),
				  numbers[i].into);
	if (err == TB_OK && priority > TB_REGISTRATION_PRIORITY_MAX)
		err = TB_ERR_CORRUPT;
	reg->priority = (uint32_t)priority;
	return err;
}

/* `device` and `body` live as long as the result. */
static enum tb_err decode(struct tb_arena *arena, struct tb_str device,
			  struct tb_str body, struct tb_registration *ret)
{
	struct tb_registration reg = { .device = device };
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, &limits, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(&json);
	err = tb_json_string(arena, tb_json_get(root, TB_STR("role")),
			     &reg.role);
	if (err == TB_OK)
		err = take_state(tb_json_get(root, TB_STR("state")),
				 &reg.state);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(root, TB_STR("is_back")),
				   &reg.is_back);
	if (err == TB_OK)
		err = take_numbers(root, &reg);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	*ret = reg;
	return TB_OK;
}

/* ---- reading ---- */

enum tb_err tb_registration_read(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, struct tb_str device,
				 struct tb_registration *ret,
				 struct tb_device_marks *ret_marks)
{
	const struct tb_key keys[] = {
		{ .org = org, .coll = TB_COLL_REGISTRATION, .key = device },
		{ .org = org, .coll = TB_COLL_MARKS, .key = device },
	};
	size_t n = ret_marks != NULL ? 2 : 1;
	struct tb_record *records[2];
	struct tb_registration reg;
	enum tb_err err = tx->store->ops->find(tx, arena, keys, n, records);

	if (err == TB_OK && records[0] == NULL)
		return TB_ERR_NOT_FOUND;
	if (err == TB_OK && records[n - 1] == NULL)
		return TB_ERR_CORRUPT;
	if (err == TB_OK)
		err = decode(arena, records[0]->key, records[0]->body, &reg);
	if (err == TB_OK && ret_marks != NULL)
		err = tb_device_marks_decode(arena, records[1]->body,
					     ret_marks);
	if (err == TB_OK)
		*ret = reg;
	return err;
}

/* The row is borrowed from a cursor. */
static enum tb_err copy_row(struct tb_arena *arena,
			    const struct tb_feed_row *row,
			    struct tb_registration *ret)
{
	struct tb_str device;
	struct tb_str body;
	enum tb_err err = tb_arena_strdup(arena, row->record.key, &device);

	if (err == TB_OK)
		err = tb_arena_strdup(arena, row->record.body, &body);
	return err == TB_OK ? decode(arena, device, body, ret) : err;
}

enum tb_err tb_registration_list(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_registration *rets, size_t max,
				 size_t *ret_n, uint64_t *ret_next)
{
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_REGISTRATIONS),
		.after = after,
		.until = UINT64_MAX,
		.limit = max,
		.with_records = true,
	};
	uint64_t next = after;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;
	enum tb_err err = ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (n < max && (err = ops->feed_next(cursor, &row)) == TB_OK) {
		err = copy_row(arena, &row, &rets[n]);
		if (err != TB_OK)
			break;
		next = row.num;
		n++;
	}
	ops->feed_close(cursor);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	*ret_next = next;
	return TB_OK;
}

/* ---- in a commit ---- */

enum tb_err tb_registration_want(struct tb_view *view, struct tb_str device)
{
	enum tb_err err = tb_view_want(view, TB_COLL_REGISTRATION, device);

	return err == TB_OK ? tb_view_want(view, TB_COLL_MARKS, device) : err;
}

static enum tb_err get_marks(struct tb_view *view, struct tb_str device,
			     struct tb_device_marks *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_MARKS, device, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_CORRUPT;
	return err == TB_OK ? tb_device_marks_decode(tb_view_arena(view),
						     record->body, ret)
			    : err;
}

enum tb_err tb_registration_get(struct tb_view *view, struct tb_str device,
				struct tb_registration *ret,
				struct tb_device_marks *ret_marks)
{
	const struct tb_record *record;
	enum tb_err err =
		tb_view_get(view, TB_COLL_REGISTRATION, device, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = decode(tb_view_arena(view), record->key, record->body,
			     ret);
	return err == TB_OK && ret_marks != NULL
		       ? get_marks(view, device, ret_marks)
		       : err;
}

enum tb_err tb_registration_save(struct tb_view *view,
				 const struct tb_registration *reg)
{
	uint32_t org = tb_view_org_id(view);
	bool is_active = reg->state == TB_REGISTRATION_ACTIVE;
	struct tb_target targets[] = {
		{ .scope = tb_scope_known(org, TB_SCOPE_REGISTRATIONS) },
		{ .scope = tb_scope_known(
			  org, is_active ? TB_SCOPE_REGISTRATIONS_ACTIVE
					 : TB_SCOPE_REGISTRATIONS_LEAVING) },
	};
	struct tb_put put = {
		.coll = TB_COLL_REGISTRATION,
		.key = reg->device,
		.origin = TB_ORIGIN_CENTRE,
		.targets = targets,
		.n_targets = is_active || !tb_registration_is_written_off(reg)
				     ? 2
				     : 1,
	};
	enum tb_err err = encode(tb_view_arena(view), reg, &put.body);

	return err == TB_OK ? tb_view_put(view, &put, NULL) : err;
}

enum tb_err tb_registration_save_marks(struct tb_view *view,
				       struct tb_str device,
				       const struct tb_device_marks *marks)
{
	struct tb_str body;
	enum tb_err err =
		tb_device_marks_encode(tb_view_arena(view), marks, &body);

	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_MARKS, device, body)
		       : err;
}

enum tb_err tb_registration_count(struct tb_view *view, uint64_t *ret)
{
	return tb_counter_get(view, ACTIVE_COUNTER, ret);
}

static enum tb_err change_count(struct tb_view *view, struct tb_str counter,
				int by)
{
	uint64_t n;
	enum tb_err err = tb_counter_get(view, counter, &n);

	return err == TB_OK ? tb_counter_put(view, counter,
					     n + (uint64_t)(int64_t)by)
			    : err;
}

enum tb_err tb_registration_leave(struct tb_view *view,
				  struct tb_registration *reg,
				  enum tb_registration_state state)
{
	enum tb_err err = tb_device_head_get(view, &reg->counts_to);

	TB_ASSERT(reg->state == TB_REGISTRATION_ACTIVE);
	reg->state = state;
	reg->written_off = reg->counts_from;
	return err == TB_OK ? change_count(view, ACTIVE_COUNTER, -1) : err;
}

enum tb_err tb_registration_return(struct tb_view *view,
				   struct tb_registration *reg)
{
	enum tb_err err = tb_device_head_get(view, &reg->counts_from);

	TB_ASSERT(tb_registration_is_written_off(reg));
	reg->state = TB_REGISTRATION_ACTIVE;
	reg->is_back = false;
	reg->counts_to = UINT64_MAX;
	reg->written_off = 0;
	return err == TB_OK ? change_count(view, ACTIVE_COUNTER, 1) : err;
}

enum tb_err tb_registration_see(struct tb_view *view,
				struct tb_registration *reg)
{
	enum tb_err err = TB_OK;

	if (reg->state != TB_REGISTRATION_AWAY || reg->is_back)
		return TB_OK;
	reg->seen_us = tb_view_now_us(view);
	reg->is_back = true;
	if (tb_registration_is_written_off(reg))
		err = tb_registration_return(view, reg);
	return err == TB_OK ? tb_registration_save(view, reg) : err;
}

/* What a device that comes to be has: events that are no longer there. */
static enum tb_err first_marks(struct tb_view *view,
			       struct tb_device_marks *ret)
{
	uint64_t floor;
	enum tb_err err = tb_device_floor_get(view, &floor);

	if (err == TB_OK)
		*ret = (struct tb_device_marks) { .critical = { .done = floor },
						  .others = { .done = floor } };
	return err;
}

enum tb_err tb_registration_make(struct tb_view *view, struct tb_str device,
				 uint64_t devices_max,
				 struct tb_registration *ret,
				 struct tb_device_marks *ret_marks)
{
	struct tb_registration reg = {
		.device = device,
		.state = TB_REGISTRATION_ACTIVE,
		.registered_us = tb_view_now_us(view),
		.seen_us = tb_view_now_us(view),
		.counts_to = UINT64_MAX,
	};
	uint64_t n;
	enum tb_err err = tb_counter_get(view, ALL_COUNTER, &n);

	if (err == TB_OK && n >= devices_max)
		err = TB_ERR_CONFLICT;
	if (err == TB_OK)
		err = tb_device_head_get(view, &reg.first);
	reg.counts_from = reg.first;
	if (err == TB_OK)
		err = first_marks(view, ret_marks);
	if (err == TB_OK)
		err = tb_counter_put(view, ALL_COUNTER, n + 1);
	if (err == TB_OK)
		err = change_count(view, ACTIVE_COUNTER, 1);
	if (err == TB_OK)
		err = tb_registration_save(view, &reg);
	if (err == TB_OK)
		err = tb_registration_save_marks(view, device, ret_marks);
	if (err == TB_OK)
		*ret = reg;
	return err;
}
