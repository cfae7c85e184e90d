/*
 * How connectors say why a call failed. Pure.
 */
#ifndef TB_JOBS_CONNECTORS_FAILURE_H
#define TB_JOBS_CONNECTORS_FAILURE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "jobs/connectors/connector.h"

/* Fills a failure in and gives `err` back, for `return`. The message is
 * formatted into the arena; where there is no room for it, it is the error's
 * text. Whoever formats what the other side sent uses tb_failure_plain. */
enum tb_err tb_failure_set(struct tb_connector_failure *ret,
			   struct tb_arena *arena, enum tb_err err,
			   const char *code, bool may_pass, const char *fmt,
			   ...) __attribute__((format(printf, 6, 7)));

void tb_failure_fill(struct tb_connector_failure *ret, enum tb_err err);
/* The same of what went wrong on this side and is said by its code alone:
 * "memory" (NOMEM, which may pass), "too_large", "internal". */
static inline enum tb_err tb_failure_of(struct tb_connector_failure *ret,
					enum tb_err err)
{
	tb_failure_fill(ret, err);
	return err;
}

#define TB_FAILURE_PLAIN_MAX_BYTES 200
/* A text of the other side's as it may stand in a message: cut, and what is no
 * printable ASCII is `?`. Ends with NUL. */
const char *tb_failure_plain(struct tb_str text,
			     char ret[TB_FAILURE_PLAIN_MAX_BYTES + 1]);

#endif
