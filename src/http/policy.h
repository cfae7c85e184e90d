/*
 * The part of the server's options that can change while it runs: the origins
 * that may read answers and the proxies that are believed. Made from the
 * options' texts; owns copies of them.
 */
#ifndef TB_HTTP_POLICY_H
#define TB_HTTP_POLICY_H

#include "base/str.h"
#include "http/address.h"

struct tb_policy {
	struct tb_str *origins;
	size_t n_origins;
	struct tb_cidr *proxies;
	size_t n_proxies;
};

/* Both lists are NULL-ended, or NULL. INVALID: an origin or a block that is
 * none. NOMEM. `policy` is untouched on failure. */
enum tb_err tb_policy_init(struct tb_policy *policy, const char *const *origins,
			   const char *const *proxies) tb_must_check;
/* Takes a zeroed one. */
void tb_policy_fini(struct tb_policy *policy);

#endif
