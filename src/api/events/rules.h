/*
 * The access rules of each org, compiled, in memory. They are as fresh as the
 * org's generation, which rises with every change of them, so that they hold
 * on every server at once. Thread-safe.
 */
#ifndef TB_API_EVENTS_RULES_H
#define TB_API_EVENTS_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/acl.h"
#include "kernel/core.h"

struct tb_rules_cache;

/* The rules of an org as they were at one epoch and generation of it. */
struct tb_rules {
	const struct tb_acl *acl; /* a reference; NULL: none were ever put */
	uint64_t version;         /* of the list; 0: none */
	uint64_t epoch;
	uint64_t generation;
};
void tb_rules_release(struct tb_rules *rules);

struct tb_rules_cache *tb_rules_cache_create(struct tb_core *core);
void tb_rules_cache_destroy(struct tb_rules_cache *cache); /* takes NULL */

/* From memory. False: a worker must get them. */
bool tb_rules_find(struct tb_rules_cache *cache, uint32_t org,
		   struct tb_rules *ret);
/* From memory, or else from the store. */
enum tb_err tb_rules_get(struct tb_rules_cache *cache, uint32_t org,
			 struct tb_rules *ret) tb_must_check;
/* Memory is behind the store, which another process has changed: the next get
 * reads the store. */
void tb_rules_forget(struct tb_rules_cache *cache, uint32_t org);
/* An earlier list, compiled; a reference. NOT_FOUND: it is not kept. Version 0
 * is no list: NULL. Remembered, as far as memory for it goes. */
enum tb_err tb_rules_before(struct tb_rules_cache *cache, uint32_t org,
			    uint64_t version,
			    const struct tb_acl **ret) tb_must_check;

#endif
