/*
 * Changing jobs in a commit: each is opened, changed in memory and moved by an
 * event, which gives it its state, its place and its count in the sums at once.
 * Only for the files that carry jobs out.
 */
#ifndef TB_KERNEL_JOB_EDIT_H
#define TB_KERNEL_JOB_EDIT_H

#include "kernel/commit.h"
#include "kernel/job.h"
#include "kernel/view.h"

struct tb_job_edit {
	struct tb_view *view;
	int64_t now_us;
	struct tb_job_sums sums;
	bool is_changed;
};
/* Reads the sums; writes them, if anything changed. */
enum tb_err tb_job_edit_begin(struct tb_job_edit *edit,
			      struct tb_view *view) tb_must_check;
enum tb_err tb_job_edit_end(struct tb_job_edit *edit) tb_must_check;

/* The gather of commits that find their jobs themselves. */
enum tb_err tb_job_gather(struct tb_commit *commit,
			  struct tb_view *view) tb_must_check;

struct tb_open_job {
	struct tb_job before;
	struct tb_job job; /* to be changed, but for its state */
	const struct tb_record *record;
};
/* Gather: what opening it reads. */
enum tb_err tb_job_want(struct tb_view *view, uint64_t id) tb_must_check;
/* NOT_FOUND. The second one also of what is no job. */
enum tb_err tb_job_open(struct tb_job_edit *edit, uint64_t id,
			struct tb_open_job *ret) tb_must_check;
enum tb_err tb_job_open_rid(struct tb_job_edit *edit, uint64_t rid,
			    struct tb_open_job *ret) tb_must_check;
/* CONFLICT: the lease is lost. */
enum tb_err tb_job_open_leased(struct tb_job_edit *edit, uint64_t id,
			       uint64_t token,
			       struct tb_open_job *ret) tb_must_check;

/* A new job, QUEUED; its number is given here. FULL: there are none left. */
enum tb_err tb_job_make(struct tb_job_edit *edit,
			struct tb_open_job *job) tb_must_check;
/* CONFLICT: that may not happen in this state; nothing was changed. */
enum tb_err tb_job_move(struct tb_job_edit *edit, struct tb_open_job *job,
			enum tb_job_event event) tb_must_check;
/* The same where no state changes. */
enum tb_err tb_job_save(struct tb_job_edit *edit,
			struct tb_open_job *job) tb_must_check;
/* The same where its place does not change either, and nobody who follows jobs
 * is told. */
enum tb_err tb_job_save_silently(struct tb_job_edit *edit,
				 const struct tb_open_job *job) tb_must_check;
/* A job and its notes vanish. `*bytes` grows by what was read for that. */
enum tb_err tb_job_drop(struct tb_job_edit *edit, const struct tb_open_job *job,
			size_t *bytes) tb_must_check;

/* ---- what several events have in common ---- */

/* Nobody works on it any more, since a time. */
void tb_job_stop(struct tb_job *job, int64_t at_us);
/* It waits for a time, if that is to come. */
void tb_job_wait_until(struct tb_job *job, int64_t due_us, int64_t now_us);
/* The name of a job that is finished is free again. */
enum tb_err tb_job_free_name(struct tb_job_edit *edit,
			     const struct tb_job *job) tb_must_check;
/* The run that is over makes room for the next one in the job's record: it goes
 * to the notes, whose errors were its own. */
enum tb_err tb_job_shelve_run(struct tb_job_edit *edit,
			      struct tb_job *job) tb_must_check;

/* Takes what is ready, the first first, as tb_job_take says. */
struct tb_job_taking;
enum tb_err tb_job_take_ready(struct tb_job_edit *edit,
			      struct tb_job_taking *taking) tb_must_check;
/* Asserts that it can be. */
void tb_job_taking_check(const struct tb_job_taking *taking);

/* The note of a commit of the kernel's own: what was done to which job. */
enum tb_err tb_job_note(struct tb_commit *commit, struct tb_view *view,
			const char *operation,
			const struct tb_job *job) tb_must_check;

/* ---- along the feeds ---- */

/* What of a feed a commit visits. Feeds show what was there before the commit's
 * group, so that a visitor looks at each job anew. */
struct tb_job_walk {
	enum tb_known_scope scope;
	uint64_t after; /* number; likewise: */
	uint64_t until;
	int64_t before_us; /* rows of a later time end the walk */
	size_t left;       /* rows to be visited; counted down */
	bool is_more;      /* the result: there were more */
	uint64_t last;     /* the result: the last one visited; 0: none */
};
typedef enum tb_err tb_job_visit_fn(void *ctx, struct tb_job_edit *edit,
				    uint64_t rid);
/* A visitor ends it by making `left` 0. */
enum tb_err tb_job_walk(struct tb_job_edit *edit, struct tb_job_walk *walk,
			tb_job_visit_fn *visit, void *ctx) tb_must_check;
/* True if a walk would visit anything; from a snapshot. */
enum tb_err tb_job_walk_would(struct tb_tx *tx, uint32_t org,
			      const struct tb_job_walk *walk,
			      bool *ret) tb_must_check;

#endif
