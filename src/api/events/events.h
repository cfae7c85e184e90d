/*
 * The events API: the history, who may post to it and see it, users and their
 * tokens. docs/api/events.md is what it promises.
 */
#ifndef TB_API_EVENTS_EVENTS_H
#define TB_API_EVENTS_EVENTS_H

#include <stdint.h>

#include "auth/auth.h"
#include "http/route.h"
#include "kernel/core.h"

struct tb_events;

struct tb_events_options {
	uint32_t token_lifetime_s; /* a week */
	uint32_t ahead_max_s;      /* of timestamps; 24 hours */
	uint32_t batch_max;        /* events in a post; 10,000 */
	uint32_t page_max;         /* events in a page by `limit`; 5,000 */
	uint64_t page_max_bytes;   /* of such a page; 16 MiB */
	uint64_t cache_max_bytes;  /* rendered parts of histories; 24 MiB */
};
extern const struct tb_events_options tb_events_default_options;

/* Borrows everything for its life. */
enum tb_err tb_events_create(struct tb_core *core, struct tb_auth *auth,
			     const struct tb_events_options *options,
			     struct tb_events **ret) tb_must_check;
void tb_events_destroy(struct tb_events *events); /* takes NULL */

extern const struct tb_api tb_events_api;

#endif
