/*
 * The times at which something is due, the earliest first: a heap of timers
 * that are embedded in whatever they belong to. Each timer has its place in it
 * from admit to dismiss, so that setting one never fails. One thread. Pure.
 */
#ifndef TB_HUB_TIMERS_H
#define TB_HUB_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tb_loop;

#define TB_NEVER INT64_MAX

struct tb_timer {
	int64_t at_us; /* TB_NEVER: it is not set */
	size_t place;  /* in the heap, while it is set */
	void (*fire)(struct tb_loop *loop, struct tb_timer *timer);
};

struct tb_timers {
	struct tb_timer **heap;
	size_t n;
	size_t cap;
	size_t n_admitted;
};

void tb_timers_fini(struct tb_timers *timers);

/* A timer that is not set yet. NOMEM. */
enum tb_err tb_timers_admit(struct tb_timers *timers, struct tb_timer *timer,
			    void (*fire)(struct tb_loop *,
					 struct tb_timer *)) tb_must_check;
void tb_timers_dismiss(struct tb_timers *timers, struct tb_timer *timer);

/* In place of an earlier time; TB_NEVER: not at all. */
void tb_timers_set(struct tb_timers *timers, struct tb_timer *timer,
		   int64_t at_us);
/* When the first one is due, or TB_NEVER. */
int64_t tb_timers_next(const struct tb_timers *timers);
/* The first one, if it is due by now; it is not set any more. NULL: none. */
struct tb_timer *tb_timers_take_due(struct tb_timers *timers, int64_t now_us);

#endif
