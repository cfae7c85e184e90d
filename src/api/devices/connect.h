/*
 * A client asks to join: who it is, what it is bound to, and what it is told
 * then.
 */
#ifndef TB_API_DEVICES_CONNECT_H
#define TB_API_DEVICES_CONNECT_H

#include "api/devices/task.h"
#include "kernel/registration.h"

/* `auth` is JSON, or empty. On the peer's loop. */
void tb_connect_begin(struct tb_peer *peer, struct tb_str auth);

/* A registration as a client is told of it: what `registered` holds. Blocks.
 */
struct tb_registered {
	struct tb_registration registration;
	uint64_t missed_up_to; /* or 0 */
	struct tb_str text;    /* JSON */
};
/* Makes a device known that the caller may speak for, or changes what is said
 * of it, and reads what it has missed; results in the task's arena. INVALID and
 * the like: `*ret_flaw` says what is wrong; NULL where only the error does. */
enum tb_err tb_connect_register(struct tb_task *task,
				const struct tb_register *what,
				struct tb_registered *ret,
				const char **ret_flaw) tb_must_check;

#endif
