/*
 * The demo's history: the events that the documentation of the events API
 * shows.
 */
#ifndef TB_APP_DEMO_EVENTS_H
#define TB_APP_DEMO_EVENTS_H

#include "base/arena.h"
#include "kernel/audit.h"
#include "kernel/core.h"

/* Posts them to an org, where they are not there yet. */
enum tb_err tb_demo_post_events(struct tb_core *core, struct tb_arena *arena,
				uint32_t org,
				const struct tb_audit_note *note) tb_must_check;

#endif
