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
		err = tb_time_parse(text, TB_TIME_DATE_ALLOWED, &us);
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
