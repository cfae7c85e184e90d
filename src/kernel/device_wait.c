#include "kernel/device_wait.h"

#include "base/assert.h"
#include "kernel/device_tally.h"
#include "kernel/system.h"

/* An event's counts change. */
static enum tb_err count(struct tb_view *view,
			 const struct tb_device_wait *wait,
			 struct tb_device_tally_change change)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < wait->n_tallies; i++)
		err = tb_device_tally_change(view, wait->tallies[i], change);
	return err;
}

/* A new delivery, in the feeds of those that are as it is. */
static enum tb_err put_new(struct tb_view *view, uint64_t id,
			   const struct tb_device_wait *wait)
{
	bool failed = wait->status == TB_DEVICE_EVENT_FAILED;
	uint32_t org = tb_view_org_id(view);
	struct tb_target targets[] = {
		{ .scope = tb_scope_known(org, failed ? TB_SCOPE_FAILED
						      : TB_SCOPE_PENDING),
		  .flags = TB_ENTRY_FIXED,
		  .num = id },
		{ .scope = tb_scope_known(org, TB_SCOPE_PENDING_CRITICAL),
		  .flags = TB_ENTRY_FIXED,
		  .num = id },
	};
	struct tb_put put = {
		.coll = TB_COLL_DELIVERY,
		.origin = TB_ORIGIN_CENTRE,
		.targets = targets,
		.n_targets = !failed && wait->is_critical ? 2 : 1,
	};
	enum tb_err err =
		tb_device_event_key(tb_view_arena(view), id, &put.key);

	if (err == TB_OK)
		err = tb_device_wait_encode(tb_view_arena(view), wait,
					    &put.body);
	return err == TB_OK ? tb_view_put(view, &put, NULL) : err;
}

enum tb_err tb_device_wait_begin(struct tb_view *view, uint64_t id,
				 const struct tb_device_wait *wait)
{
	enum tb_err err = TB_OK;

	if (wait->status == TB_DEVICE_EVENT_PENDING)
		err = put_new(view, id, wait);
	return err == TB_OK
		       ? count(view, wait, tb_device_tally_of(wait->status, 1))
		       : err;
}

enum tb_err tb_device_wait_want(struct tb_view *view, uint64_t id)
{
	struct tb_str key;
	enum tb_err err = tb_device_event_key(tb_view_arena(view), id, &key);

	return err == TB_OK ? tb_view_want(view, TB_COLL_DELIVERY, key) : err;
}

enum tb_err tb_device_wait_get(struct tb_view *view, uint64_t id,
			       struct tb_device_wait *ret)
{
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *record;
	struct tb_str key;
	enum tb_err err = tb_device_event_key(arena, id, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_DELIVERY, key, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	return err == TB_OK ? tb_device_wait_decode(arena, record, ret) : err;
}

static enum tb_err drop(struct tb_view *view, uint64_t id)
{
	struct tb_str key;
	enum tb_err err = tb_device_event_key(tb_view_arena(view), id, &key);

	return err == TB_OK ? tb_view_remove(view, TB_COLL_DELIVERY, key) : err;
}

static enum tb_err put_silent(struct tb_view *view, uint64_t id,
			      const struct tb_device_wait *wait)
{
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_str body;
	struct tb_str key;
	enum tb_err err = tb_device_event_key(arena, id, &key);

	if (err == TB_OK)
		err = tb_device_wait_encode(arena, wait, &body);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_DELIVERY, key, body)
		       : err;
}

enum tb_err tb_device_wait_less(struct tb_view *view, uint64_t id,
				struct tb_device_wait *wait)
{
	const struct tb_device_tally_change synced = { .pending = -1,
						       .synced = 1 };
	enum tb_err err;

	TB_ASSERT(wait->status == TB_DEVICE_EVENT_PENDING);
	if (wait->waiting_for == 0)
		return TB_ERR_CORRUPT;
	wait->waiting_for--;
	if (wait->waiting_for > 0)
		return put_silent(view, id, wait);
	wait->status = TB_DEVICE_EVENT_SYNCED;
	err = drop(view, id);
	return err == TB_OK ? count(view, wait, synced) : err;
}

enum tb_err tb_device_wait_fail(struct tb_view *view, uint64_t id,
				struct tb_device_wait *wait)
{
	const struct tb_device_tally_change failed = { .pending = -1,
						       .failed = 1 };
	enum tb_err err;

	TB_ASSERT(wait->status == TB_DEVICE_EVENT_PENDING);
	wait->status = TB_DEVICE_EVENT_FAILED;
	wait->waiting_for = 0;
	err = drop(view, id);
	/* Made anew, because fixed places do not change. */
	if (err == TB_OK)
		err = put_new(view, id, wait);
	return err == TB_OK ? count(view, wait, failed) : err;
}
