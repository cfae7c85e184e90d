/*
 * GET pull: the events of others that a device has not acknowledged.
 */
#include "api/devices/call.h"
#include "api/devices/errors.h"
#include "api/devices/handlers.h"
#include "api/devices/listing.h"
#include "api/devices/query.h"
#include "kernel/registration.h"

#define LIMIT_MAX 5000

struct pull {
	struct tb_str device;
	int64_t since_us;
	uint64_t after;
	uint64_t limit;
};

/* INVALID: `*ret_flaw` says what is wrong. */
static enum tb_err decode(const struct tb_request *req, struct pull *ret,
			  struct tb_str *ret_flaw)
{
	/* "`limit` (1 to 5,000; over it counts as 5,000) pages the answer" */
	static const struct tb_devices_limit_rule rule = {
		.absent = TB_DEVICES_NO_LIMIT,
		.min = 1,
		.max = LIMIT_MAX,
	};
	enum tb_err err =
		tb_devices_query_id(req, "device_id", &ret->device, ret_flaw);

	if (!err && ret->device.n == 0) {
		*ret_flaw = TB_STR(TB_DEVICES_NO_DEVICE);
		return TB_ERR_INVALID;
	}
	if (!err)
		err = tb_devices_query_since(req, &ret->since_us, ret_flaw);
	if (!err)
		err = tb_devices_query_limit(req, &rule, &ret->limit, ret_flaw);
	if (!err)
		err = tb_devices_query_after(req, &ret->after, ret_flaw);
	return err;
}

/* Where the listing begins and ends, and what is left out of it. */
static enum tb_err find_range(struct tb_tx *tx, const struct pull *pull,
			      struct tb_device_query *query)
{
	uint64_t since = 0;
	enum tb_err err = tb_device_head(tx, query->org, &query->until);

	if (!err && pull->since_us != INT64_MIN)
		err = tb_device_find_time(tx, query->org, pull->since_us,
					  &since);
	query->after = since > pull->after ? since : pull->after;
	/* A client may be ahead of a store that was restored. */
	if (query->after > query->until)
		query->after = query->until;
	return err;
}

/* "A device that is registered and has not acknowledged events that are no
 * longer retained is told so": those that came since it is registered. */
static enum tb_err find_missed(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org,
			       const struct tb_registration *registration,
			       const struct tb_device_marks *marks,
			       uint64_t *ret)
{
	uint64_t floor;
	enum tb_err err = tb_device_floor(tx, arena, org, &floor);

	if (!err &&
	    tb_device_marks_next(marks, registration->first + 1) <= floor)
		*ret = floor;
	return err;
}

static enum tb_err find_marks(struct tb_tx *tx, struct tb_arena *arena,
			      const struct pull *pull,
			      struct tb_devices_listing *listing)
{
	struct tb_device_marks *marks =
		tb_arena_calloc(arena, 1, sizeof(*marks));
	struct tb_registration registration;
	uint32_t org = listing->query.org;
	enum tb_err err;

	if (!marks)
		return tb_arena_err(arena);
	err = tb_registration_read(tx, arena, org, pull->device, &registration,
				   marks);
	/* "A pull registers nobody". */
	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (!err)
		err = find_missed(tx, arena, org, &registration, marks,
				  &listing->missed_up_to);
	listing->query.marks = marks;
	return err;
}

static void answer(const struct tb_devices_caller *caller,
		   const struct pull *pull, struct tb_tx *tx,
		   const struct tb_request *req, struct tb_response *res)
{
	struct tb_devices_listing listing = {
		.core = caller->devices->core,
		.query = { .org = caller->org,
			   .feed = TB_DEVICE_FEED_ALL,
			   .not_device = pull->device },
		.limit = pull->limit,
		.before = TB_STR("{\"events\":"),
		.with_more = pull->limit != TB_DEVICES_NO_LIMIT,
		.with_next = pull->limit != TB_DEVICES_NO_LIMIT,
	};
	enum tb_err err = find_range(tx, pull, &listing.query);

	if (!err)
		err = find_marks(tx, req->arena, pull, &listing);
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_devices_answer_listing(&listing, tx, req, res);
}

void tb_devices_get_pull(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	struct tb_str flaw = TB_STR_NONE;
	struct tb_devices_caller caller;
	struct tb_tx *tx = NULL;
	struct pull pull;
	enum tb_err err;

	if (!tb_devices_call_open(&caller, state, req, res))
		return;
	err = decode(req, &pull, &flaw);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	if (!tb_devices_call_check(&caller, req, res, pull.device))
		return;
	tb_seen_note(caller.devices->seen, caller.org, pull.device,
		     req->now_us);
	err = tb_core_read(caller.devices->core, &tx);
	if (err)
		tb_response_fail(res, req, err);
	else
		answer(&caller, &pull, tx, req, res);
	tb_core_read_end(tx);
}
