/*
 * The jobs of an org in the order in which the API shows them: of one state
 * after the other, or the last change first. Read a few at a time, since each
 * comes with the whole of its request.
 */
#ifndef TB_API_JOBS_LISTING_H
#define TB_API_JOBS_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/job.h"

/* Of jobs that are read at once; the arena that they are read into should have
 * this much room. */
#define TB_JOBS_BATCH_MAX 16
#define TB_JOBS_BATCH_BYTES ((size_t)128 << 20)

/* Which lists of the kernel hold what is asked for. */
struct tb_jobs_lists;

/* Where a reader is. */
struct tb_jobs_place {
	enum tb_job_list list;
	uint64_t after;
};
#define TB_JOBS_PLACE_MAX_BYTES 32
/* The text, in `buf`; to clients it is opaque. */
struct tb_str tb_jobs_place_text(const struct tb_jobs_place *place,
				 char buf[TB_JOBS_PLACE_MAX_BYTES]);

/* Embedded by its owner. */
struct tb_jobs_listing {
	struct tb_tx *tx;
	uint32_t org;
	const struct tb_jobs_lists *lists;
	size_t at; /* of them */
	uint64_t after;
	bool is_over;
};

/* From the beginning; `state` NULL: of every state. */
void tb_jobs_listing_begin(struct tb_jobs_listing *listing, struct tb_tx *tx,
			   uint32_t org, const enum tb_job_state *state);
/* From a place. INVALID: it is none of these lists. */
enum tb_err tb_jobs_listing_seek(struct tb_jobs_listing *listing,
				 struct tb_str place) tb_must_check;
/* Up to `max` more jobs, TB_JOBS_BATCH_MAX at most, in the arena: maybe none,
 * until the listing is over, which it must not be. */
enum tb_err tb_jobs_listing_next(struct tb_jobs_listing *listing,
				 struct tb_arena *arena, size_t max,
				 const struct tb_job **ret,
				 size_t *ret_n) tb_must_check;
/* Behind those that were given. */
struct tb_jobs_place
tb_jobs_listing_place(const struct tb_jobs_listing *listing);

#endif
