/*
 * Requests that a client named by an Idempotency-Key: what came of each is
 * remembered for a day, so that the same request again has no second effect.
 */
#ifndef TB_KERNEL_REQUESTS_H
#define TB_KERNEL_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/core.h"
#include "kernel/view.h"

#define TB_REQUESTS_LIFE_US (24 * 3600 * (int64_t)1000000)

/* A request: digests of who sent what where under which key, and of its body
 * (tb_sha256_name). */
struct tb_named_request {
	struct tb_str key;
	struct tb_str body;
};

/* What came of one: a record, and its version then. */
struct tb_request_result {
	uint64_t rid;
	uint64_t version;
};

/* NOT_FOUND: it is new. CONFLICT: there was another one under its key. */
enum tb_err tb_requests_find(struct tb_view *view,
			     const struct tb_named_request *request,
			     struct tb_request_result *ret) tb_must_check;
enum tb_err
tb_requests_keep(struct tb_view *view, const struct tb_named_request *request,
		 const struct tb_request_result *result) tb_must_check;

/* Forgets up to this many in one run. */
#define TB_REQUESTS_DROP_MAX 1000

/* Forgets an org's requests of more than a day ago, the oldest first. */
enum tb_err tb_requests_drop_expired(struct tb_core *core, uint32_t org,
				     size_t *ret_dropped) tb_must_check;

#endif
