/*
 * One call of the sites API: what every handler starts with and ends by. Made
 * on the handler's stack.
 */
#ifndef TB_API_SITES_CALL_H
#define TB_API_SITES_CALL_H

#include "api/sites/dialect.h"
#include "api/sites/state.h"
#include "codec/json.h"
#include "kernel/audit.h"

struct tb_sites_call {
	struct tb_sites *sites;
	const struct tb_request *req;
	struct tb_response *res;
	const struct tb_principal *site;
	enum tb_sites_dialect dialect;
};

/* Entries of a queue that are counted for a page of it, and for who asks for
 * the length alone; more are there as this many. */
#define TB_SITES_COUNT_PAGE 10000
#define TB_SITES_COUNT_ASKED 100000

/* False: it was answered with an error. */
bool tb_sites_call_begin(void *state, const struct tb_request *req,
			 struct tb_response *res, struct tb_sites_call *call);
/* The same for what answers from memory. False: nothing was touched. */
bool tb_sites_call_begin_quick(void *state, const struct tb_request *req,
			       struct tb_response *res,
			       struct tb_sites_call *call);

/* Notes that the site was seen, with what is set in `seen`. */
#define TB_SITES_SEEN ((struct tb_site_activity) { .last_push_us = 0 })
void tb_sites_call_note(const struct tb_sites_call *call,
			struct tb_site_activity seen);

/* Who and what, for the audit trail. */
enum tb_err tb_sites_call_audit(const struct tb_sites_call *call,
				const char *operation,
				struct tb_audit_note *ret) tb_must_check;

/* True if the site has anything to exchange: a store, or central data that it
 * may edit. The versioned dialect has an error for it if not. */
bool tb_sites_call_has_store(const struct tb_sites_call *call);

/* Answers 200 with the JSON in `buf`, or the error that it has; takes over
 * the buffer's memory. */
void tb_sites_call_answer(const struct tb_sites_call *call, struct tb_buf *buf);
/* 503 and the like, in the API's shape. */
void tb_sites_call_fail(const struct tb_sites_call *call, enum tb_err err);
/* 400 or 413 for a body that cannot be read. */
void tb_sites_call_fail_body(const struct tb_sites_call *call, enum tb_err err,
			     const struct tb_json_error *error);
/* How many records the client should ask for, or send, at once. */
void tb_sites_call_hint(const struct tb_sites_call *call, size_t n);

#endif
