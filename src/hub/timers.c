#include "hub/timers.h"

#include "base/alloc.h"
#include "base/assert.h"

#define CAP_MIN 64

void tb_timers_fini(struct tb_timers *timers)
{
	TB_ASSERT(timers->n_admitted == 0);
	tb_free(timers->heap);
	*timers = (struct tb_timers) { 0 };
}

enum tb_err tb_timers_admit(struct tb_timers *timers, struct tb_timer *timer,
			    void (*fire)(struct tb_loop *, struct tb_timer *))
{
	size_t cap = timers->cap > 0 ? timers->cap * 2 : CAP_MIN;
	struct tb_timer **heap;

	if (timers->n_admitted == timers->cap) {
		heap = tb_realloc(timers->heap,
				  cap * sizeof(struct tb_timer *));
		if (heap == NULL)
			return TB_ERR_NOMEM;
		timers->heap = heap;
		timers->cap = cap;
	}
	timers->n_admitted++;
	*timer = (struct tb_timer) { .at_us = TB_NEVER, .fire = fire };
	return TB_OK;
}

static void put(struct tb_timers *timers, struct tb_timer *timer, size_t place)
{
	timers->heap[place] = timer;
	timer->place = place;
}

/* Moves a timer whose place is free up, as long as it is due before the one
 * above. */
static void rise(struct tb_timers *timers, struct tb_timer *timer, size_t place)
{
	while (place > 0) {
		struct tb_timer *above = timers->heap[(place - 1) / 2];
		if (above->at_us <= timer->at_us)
			break;
		put(timers, above, place);
		place = (place - 1) / 2;
	}
	put(timers, timer, place);
}

/* The same down, as long as one below is due before it. */
static void sink(struct tb_timers *timers, struct tb_timer *timer, size_t place)
{
	size_t below = 2 * place + 1;

	while (below < timers->n) {
		struct tb_timer **heap = timers->heap;
		if (below + 1 < timers->n &&
		    heap[below + 1]->at_us < heap[below]->at_us)
			below++;
		if (heap[below]->at_us >= timer->at_us)
			break;
		put(timers, heap[below], place);
		place = below;
		below = 2 * place + 1;
	}
	put(timers, timer, place);
}

static void settle(struct tb_timers *timers, struct tb_timer *timer,
		   size_t place)
{
	rise(timers, timer, place);
	sink(timers, timer, timer->place);
}

static void take_out(struct tb_timers *timers, struct tb_timer *timer)
{
	struct tb_timer *last = timers->heap[--timers->n];

	timer->at_us = TB_NEVER;
	if (last != timer)
		settle(timers, last, timer->place);
}

void tb_timers_set(struct tb_timers *timers, struct tb_timer *timer,
		   int64_t at_us)
{
	if (at_us == timer->at_us)
		return;
	if (at_us == TB_NEVER) {
		take_out(timers, timer);
		return;
	}
	if (timer->at_us == TB_NEVER)
		timer->place = timers->n++;
	timer->at_us = at_us;
	settle(timers, timer, timer->place);
}

void tb_timers_dismiss(struct tb_timers *timers, struct tb_timer *timer)
{
	tb_timers_set(timers, timer, TB_NEVER);
	timers->n_admitted--;
}

int64_t tb_timers_next(const struct tb_timers *timers)
{
	return timers->n > 0 ? timers->heap[0]->at_us : TB_NEVER;
}

struct tb_timer *tb_timers_take_due(struct tb_timers *timers, int64_t now_us)
{
	struct tb_timer *first;

	if (timers->n == 0 || timers->heap[0]->at_us > now_us)
		return NULL;
	first = timers->heap[0];
	take_out(timers, first);
	return first;
}
