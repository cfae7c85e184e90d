#include "api/events/events.h"

#include "api/api.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "base/alloc.h"
#include "base/assert.h"

#define MIB ((uint64_t)1 << 20)
#define DAY_S (24 * 60 * 60)

const struct tb_events_options tb_events_default_options = {
	.token_lifetime_s = 7 * DAY_S,
	.ahead_max_s = DAY_S,
	.batch_max = 10000,
	.page_max = 5000,
	.page_max_bytes = 16 * MIB,
	.cache_max_bytes = 24 * MIB,
};

enum tb_err tb_events_create(struct tb_core *core, struct tb_auth *auth,
			     const struct tb_events_options *options,
			     struct tb_events **ret)
{
	struct tb_events *events = tb_calloc(1, sizeof(*events));

	if (!events)
		return TB_ERR_NOMEM;
	events->core = core;
	events->auth = auth;
	events->options = options;
	events->started_us = tb_core_now_us(core);
	events->rules = tb_rules_cache_create(core);
	events->segments = tb_segments_create(core, options->cache_max_bytes);
	if (!events->rules || !events->segments) {
		tb_events_destroy(events);
		return TB_ERR_NOMEM;
	}
	*ret = events;
	return TB_OK;
}

void tb_events_destroy(struct tb_events *events)
{
	if (!events)
		return;
	tb_segments_destroy(events->segments);
	tb_rules_cache_destroy(events->rules);
	tb_free(events);
}

/* ---- settings ---- */

#define OPTIONS struct tb_events_options
#define NUMBER(member, lowest, highest)                                        \
	.name = #member, .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(OPTIONS, member), .min = (lowest), .max = (highest)

static const struct tb_setting rows[] = {
	{ NUMBER(token_lifetime_s, 1, 31536000),
	  .doc = "How long a token of POST auth/token is good." },
	{ NUMBER(ahead_max_s, 0, 31536000),
	  .doc = "How far an event's timestamp may be ahead of the server's "
		 "clock." },
	{ NUMBER(batch_max, 1, 1000000),
	  .doc = "Events in one post; over it 413." },
	{ NUMBER(page_max, 1, 1000000),
	  .doc = "A greater limit of a page counts as this." },
	{ NUMBER(page_max_bytes, 1024, 1024 * MIB),
	  .doc = "A page ends before the event that would make it larger; one "
		 "event always fits." },
	{ NUMBER(cache_max_bytes, 0, 1024 * 1024 * MIB),
	  .doc = "Memory for rendered parts of histories." },
};

static const struct tb_settings settings = {
	.section = "events",
	.rows = rows,
	.n_rows = TB_ARRAY_LEN(rows),
	.defaults = &tb_events_default_options,
	.size = sizeof(tb_events_default_options),
};

/* ---- the module ---- */

static enum tb_err create(const struct tb_api_env *env, void **ret_state)
{
	struct tb_events *events;
	enum tb_err err =
		tb_events_create(env->core, env->auth, env->options, &events);

	if (!err)
		*ret_state = events;
	return err;
}

static void destroy(void *state)
{
	tb_events_destroy(state);
}

const struct tb_api_module tb_events_module = {
	.api = &tb_events_api,
	.settings = &settings,
	.create = create,
	.destroy = destroy,
	.follow = tb_events_follow,
	.follow_peek = tb_events_follow_peek,
};
