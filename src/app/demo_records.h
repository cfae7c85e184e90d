/*
 * The demo's records: those that the documentation of the resources API shows,
 * with the times that it shows, and some that sites have pushed.
 */
#ifndef TB_APP_DEMO_RECORDS_H
#define TB_APP_DEMO_RECORDS_H

#include "base/arena.h"
#include "kernel/audit.h"
#include "kernel/core.h"

/* Pushes them to an org, where they are not there yet. Stores and sites are
 * there, and nothing was written in the org but this. */
enum tb_err
tb_demo_push_records(struct tb_core *core, struct tb_arena *arena, uint32_t org,
		     const struct tb_audit_note *note) tb_must_check;

#endif
