/*
 * The demo's devices, and what they have told each other: what the
 * documentation of the devices API shows.
 */
#ifndef TB_APP_DEMO_DEVICES_H
#define TB_APP_DEMO_DEVICES_H

#include "kernel/audit.h"
#include "kernel/core.h"

/* Makes what is not there yet. */
enum tb_err
tb_demo_make_devices(struct tb_core *core, struct tb_arena *arena, uint32_t org,
		     const struct tb_audit_note *note) tb_must_check;

#endif
