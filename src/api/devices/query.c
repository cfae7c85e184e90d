#include "api/devices/query.h"

#include "api/devices/errors.h"
#include "codec/time.h"
#include "kernel/device_event.h"

static enum tb_err refuse(struct tb_str *ret_flaw, struct tb_str flaw)
{
	*ret_flaw = flaw;
	return TB_ERR_INVALID;
}

enum tb_err tb_devices_query_id(const struct tb_request *req, const char *name,
				struct tb_str *ret, struct tb_str *ret_flaw)
{
	struct tb_str text;
	enum tb_err err = tb_request_query(req, name, &text);

	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_ID));
	if (err)
		return err;
	if (text.n > TB_DEVICE_TEXT_MAX_BYTES)
		return refuse(ret_flaw, TB_STR(TB_DEVICES_LONG_ID));
	*ret = text;
	return TB_OK;
}

enum tb_err tb_devices_query_since(const struct tb_request *req, int64_t *ret,
				   struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	int64_t us = INT64_MIN;
	enum tb_err err = tb_request_query(req, "since", &text);

	if (!err && text.n > 0)
		err = tb_time_parse(
			text, TB_TIME_DATE_ALLOWED | TB_TIME_ANY_FORM, &us);
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_SINCE));
	if (!err)
		*ret = us;
	return err;
}

enum tb_err tb_devices_query_after(const struct tb_request *req, uint64_t *ret,
				   struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	uint64_t after = 0;
	enum tb_err err = tb_request_query(req, "after", &text);

	if (!err && text.n > 0)
		err = tb_str_to_u64(text, &after);
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_AFTER));
	if (!err)
		*ret = after;
	return err;
}

static enum tb_err parse_limit(struct tb_str text,
			       const struct tb_devices_limit_rule *rule,
			       uint64_t *ret)
{
	uint64_t limit;
	enum tb_err err;

	if (rule->may_be_all && tb_str_eq(text, TB_STR("-1"))) {
		*ret = TB_DEVICES_NO_LIMIT;
		return TB_OK;
	}
	err = tb_str_to_u64(text, &limit);
	if (!err && limit < rule->min)
		err = TB_ERR_INVALID;
	if (!err)
		*ret = limit < rule->max ? limit : rule->max;
	return err;
}

enum tb_err tb_devices_query_limit(const struct tb_request *req,
				   const struct tb_devices_limit_rule *rule,
				   uint64_t *ret, struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	uint64_t limit = rule->absent;
	enum tb_err err = tb_request_query(req, "limit", &text);

	if (!err && text.n > 0)
		err = parse_limit(text, rule, &limit);
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_LIMIT));
	if (!err)
		*ret = limit;
	return err;
}

/* ---- the audit trail ---- */

/* Exactly this text; p NULL: any. */
static enum tb_err take_type(const struct tb_request *req, struct tb_str *ret,
			     struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	enum tb_err err = tb_request_query(req, "event_type", &text);

	if (err == TB_ERR_INVALID ||
	    (!err && text.n > TB_DEVICE_TEXT_MAX_BYTES))
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_TYPE));
	if (!err)
		*ret = text.n > 0 ? text : TB_STR_NONE;
	return err;
}

static enum tb_err take_offset(const struct tb_request *req, uint64_t *ret,
			       struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	uint64_t offset = 0;
	enum tb_err err = tb_request_query(req, "offset", &text);

	if (!err && text.n > 0)
		err = tb_str_to_u64(text, &offset);
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_OFFSET));
	if (!err)
		*ret = offset;
	return err;
}

/* "`start_date` and `end_date` are ISO 8601 and inclusive; a date alone means
 * its whole day." */
static enum tb_err take_date(const struct tb_request *req, bool is_end,
			     int64_t *ret_us, struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	int64_t us = is_end ? INT64_MAX : INT64_MIN;
	enum tb_err err = tb_request_query(
		req, is_end ? "end_date" : "start_date", &text);

	if (!err && text.n > 0)
		err = tb_audit_parse_time(text, is_end, &us);
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, is_end ? TB_STR(TB_DEVICES_BAD_END)
					       : TB_STR(TB_DEVICES_BAD_START));
	if (!err)
		*ret_us = us;
	return err;
}

enum tb_err tb_devices_query_audit(const struct tb_request *req,
				   const struct tb_devices_limit_rule *rule,
				   struct tb_devices_audit_query *ret,
				   struct tb_str *ret_flaw)
{
	struct tb_audit_query *query = &ret->query;
	enum tb_err err =
		tb_devices_query_id(req, "device_id", &query->device, ret_flaw);

	if (!err && query->device.n == 0)
		query->device = TB_STR_NONE;
	if (!err)
		err = take_type(req, &query->event_type, ret_flaw);
	if (!err)
		err = take_date(req, false, &query->since_us, ret_flaw);
	if (!err)
		err = take_date(req, true, &query->until_us, ret_flaw);
	if (!err)
		err = tb_devices_query_limit(req, rule, &ret->limit, ret_flaw);
	return err ? err : take_offset(req, &ret->offset, ret_flaw);
}
