/*
 * A request's body on its way in: piece by piece, decompressed, below its
 * ceiling and out of the shared budget. One owner at a time.
 */
#ifndef TB_HTTP_BODY_H
#define TB_HTTP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/gzip.h"
#include "http/budget.h"

struct tb_body {
	struct tb_buf buf;        /* what there is of it, decompressed */
	struct tb_gunzip *gunzip; /* NULL: it comes as it is */
	struct tb_budget *budget; /* borrowed */
	uint64_t charged_bytes;   /* to the budget, for `buf` */
	uint64_t received_bytes;  /* as sent */
	uint64_t max_bytes;       /* of the body as sent, and decompressed */
	bool is_ignored;          /* counted, not kept */
};

/* The ceiling holds for the bytes as sent and again decompressed. NOMEM. */
enum tb_err tb_body_init(struct tb_body *body, struct tb_budget *budget,
			 uint64_t max_bytes, bool is_gzip,
			 bool is_ignored) tb_must_check;
/* Takes a zeroed one; gives the memory back to the budget. */
void tb_body_fini(struct tb_body *body);

/* The next piece. TOO_LARGE: over the ceiling. BUSY: the budget is used up.
 * INVALID: bad gzip. NOMEM. After a failure only fini. */
enum tb_err tb_body_feed(struct tb_body *body,
			 struct tb_str piece) tb_must_check;
/* The body has come whole. INVALID: its gzip has not. */
enum tb_err tb_body_end(struct tb_body *body) tb_must_check;

#endif
