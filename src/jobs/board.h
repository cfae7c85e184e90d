/*
 * What a runner knows of each org's jobs without reading the store: whether it
 * is to look, how many may be ready, when the next is due or lost. Not
 * thread-safe: the runner's lock guards it.
 */
#ifndef TB_JOBS_BOARD_H
#define TB_JOBS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kernel/job_run.h"

struct tb_board_org {
	uint32_t id;     /* first, as base/table.h wants it */
	bool is_changed; /* something was committed since it was looked at */
	uint64_t seen;   /* where the feed of its jobs ended then */
	struct tb_job_outlook outlook;
};

struct tb_board {
	struct tb_board_org *orgs; /* in the order of ids */
	size_t n;
	size_t cap;
	uint32_t last_taken; /* those behind it are next */
};

void tb_board_fini(struct tb_board *board);
/* The org, made when it is new: then it is to be looked at. NULL: no memory.
 * Good until the next call that makes one. */
struct tb_board_org *tb_board_get(struct tb_board *board, uint32_t id);
/* The next org that may have a job that is ready, in turn; one of its jobs is
 * counted off. False: there is none. */
bool tb_board_take(struct tb_board *board, uint32_t *ret_org);
/* The same if it is the turn of this org; False: another's, or nobody's. */
bool tb_board_take_again(struct tb_board *board, uint32_t id);
/* The first moment at which a job is due or a lease over; INT64_MAX. */
int64_t tb_board_next_us(const struct tb_board *board);

#endif
