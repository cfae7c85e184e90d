/*
 * What jobs are to be like: an array of them, each with what is known of it,
 * and the records that their runs have stored. Nothing is clever here. Commits
 * of one group see feeds as they were before it, so that those that look for
 * their jobs in one are told which list each was in.
 */
#ifndef TB_TESTS_JOB_MODEL_H
#define TB_TESTS_JOB_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/job_change.h"
#include "kernel/job_run.h"

#define MODEL_NAMES 7
#define MODEL_KEYS 6
#define MODEL_JOBS 1000
#define MODEL_ENTITIES 3
/* Records of an entity, in pages. */
#define MODEL_RECORDS 12
#define MODEL_PAGE 4
#define MODEL_BAD 5 /* the record that is always rejected */
#define MODEL_UNFINISHED_MAX 6

struct model_stream {
	bool is_there;
	bool is_done;
	unsigned position;
	uint64_t read;
	uint64_t written;
	uint64_t unchanged;
	uint64_t rejected;
};

struct model_job {
	bool is_there;
	unsigned name;
	uint32_t priority;
	enum tb_job_state state;
	int64_t due_us;
	bool is_waiting;
	int64_t started_us;
	int64_t since_us;
	uint64_t last_cursor;
	int64_t active_us;
	int64_t taken_us;
	int64_t ended_us;
	unsigned attempts;
	bool in_attempt;
	bool has_begun;
	const char *outcome; /* NULL: none */
	struct model_stream streams[MODEL_ENTITIES];
	uint64_t runs;
	uint64_t token;
	int64_t lease_until_us;
	const char *error; /* its code; NULL: none */
	/* Of the notes. */
	size_t n_runs;
	size_t n_lines;
	size_t n_errors;

	uint64_t changed; /* rises with each change of any job */
	int64_t changed_us;
	uint64_t changed_in; /* the group */
	/* Before the group. */
	enum tb_job_list was_in; /* ALL: nowhere */
	uint32_t was_rank;       /* among those that were ready */
};

struct model_name {
	uint64_t id;
	int64_t began_us;
	int64_t completed_us;
	uint64_t cursor; /* the job whose it is; 0: none */
	int64_t used_us; /* last; while it is free */
	bool was_free;   /* before the group */
};

struct model_key {
	uint64_t id; /* of the job; 0: it was never used */
	unsigned body;
	int64_t used_us;
};

struct model {
	int64_t now_us;
	uint64_t last_id;
	uint64_t n_changes;
	uint64_t n_groups;
	int64_t last_completed_us;
	int64_t average_us;
	struct model_job jobs[MODEL_JOBS]; /* by number */
	struct model_name names[MODEL_NAMES];
	struct model_key keys[MODEL_KEYS];
	uint64_t sources[MODEL_NAMES]; /* what their records hold */
	/* 0: it is not there. */
	uint64_t records[MODEL_NAMES][MODEL_ENTITIES][MODEL_RECORDS];
};

/* How many entities the source of a name has. */
unsigned model_entities(unsigned name);
/* The source's records change, unless a run that is not through might miss
 * that. */
void model_change_source(struct model *m, unsigned name);

enum tb_job_list model_list_of(const struct model_job *job);
bool model_is_before(const struct model *m, uint64_t a, uint64_t b);
bool model_is_finished(const struct model_job *job);
size_t model_count(const struct model *m, enum tb_job_state state);

/* A group of commits begins. */
void model_begin_group(struct model *m);

/* ---- people; refusals as the kernel's ---- */

struct model_order {
	unsigned name;
	uint32_t priority;
	int64_t due_us;
	unsigned key; /* from 1; 0: none */
	unsigned body;
};
enum tb_job_queued model_queue(struct model *m, const struct model_order *order,
			       uint64_t *ret_id);
enum tb_err model_pause(struct model *m, unsigned name);
enum tb_err model_resume(struct model *m, unsigned name);
enum tb_err model_cancel(struct model *m, uint64_t id);
enum tb_err model_retry(struct model *m, uint64_t id);
struct tb_job_purged model_purge(struct model *m);

/* ---- time ---- */

void model_promote(struct model *m);
void model_reclaim(struct model *m, bool all);
void model_keep_up(struct model *m, const struct tb_job_ages *ages);
/* True if these have anything to do. */
bool model_may_promote(const struct model *m);
bool model_may_reclaim(const struct model *m, bool all);
bool model_may_purge(const struct model *m);
bool model_may_keep_up(const struct model *m, const struct tb_job_ages *ages);

/* ---- workers ---- */

/* The job that is taken; 0: there is none. */
uint64_t model_take(struct model *m, uint64_t token, int64_t lease_us);
bool model_has_lease(const struct model *m, uint64_t id, uint64_t token);
/* False: it is lost. */
bool model_renew(struct model *m, uint64_t id, uint64_t token,
		 int64_t lease_us);
/* The page of an entity from a position on. */
enum tb_err model_checkpoint(struct model *m, uint64_t id, uint64_t token,
			     unsigned entity, unsigned from, uint64_t value,
			     bool has_line);
enum tb_err model_end(struct model *m, uint64_t id, uint64_t token,
		      enum tb_job_end_kind kind, int64_t due_us,
		      bool keeps_cursor);

#endif
