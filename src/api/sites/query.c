#include "api/sites/query.h"

/* How often a parameter is there. Of two that differ the client meant one,
 * and there is no telling which. */
static size_t count(struct tb_str query, struct tb_str name)
{
	size_t n = 0;

	while (query.p) {
		struct tb_str value = tb_str_cut(&query, '&');

		n += tb_str_eq(tb_str_cut(&value, '='), name);
	}
	return n;
}

static enum tb_err read_number(const struct tb_request *req, const char *name,
			       uint64_t absent, uint64_t *ret)
{
	if (count(req->query, tb_str_z(name)) > 1)
		return TB_ERR_INVALID;
	return tb_request_query_u64(req, name, absent, ret);
}

enum tb_err tb_sites_query_read(const struct tb_request *req,
				const struct tb_sites_options *options,
				struct tb_sites_query *ret)
{
	uint64_t cursor, limit;
	enum tb_err err = read_number(req, "cursor", 0, &cursor);

	if (!err)
		err = read_number(req, "limit", options->page_default, &limit);
	if (err)
		return err;
	ret->cursor = cursor;
	/* "`limit` [...] over 5,000 counts as 5,000" */
	ret->limit =
		limit < options->page_max ? (uint32_t)limit : options->page_max;
	return TB_OK;
}
