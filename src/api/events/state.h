/*
 * What the handlers of the events API share.
 */
#ifndef TB_API_EVENTS_STATE_H
#define TB_API_EVENTS_STATE_H

#include "api/events/events.h"
#include "api/events/rules.h"
#include "api/events/segments.h"

struct tb_events {
	struct tb_core *core;
	struct tb_auth *auth;
	const struct tb_events_options *options;
	struct tb_rules_cache *rules;
	struct tb_segments *segments;
	int64_t started_us; /* by the core's clock */
};

#endif
