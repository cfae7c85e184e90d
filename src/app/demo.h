/*
 * The demo: when it may serve, and what it serves. Its passwords are public,
 * so its store is marked, and a marked store and somebody's own never mix.
 */
#ifndef TB_APP_DEMO_H
#define TB_APP_DEMO_H

#include <stdbool.h>

#include "app/config.h"
#include "app/data.h"
#include "kernel/core.h"

/* Why a server must not start on data in this state; NULL: it may. `is_demo`:
 * it was asked to serve the demo. Pure. */
const char *tb_demo_refusal(bool is_demo, enum tb_data_state state);
/* True if a server that listens there can be reached from this machine alone.
 */
bool tb_demo_may_listen(const char *listen);

/* What is set in a demo where nobody says anything else: its devices need no
 * token. As a configuration's file has it; static. */
struct tb_str tb_demo_preset(void);
/* Gives a configuration that declares no collections those of
 * examples/clinic.yaml, and what the file says of the resources API. */
enum tb_err tb_demo_apply_declaration(struct tb_config *config) tb_must_check;

/* Marks the store and makes, where they are not there yet, the org, the
 * accounts, the stores and a few records. */
enum tb_err tb_demo_fill(const struct tb_config *config,
			 struct tb_core *core) tb_must_check;

#endif
