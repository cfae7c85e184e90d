/*
 * The query of a page: where it starts and how much it may hold.
 */
#ifndef TB_API_SITES_QUERY_H
#define TB_API_SITES_QUERY_H

#include "api/sites/sites.h"

struct tb_sites_query {
	uint64_t cursor; /* 0 when absent */
	uint32_t limit;  /* page_default when absent, at most page_max */
};

/* INVALID: not a decimal number of 64 bits, or given twice. */
enum tb_err tb_sites_query_read(const struct tb_request *req,
				const struct tb_sites_options *options,
				struct tb_sites_query *ret) tb_must_check;

#endif
