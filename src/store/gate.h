/*
 * Bounded admission: so many may be inside at once, and who finds it full
 * waits for a bounded time. It keeps an engine to one writer and to so many
 * snapshots. Embedded in its store; thread-safe, but for init and fini.
 */
#ifndef TB_STORE_GATE_H
#define TB_STORE_GATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tb_gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	size_t places;
	size_t inside;
};

/* `places` is at least 1. */
void tb_gate_init(struct tb_gate *gate, size_t places);
/* Nobody may be inside. */
void tb_gate_fini(struct tb_gate *gate);

/* BUSY: all places were taken for `timeout_ms`. */
enum tb_err tb_gate_enter(struct tb_gate *gate,
			  uint32_t timeout_ms) tb_must_check;
void tb_gate_leave(struct tb_gate *gate);

#endif
