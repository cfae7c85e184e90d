/*
 * What the runner does to jobs, each in a commit of its own. A worker that
 * takes a job gets a lease under a random token. Every later commit of the
 * worker's names the token, and changes nothing (CONFLICT) when it is not the
 * job's any more: because the lease was lost, or the job was paused, cancelled
 * or taken by another. Thread-safe, as commits are.
 *
 * job_look.c: what is there to be done, what is due, whose lease is over;
 * job_take.c: taking and renewing; job_checkpoint.c: a page; job_end.c: giving
 * a job back.
 */
#ifndef TB_KERNEL_JOB_RUN_H
#define TB_KERNEL_JOB_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"
#include "kernel/job.h"
#include "kernel/push.h"

#define TB_JOB_TAKE_MAX 64

/* What a runner has to know of an org to sleep. */
struct tb_job_outlook {
	uint64_t ready;       /* jobs that could be taken now */
	int64_t next_due_us;  /* INT64_MAX: none waits */
	int64_t next_loss_us; /* when the first lease will be over; INT64_MAX */
};
enum tb_err tb_job_look(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			struct tb_job_outlook *ret) tb_must_check;

/* Jobs that are due by now become ready, a bounded number in a commit; none:
 * no commit. */
enum tb_err tb_job_promote(struct tb_core *core, uint32_t org,
			   bool *ret_more) tb_must_check;

/* Jobs whose lease is over, or all that have one (`all`: nobody else runs any,
 * as at the start), are to be taken over; they stay ACTIVE and go first. */
enum tb_err tb_job_reclaim(struct tb_core *core, uint32_t org, bool all,
			   bool *ret_more) tb_must_check;

/* What a worker wants, and gets. */
struct tb_job_taking {
	struct tb_arena *arena; /* of the results */
	const uint64_t *tokens; /* random, none 0 */
	size_t n_tokens;        /* up to TB_JOB_TAKE_MAX */
	int64_t lease_us;       /* how long each lease is */
	struct tb_job *rets;    /* room for as many */
	size_t n; /* the result: jobs that were taken; 0 after an error */
};
/* Takes as many jobs that are ready as there are tokens, the first first, job i
 * under tokens[i]; there may be fewer, or none. A job that has not begun begins
 * a run: its streams are empty, and since_us is when the last completed run of
 * its name began (0: none), last_cursor the one that it kept. due_us is still
 * when it was due. */
enum tb_err tb_job_take(struct tb_core *core, uint32_t org,
			struct tb_job_taking *taking) tb_must_check;

struct tb_job_lease {
	uint32_t org;
	uint64_t id;
	uint64_t token;
};
/* Prolongs leases to now + lease_us, all of one org; rets_lost[i] where it was
 * lost. Silent: nobody who follows jobs is told. */
enum tb_err tb_job_renew(struct tb_core *core, uint32_t org,
			 const struct tb_job_lease *leases, size_t n,
			 int64_t lease_us, bool *rets_lost) tb_must_check;

/* A page: what it holds for the org (`push` NULL: nothing, it went to a
 * target), and where its stream is then, in one commit. */
struct tb_job_checkpoint {
	struct tb_job_lease lease;
	struct tb_str entity; /* names the stream, made if it is not there */
	struct tb_str cursor;
	uint64_t position;
	uint64_t total;
	bool is_done;
	uint32_t n_entities; /* that the run reads, this one among them */
	uint64_t n_read;     /* records of the page, bad ones among them */
	/* Records that came to no push item. */
	const struct tb_job_reject *rejects;
	size_t n_rejects;
	/* Without a push: what the target took. */
	uint64_t n_sent;
	/* Records that change nothing here, whatever they say. */
	uint64_t n_passed;
	/* For an import (site_id TB_ORIGIN_CENTRE), prepared, with its note,
	 * whose salt is the caller's; its outcomes are there afterwards. */
	struct tb_push *push;
	/* Of each item of it, where a stream brings several; NULL: `entity`. */
	const struct tb_str *item_entities;
	struct tb_str log; /* a line for the log; empty: none */
};
/* CONFLICT: the lease is lost, and nothing was changed. */
enum tb_err
tb_job_checkpoint(struct tb_core *core, struct tb_arena *arena,
		  struct tb_job_checkpoint *checkpoint) tb_must_check;

enum tb_job_end_kind {
	TB_JOB_END_COMPLETED, /* the run is through */
	TB_JOB_END_RETRY,     /* the attempt failed; another one at due_us */
	TB_JOB_END_FAILED,    /* the run failed for good */
	TB_JOB_END_RELEASED, /* the worker stops; the job is to be taken over */
	TB_JOB_END_SKIPPED,  /* no run after all: its occurrence was missed long
			      * ago; the next is at due_us */
};
struct tb_job_end {
	struct tb_job_lease lease;
	enum tb_job_end_kind kind;
	/* RETRY, SKIPPED: when. COMPLETED, FAILED: when the next occurrence is,
	 * and the job is queued until then; 0: there is none. */
	int64_t due_us;
	struct tb_job_error error; /* RETRY, FAILED */
	/* COMPLETED: the next run of this name is told where the stream of this
	 * entity ended (last_cursor); empty, or there is none: it is told
	 * nothing. */
	struct tb_str keeps_cursor_of;
	/* Of a run that FAILED: whoever says so, with a salt; what is set here
	 * is what was done. NULL: no row. */
	const struct tb_audit_note *note;
	/* In the same commit the worker takes what comes next, as tb_job_take
	 * does; NULL: it does not. */
	struct tb_job_taking *next;
};
/* CONFLICT: the lease is lost, and nothing is taken. */
enum tb_err tb_job_end(struct tb_core *core,
		       const struct tb_job_end *end) tb_must_check;
#endif
