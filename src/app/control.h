/*
 * How commands reach a running server: a datagram socket in the folder of the
 * data. A command that changed something asks the server to look, and waits
 * for the answer, so that the change holds when the command has returned. The
 * server also looks by itself, for changes whose command was cut short.
 */
#ifndef TB_APP_CONTROL_H
#define TB_APP_CONTROL_H

#include <stdbool.h>

#include "base/err.h"

struct tb_control;

/* Looks what others changed; on the control's own thread. `asked`: a command
 * waits for it; else it is one of the regular looks. */
typedef void tb_control_refresh_fn(void *ctx, bool asked);

/* Listens in the folder `data`, on a thread of its own. IO. */
enum tb_err tb_control_start(const char *data, tb_control_refresh_fn *refresh,
			     void *ctx, struct tb_control **ret) tb_must_check;
/* Ends the thread and takes the socket away. Takes NULL. */
void tb_control_stop(struct tb_control *control);

/* Asks the server of this folder to look, and waits for its answer, at most
 * two seconds. Without a server nothing happens. */
void tb_control_poke(const char *data);

#endif
