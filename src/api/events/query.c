#include "api/events/query.h"

#include "api/events/errors.h"

/* "Absent, empty or `0`: from the beginning." */
enum tb_err tb_events_query_read_after(struct tb_str text,
				       struct tb_events_query *query)
{
	query->is_given = text.p != NULL;
	if (!text.p || text.n == 0 || tb_str_eq(text, TB_STR("0")))
		return TB_OK;
	query->has_cursor = true;
	return tb_events_cursor_parse(text, &query->after);
}

/* "a page of at most so many events, from 1" */
static enum tb_err read_limit(struct tb_str text,
			      const struct tb_events_query_limits *limits,
			      struct tb_events_query *query)
{
	uint64_t limit = 1;
	enum tb_err err = text.p ? tb_str_to_u64(text, &limit) : TB_OK;

	if (err || limit == 0)
		return TB_ERR_INVALID;
	if (text.p)
		query->limit = limit < limits->page_max ? (uint32_t)limit
							: limits->page_max;
	return TB_OK;
}

/* "absent or empty means all; not a positive integer, beyond 64 bits or more
 * than 24 h ahead: 400" */
static enum tb_err read_from(struct tb_str text,
			     const struct tb_events_query_limits *limits,
			     struct tb_events_query *query)
{
	int64_t from_s;

	if (text.n == 0)
		return TB_OK;
	if (tb_str_to_i64(text, &from_s) || from_s <= 0 ||
	    from_s > limits->latest_s)
		return TB_ERR_INVALID;
	query->from_s = from_s;
	return TB_OK;
}

static enum tb_err read_all(const struct tb_request *req,
			    const struct tb_events_query_limits *limits,
			    struct tb_events_query *query, const char **what)
{
	struct tb_str text;
	enum tb_err err;

	*what = TB_EVENTS_BAD_CURSOR;
	err = tb_request_query(req, "after", &text);
	if (!err)
		err = tb_events_query_read_after(text, query);
	if (err)
		return err;
	*what = TB_EVENTS_BAD_LIMIT;
	err = tb_request_query(req, "limit", &text);
	if (!err)
		err = read_limit(text, limits, query);
	if (err || limits->without_from)
		return err;
	*what = TB_EVENTS_BAD_FROM;
	err = tb_request_query(req, "fromTimestamp", &text);
	return err ? err : read_from(text, limits, query);
}

enum tb_err tb_events_query_read(const struct tb_request *req,
				 const struct tb_events_query_limits *limits,
				 struct tb_events_query *ret,
				 const char **ret_what)
{
	struct tb_events_query query = { .is_given = false };
	const char *what = NULL;
	enum tb_err err = TB_OK;

	if (req->query.p)
		err = read_all(req, limits, &query, &what);
	if (err == TB_ERR_INVALID)
		*ret_what = what;
	if (!err)
		*ret = query;
	return err;
}
