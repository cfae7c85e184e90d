#include "app/demo_shop_query.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/time.h"
#include "http/uri.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 250
#define PAGE_MAX_BYTES 256

static enum tb_err refuse(const char *why, const char **ret_problem)
{
	*ret_problem = why;
	return TB_ERR_INVALID;
}

static enum tb_err read_limit(const struct tb_request *req, uint64_t *ret,
			      const char **ret_problem)
{
	enum tb_err err =
		tb_request_query_u64(req, "limit", LIMIT_DEFAULT, ret);

	if (err == TB_ERR_INVALID || (!err && (*ret < 1 || *ret > LIMIT_MAX)))
		return refuse("limit must be from 1 to 250", ret_problem);
	return err;
}

/* ---- pages behind the first ---- */

void tb_shop_query_put_page(struct tb_buf *buf, enum tb_goods_kind kind,
			    const struct tb_shop_query *page)
{
	char text[PAGE_MAX_BYTES];
	char packed[PAGE_MAX_BYTES];
	struct tb_buf plain;
	struct tb_buf base64;

	tb_buf_init_fixed(&plain, text, sizeof(text));
	tb_buf_init_fixed(&base64, packed, sizeof(packed));
	tb_buf_printf(&plain, "%u.%llu.%llu.%llu.%llu", (unsigned)kind,
		      (unsigned long long)page->run.next,
		      (unsigned long long)page->run.end,
		      (unsigned long long)page->run.step,
		      (unsigned long long)page->first);
	tb_base64_put(&base64, tb_buf_str(&plain));
	TB_ASSERT(!tb_buf_err(&base64));
	tb_uri_escape(buf, tb_buf_str(&base64));
}

/* True if numbers are those of a page of this shop's. */
static bool is_page(const uint64_t n[5], enum tb_goods_kind kind,
		    uint64_t products)
{
	uint64_t end = tb_goods_all(kind, products).end;

	return n[0] == kind && n[1] >= 1 && n[1] <= n[2] && n[2] <= end &&
	       n[3] >= 1 && n[3] <= products && n[4] >= 1 && n[4] <= n[1];
}

static enum tb_err parse_page(struct tb_str info, enum tb_goods_kind kind,
			      uint64_t products, struct tb_shop_query *ret)
{
	char text[PAGE_MAX_BYTES];
	struct tb_buf plain;
	struct tb_str rest;
	uint64_t n[5];
	enum tb_err err;

	tb_buf_init_fixed(&plain, text, sizeof(text));
	err = tb_base64_parse(info, &plain);
	rest = tb_buf_str(&plain);
	for (size_t i = 0; !err && i < TB_ARRAY_LEN(n); i++)
		err = tb_str_to_u64(tb_str_cut(&rest, '.'), &n[i]);
	if (err || rest.p || !is_page(n, kind, products))
		return TB_ERR_INVALID;
	ret->run = (struct tb_goods_run) { n[1], n[2], n[3] };
	ret->first = n[4];
	return TB_OK;
}

/* ---- the first page ---- */

static enum tb_err read_filters(const struct tb_request *req,
				enum tb_goods_kind kind, uint64_t products,
				struct tb_goods_run *ret,
				const char **ret_problem)
{
	struct tb_str since = TB_STR_NONE;
	int64_t since_us;
	uint64_t id;
	enum tb_err err = tb_request_query_u64(req, "collection_id", 0, &id);

	if (!err)
		err = tb_request_query(req, "updated_at_min", &since);
	if (!err && since.p)
		err = tb_time_parse(since, TB_TIME_DATE_ALLOWED, &since_us);
	if (err == TB_ERR_INVALID)
		return refuse("a filter is not valid", ret_problem);
	if (err)
		return err;
	*ret = id != 0 && kind == TB_GOODS_PRODUCTS
		       ? tb_goods_in(id, products)
		       : tb_goods_all(kind, products);
	if (since.p)
		tb_goods_since(ret, kind, products, since_us);
	return TB_OK;
}

/* What a page is part of was said when the first one was asked for. */
static enum tb_err check_alone(const struct tb_request *req,
			       const char **ret_problem)
{
	static const char *const others[] = { "updated_at_min",
					      "collection_id" };
	struct tb_str value;
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(others); i++) {
		err = tb_request_query(req, others[i], &value);
		if (!err && value.p)
			return refuse("no filter goes with page_info",
				      ret_problem);
	}
	return err;
}

enum tb_err tb_shop_query_read(const struct tb_request *req,
			       enum tb_goods_kind kind, uint64_t products,
			       struct tb_shop_query *ret,
			       const char **ret_problem)
{
	struct tb_str info = TB_STR_NONE;
	enum tb_err err = read_limit(req, &ret->limit, ret_problem);

	if (err)
		return err;
	err = tb_request_query(req, "page_info", &info);
	if (!err && info.p)
		err = check_alone(req, ret_problem);
	if (err)
		return err == TB_ERR_INVALID && !*ret_problem
			       ? refuse("page_info is not valid", ret_problem)
			       : err;
	if (info.p)
		return parse_page(info, kind, products, ret)
			       ? refuse("page_info is not valid", ret_problem)
			       : TB_OK;
	err = read_filters(req, kind, products, &ret->run, ret_problem);
	ret->first = ret->run.next;
	return err;
}
