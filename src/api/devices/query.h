/*
 * The query parameters of the devices API. One that is empty is as good as
 * absent. Pure.
 */
#ifndef TB_API_DEVICES_QUERY_H
#define TB_API_DEVICES_QUERY_H

#include "http/request.h"
#include "kernel/audit_read.h"

/* Each fails with INVALID, and then `*ret_flaw` says in a static text what is
 * wrong; NOMEM. */

/* The id of a device or a user; empty: absent. */
enum tb_err tb_devices_query_id(const struct tb_request *req, const char *name,
				struct tb_str *ret,
				struct tb_str *ret_flaw) tb_must_check;
/* `since`; INT64_MIN: absent. */
enum tb_err tb_devices_query_since(const struct tb_request *req, int64_t *ret,
				   struct tb_str *ret_flaw) tb_must_check;
/* `after`; 0: absent. */
enum tb_err tb_devices_query_after(const struct tb_request *req, uint64_t *ret,
				   struct tb_str *ret_flaw) tb_must_check;

#define TB_DEVICES_NO_LIMIT UINT64_MAX

struct tb_devices_limit_rule {
	uint64_t absent; /* what it is then; or TB_DEVICES_NO_LIMIT */
	uint64_t min;
	uint64_t max;    /* more counts as this */
	bool may_be_all; /* -1: TB_DEVICES_NO_LIMIT */
};
enum tb_err tb_devices_query_limit(const struct tb_request *req,
				   const struct tb_devices_limit_rule *rule,
				   uint64_t *ret,
				   struct tb_str *ret_flaw) tb_must_check;

/* What a search of the audit trail asks for; `query.org` is the caller's. */
struct tb_devices_audit_query {
	struct tb_audit_query query;
	uint64_t offset;
	uint64_t limit;
};
enum tb_err tb_devices_query_audit(const struct tb_request *req,
				   const struct tb_devices_limit_rule *rule,
				   struct tb_devices_audit_query *ret,
				   struct tb_str *ret_flaw) tb_must_check;

#endif
