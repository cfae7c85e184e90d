/*
 * What a server does besides serving, on a thread of its own: it lets the
 * APIs do their upkeep, writes down the audit of reads, drops tombstones and
 * families of tokens that nobody needs, and old rows of the audit trail, and
 * logs the sealed heads of the audit chains. Borrows everything it is given.
 */
#ifndef TB_APP_UPKEEP_H
#define TB_APP_UPKEEP_H

#include "app/log.h"
#include "app/wiring.h"
#include "auth/keys.h"
#include "engine/engine.h"
#include "http/server.h"
#include "kernel/retention.h"

struct tb_upkeep;

struct tb_upkeep_options {
	struct tb_engine *engine;
	struct tb_keys *keys;
	struct tb_log *log;
	struct tb_wiring *wiring;
	struct tb_retention_ages ages;
	int64_t audit_keep_us; /* 0: rows of the audit trail are kept */
};

enum tb_err tb_upkeep_start(const struct tb_upkeep_options *options,
			    struct tb_upkeep **ret) tb_must_check;
/* Writes down what is not yet, then ends the thread. Takes NULL. */
void tb_upkeep_stop(struct tb_upkeep *upkeep);

/* Counts a finished request, if it is one that has no audit row of its own: a
 * read, a failure, a login, or a write that changed nothing. Thread-safe. */
void tb_upkeep_count(struct tb_upkeep *upkeep, const struct tb_access *access);
/* Adds to the sums what was no HTTP request. Takes NULL: not counted. */
void tb_upkeep_add(struct tb_upkeep *upkeep, uint32_t org,
		   struct tb_str principal, struct tb_str operation,
		   unsigned status);

#endif
