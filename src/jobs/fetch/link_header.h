/*
 * The header Link (RFC 8288). Pure.
 */
#ifndef TB_JOBS_FETCH_LINK_HEADER_H
#define TB_JOBS_FETCH_LINK_HEADER_H

#include "base/str.h"

/* The target of the first link of relation `next` in a header's value, as
 * written between its brackets; empty: there is none. Links with an anchor are
 * another page's and passed over. INVALID: it cannot be read up to there. */
enum tb_err tb_link_header_next(struct tb_str value,
				struct tb_str *ret) tb_must_check;

#endif
