/*
 * What a request asks the demo's shop for: which records, and how many of them.
 * A page names the one behind it by an opaque text, which holds the run of
 * records that is left. Pure.
 */
#ifndef TB_APP_DEMO_SHOP_QUERY_H
#define TB_APP_DEMO_SHOP_QUERY_H

#include "app/demo_goods.h"
#include "http/request.h"

struct tb_shop_query {
	struct tb_goods_run run;
	/* Where the run begins whose page this is; before `run.next` when it is
	 * not the first. */
	uint64_t first;
	uint64_t limit;
};

/* Reads the query of a request for records, or for how many there are. INVALID:
 * `*ret_problem` says why, in a static text. */
enum tb_err tb_shop_query_read(const struct tb_request *req,
			       enum tb_goods_kind kind, uint64_t products,
			       struct tb_shop_query *ret,
			       const char **ret_problem) tb_must_check;

/* Appends the value of page_info that stands for a page, escaped. */
void tb_shop_query_put_page(struct tb_buf *buf, enum tb_goods_kind kind,
			    const struct tb_shop_query *page);

#endif
