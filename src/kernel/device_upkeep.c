#include "kernel/device_upkeep.h"

#include "kernel/commit.h"
#include "kernel/device_delivery.h"
#include "kernel/device_tally.h"
#include "kernel/device_wait.h"
#include "kernel/registration.h"
#include "kernel/system.h"

/* Events that go are read; one more than this in one commit at most. */
#define DROP_BYTES_MAX ((size_t)8 << 20)

struct upkeep {
	struct tb_commit commit;
	const struct tb_device_ages *ages;
	struct tb_view *view;
	size_t left;  /* events, and devices, to be looked at */
	bool is_more; /* the result */
};

/* Who was seen, or came, no later than this is due. When a device was seen is
 * known but for some time. */
static int64_t absent_before(const struct tb_device_ages *ages, int64_t now_us)
{
	return now_us - ages->absent_us - TB_REGISTRATION_SEEN_STEP_US;
}

static int64_t pending_before(const struct tb_device_ages *ages, int64_t now_us)
{
	return now_us - ages->pending_us;
}

static int64_t kept_before(const struct tb_device_ages *ages, int64_t now_us)
{
	return now_us - ages->keep_us;
}

/* ---- along a feed ---- */

typedef enum tb_err visit_fn(struct upkeep *u, const struct tb_feed_row *row);

/* Visits what came into a feed no later than a time, the oldest first. */
static enum tb_err walk(struct upkeep *u, enum tb_known_scope scope,
			int64_t until_us, visit_fn *visit)
{
	struct tb_tx *tx = tb_view_tx(u->view);
	const struct tb_feed_query query = {
		.scope = tb_scope_known(u->commit.org, scope),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (err == TB_OK && u->left > 0) {
		err = tx->store->ops->feed_next(cursor, &row);
		if (err != TB_OK || row.time_us > until_us)
			break;
		u->left--;
		err = visit(u, &row);
	}
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* The registration of a row, as it is now. */
static enum tb_err registration_of(struct upkeep *u,
				   const struct tb_feed_row *row,
				   struct tb_registration *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get_rid(u->view, row->rid, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_CORRUPT;
	return err == TB_OK
		       ? tb_registration_get(u->view, record->key, ret, NULL)
		       : err;
}

static enum tb_err write_off(struct upkeep *u, struct tb_registration *reg)
{
	enum tb_err err = tb_registration_write_off(u->view, reg, &u->left);

	return err == TB_OK ? tb_registration_save(u->view, reg) : err;
}

static enum tb_err visit_active(struct upkeep *u, const struct tb_feed_row *row)
{
	int64_t until_us = absent_before(u->ages, tb_view_now_us(u->view));
	struct tb_registration reg;
	enum tb_err err = registration_of(u, row, &reg);

	if (err != TB_OK || reg.state != TB_REGISTRATION_ACTIVE ||
	    reg.seen_us > until_us)
		return err;
	err = tb_registration_leave(u->view, &reg, TB_REGISTRATION_AWAY);
	return err == TB_OK ? write_off(u, &reg) : err;
}

static enum tb_err visit_leaving(struct upkeep *u,
				 const struct tb_feed_row *row)
{
	struct tb_registration reg;
	enum tb_err err = registration_of(u, row, &reg);

	if (err != TB_OK || reg.state == TB_REGISTRATION_ACTIVE ||
	    tb_registration_is_written_off(&reg))
		return err;
	return write_off(u, &reg);
}

static enum tb_err visit_pending(struct upkeep *u,
				 const struct tb_feed_row *row)
{
	struct tb_device_wait wait;
	enum tb_err err = tb_device_wait_get(u->view, row->num, &wait);

	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err != TB_OK || wait.status != TB_DEVICE_EVENT_PENDING)
		return err;
	return tb_device_wait_fail(u->view, row->num, &wait);
}

/* ---- dropping ---- */

/* What an event is counted by is also a place of its. */
static enum tb_err uncount(struct tb_view *view, const struct tb_record *event,
			   enum tb_device_event_status status)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < event->n_entries; i++)
		if ((event->entries[i].scope & TB_NUM_MAX) > TB_NUM_RESERVED)
			err = tb_device_tally_change(
				view, event->entries[i].scope,
				tb_device_tally_of(status, -1));
	return err;
}

static enum tb_err drop(struct tb_view *view, const struct tb_record *record,
			enum tb_device_event_status status)
{
	struct tb_device_event event;
	struct tb_str name;
	enum tb_err err = tb_device_event_decode(tb_view_arena(view), record,
						 &event, &name);

	if (err == TB_OK)
		err = uncount(view, record, status);
	if (err == TB_OK && name.n > 0)
		err = tb_view_remove(view, TB_COLL_SENT, name);
	if (err == TB_OK)
		err = tb_view_remove(view, TB_COLL_DELIVERY, record->key);
	return err == TB_OK
		       ? tb_view_remove(view, TB_COLL_DEVICE_EVENT, record->key)
		       : err;
}

/* Drops an event, if it is old enough and does not wait. */
static enum tb_err drop_if_old(struct upkeep *u, uint64_t id, size_t *bytes,
			       bool *ret_dropped)
{
	int64_t until_us = kept_before(u->ages, tb_view_now_us(u->view));
	struct tb_device_wait wait = { .status = TB_DEVICE_EVENT_SYNCED };
	const struct tb_record *record = NULL;
	struct tb_str key;
	enum tb_err err = tb_device_event_key(tb_view_arena(u->view), id, &key);

	*ret_dropped = false;
	if (err == TB_OK)
		err = tb_view_get(u->view, TB_COLL_DEVICE_EVENT, key, &record);
	if (err != TB_OK || record == NULL || record->updated_us > until_us)
		return err;
	err = tb_device_wait_get(u->view, id, &wait);
	if (err == TB_ERR_NOT_FOUND)
		err = TB_OK;
	if (err != TB_OK || wait.status == TB_DEVICE_EVENT_PENDING)
		return err;
	*bytes += record->body.n;
	*ret_dropped = true;
	return drop(u->view, record, wait.status);
}

/* Events go in the order of their ids, so that one number says which are
 * there. */
static enum tb_err drop_old(struct upkeep *u)
{
	bool dropped = true;
	size_t bytes = 0;
	uint64_t floor;
	uint64_t before;
	enum tb_err err = tb_device_floor_get(u->view, &floor);

	before = floor;
	while (err == TB_OK && dropped && u->left > 0) {
		err = drop_if_old(u, floor + 1, &bytes, &dropped);
		floor += dropped;
		u->left = bytes < DROP_BYTES_MAX ? u->left - dropped : 0;
	}
	return err == TB_OK && floor > before
		       ? tb_device_floor_put(u->view, floor)
		       : err;
}

/* ---- the commit ---- */

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	struct upkeep *u = (struct upkeep *)commit;
	int64_t now_us = tb_view_now_us(view);
	enum tb_err err;

	u->view = view;
	u->left = TB_DEVICE_UPKEEP_MAX;
	err = walk(u, TB_SCOPE_REGISTRATIONS_ACTIVE,
		   absent_before(u->ages, now_us), visit_active);
	if (err == TB_OK)
		err = walk(u, TB_SCOPE_REGISTRATIONS_LEAVING, INT64_MAX,
			   visit_leaving);
	if (err == TB_OK)
		err = walk(u, TB_SCOPE_PENDING, pending_before(u->ages, now_us),
			   visit_pending);
	if (err == TB_OK)
		err = drop_old(u);
	u->is_more = u->left == 0;
	return err;
}

/* ---- whether there is anything to do ---- */

/* The first row of a feed; its time is INT64_MAX where there is none. */
static enum tb_err first_row(struct tb_tx *tx, uint32_t org,
			     enum tb_known_scope scope, struct tb_feed_row *ret)
{
	const struct tb_feed_query query = {
		.scope = tb_scope_known(org, scope),
		.until = UINT64_MAX,
		.limit = 1,
	};
	struct tb_cursor *cursor;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->feed_next(cursor, ret);
	tx->store->ops->feed_close(cursor);
	if (err != TB_ERR_NOT_FOUND)
		return err;
	*ret = (struct tb_feed_row) { .num = UINT64_MAX, .time_us = INT64_MAX };
	return TB_OK;
}

static enum tb_err is_due(struct tb_tx *tx, uint32_t org,
			  const struct tb_device_ages *ages, int64_t now_us,
			  bool *ret)
{
	struct tb_feed_row active;
	struct tb_feed_row leaving;
	struct tb_feed_row pending;
	struct tb_feed_row oldest;
	enum tb_err err =
		first_row(tx, org, TB_SCOPE_REGISTRATIONS_ACTIVE, &active);

	if (err == TB_OK)
		err = first_row(tx, org, TB_SCOPE_REGISTRATIONS_LEAVING,
				&leaving);
	if (err == TB_OK)
		err = first_row(tx, org, TB_SCOPE_PENDING, &pending);
	if (err == TB_OK)
		err = first_row(tx, org, TB_SCOPE_DEVICE_EVENTS, &oldest);
	if (err == TB_OK)
		*ret = active.time_us <= absent_before(ages, now_us) ||
		       leaving.num != UINT64_MAX ||
		       pending.time_us <= pending_before(ages, now_us) ||
		       (oldest.time_us <= kept_before(ages, now_us) &&
			oldest.num < pending.num);
	return err;
}

enum tb_err tb_device_upkeep(struct tb_core *core, uint32_t org,
			     const struct tb_device_ages *ages, bool *ret_more)
{
	static const struct tb_commit_kind kind = {
		.name = "devices_upkeep",
		.decide = decide,
	};
	struct upkeep upkeep = {
		.commit = { .kind = &kind,
			    .org = org,
			    .weight = TB_DEVICE_UPKEEP_MAX },
		.ages = ages,
	};
	bool due = false;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = is_due(tx, org, ages, tb_core_now_us(core), &due);
	tb_core_read_end(tx);
	if (err == TB_OK && due)
		err = tb_core_commit(core, &upkeep.commit);
	if (err == TB_OK)
		*ret_more = upkeep.is_more;
	return err;
}
