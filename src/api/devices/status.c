/*
 * GET status: what became of the events of a device, or of a user.
 * GET overdue: the critical ones that wait for too long.
 */
#include "api/devices/call.h"
#include "api/devices/errors.h"
#include "api/devices/handlers.h"
#include "api/devices/listing.h"
#include "api/devices/query.h"

#define BEFORE_MAX_BYTES 512
#define US_PER_S 1000000ll

#define LIMIT_DEFAULT 20
#define OVERDUE_DEFAULT 100
#define OVERDUE_MAX 1000

/* ---- status ---- */

struct status {
	struct tb_str device; /* empty: of any */
	struct tb_str user;   /* likewise */
	uint64_t limit;
};

/* INVALID: `*ret_flaw` says what is wrong. */
static enum tb_err decode(const struct tb_request *req, struct status *ret,
			  struct tb_str *ret_flaw)
{
	/* "`limit` is 20 when absent, 0 none, -1 all" */
	static const struct tb_devices_limit_rule rule = {
		.absent = LIMIT_DEFAULT,
		.max = TB_DEVICES_NO_LIMIT,
		.may_be_all = true,
	};
	enum tb_err err =
		tb_devices_query_id(req, "device_id", &ret->device, ret_flaw);

	if (!err)
		err = tb_devices_query_id(req, "user_id", &ret->user, ret_flaw);
	if (!err && ret->device.n == 0 && ret->user.n == 0) {
		*ret_flaw = TB_STR(TB_DEVICES_NO_IDS);
		return TB_ERR_INVALID;
	}
	if (!err)
		err = tb_devices_query_limit(req, &rule, &ret->limit, ret_flaw);
	return err;
}

/* `{"summary":{...},"history":` */
static enum tb_err put_summary(struct tb_arena *arena,
			       const struct tb_device_tally *tally,
			       struct tb_str *ret)
{
	uint64_t total = tally->pending + tally->synced + tally->failed;
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, BEFORE_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("summary"));
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "total", total);
	tb_json_kv_uint(&w, "pending", tally->pending);
	tb_json_kv_uint(&w, "synced", tally->synced);
	tb_json_kv_uint(&w, "failed", tally->failed);
	tb_json_end_object(&w);
	tb_json_key(&w, TB_STR("history"));
	return tb_buf_copy_out(&buf, arena, ret);
}

static void answer(const struct tb_devices_caller *caller,
		   const struct status *status, struct tb_tx *tx,
		   const struct tb_request *req, struct tb_response *res)
{
	struct tb_devices_listing listing = {
		.core = caller->devices->core,
		.query = { .org = caller->org,
			   .feed = TB_DEVICE_FEED_SENDER,
			   .device = status->device,
			   .user = status->user,
			   .backwards = true },
		.limit = status->limit,
	};
	struct tb_device_tally tally;
	enum tb_err err =
		tb_device_tally_read(tx, req->arena, caller->org,
				     status->device, status->user, &tally);

	if (!err)
		err = put_summary(req->arena, &tally, &listing.before);
	if (!err)
		err = tb_device_head(tx, caller->org, &listing.query.until);
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_devices_answer_listing(&listing, tx, req, res);
}

void tb_devices_get_status(void *state, const struct tb_request *req,
			   struct tb_response *res)
{
	struct tb_str flaw = TB_STR_NONE;
	struct tb_devices_caller caller;
	struct status status;
	struct tb_tx *tx = NULL;
	enum tb_err err;

	if (!tb_devices_call_open(&caller, state, req, res))
		return;
	err = decode(req, &status, &flaw);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	if (status.device.n > 0 &&
	    !tb_devices_call_check(&caller, req, res, status.device))
		return;
	err = tb_core_read(caller.devices->core, &tx);
	if (err)
		tb_response_fail(res, req, err);
	else
		answer(&caller, &status, tx, req, res);
	tb_core_read_end(tx);
}

/* ---- overdue ---- */

static enum tb_err list_overdue(const struct tb_devices *devices,
				struct tb_tx *tx, const struct tb_request *req,
				uint64_t limit, struct tb_response *res)
{
	struct tb_devices_listing listing = {
		.core = devices->core,
		.query = { .org = req->principal->org,
			   .feed = TB_DEVICE_FEED_OVERDUE },
		.limit = limit,
		.before = TB_STR("{\"events\":"),
		.with_more = true,
		.with_waiting = true,
	};
	int64_t deadline_us = devices->options->deadline_s * US_PER_S;
	enum tb_err err = tb_device_find_time(tx, req->principal->org,
					      req->now_us - deadline_us,
					      &listing.query.until);

	if (!err)
		tb_devices_answer_listing(&listing, tx, req, res);
	return err;
}

void tb_devices_get_overdue(void *state, const struct tb_request *req,
			    struct tb_response *res)
{
	static const struct tb_devices_limit_rule rule = {
		.absent = OVERDUE_DEFAULT,
		.min = 1,
		.max = OVERDUE_MAX,
	};
	const struct tb_devices *devices = state;
	struct tb_str flaw = TB_STR_NONE;
	struct tb_tx *tx = NULL;
	uint64_t limit;
	enum tb_err err = tb_devices_query_limit(req, &rule, &limit, &flaw);

	if (!err)
		err = tb_core_read(devices->core, &tx);
	if (!err)
		err = list_overdue(devices, tx, req, limit, res);
	tb_core_read_end(tx);
	if (err)
		tb_devices_answer_flaw(req, res, err, flaw);
}
