/*
 * Jobs: what an org has queued, is running and has run. A job is one record
 * (key "jobN"), which is in the feed of changes and in the feed of what it is
 * now: one that is ready by priority and age, one that waits by the time at
 * which it is due, one that is active or paused by its number, one that is
 * finished by when it ended. So a worker finds its next job, and a list its
 * page, without passing over others. What was asked for is kept as it was sent;
 * who reads it (sources, schedules) is none of the kernel's business.
 *
 * Beside it are silent records: of a name, which unfinished job has it and when
 * it was last completed, and where that run ended, if its worker says that this
 * is to be kept; of a job, earlier runs, its log and its errors, once there are
 * any; of the org, sums.
 */
#ifndef TB_KERNEL_JOB_H
#define TB_KERNEL_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/job_state.h"
#include "kernel/store.h"

#define TB_JOB_NAME_MAX_BYTES 200
#define TB_JOB_PRIORITY_MAX 100u
/* Entities of one job. */
#define TB_JOB_STREAMS_MAX 64
#define TB_JOB_CURSOR_MAX_BYTES 4096
#define TB_JOB_RUNS_MAX 20
#define TB_JOB_LOG_MAX 100
#define TB_JOB_ERRORS_MAX 1000
/* Of a message, a record's id or a code that is kept: cut at a character. */
#define TB_JOB_TEXT_MAX_BYTES 500
#define TB_JOB_ID_MAX ((1ull << 31) - 1)
#define TB_JOB_AHEAD_MAX 1000

/* Where one entity's reading is. */
struct tb_job_stream {
	struct tb_str entity;
	struct tb_str cursor; /* the connector's own text; empty: the start */
	uint64_t read;        /* records; in them: */
	uint64_t written;
	uint64_t unchanged;
	uint64_t rejected;
	uint64_t position; /* of `total`, in the source's unit */
	uint64_t total;    /* 0: the source does not say */
	bool is_done;
};

struct tb_job_error {
	struct tb_str code; /* empty: there was none */
	struct tb_str message;
};

struct tb_job {
	uint64_t id; /* N of "jobN" */
	struct tb_str name;
	struct tb_str type;    /* as it was sent: "full" */
	struct tb_str request; /* the JSON object that was sent */
	uint32_t priority;
	uint32_t retries_max;
	enum tb_job_state state;
	int64_t queued_us;
	int64_t due_us;  /* it waits, or waited, for this time; 0: for none */
	bool is_waiting; /* QUEUED: it is not due yet */
	/* Of the run that goes on, or was last. 0: there is none. */
	int64_t started_us;
	int64_t since_us; /* what an incremental one has to go back to; 0: all
			   */
	struct tb_str last_cursor; /* at which the run of since_us ended, if
				    * that is kept; empty: it is not */
	int64_t active_us; /* how long it was worked on, up to `taken_us` */
	int64_t taken_us;  /* since when it is worked on; 0: it is not */
	uint32_t attempts; /* begun */
	bool in_attempt;   /* the last of them is not over */
	bool has_begun;    /* it goes on with its streams, when it is taken */
	struct tb_str outcome; /* of the run that is over: "completed",
				* "failed", "cancelled"; empty: it is not over,
				* or there is none */
	const struct tb_job_stream *streams; /* those that were begun ... */
	size_t n_streams;
	uint32_t n_entities; /* ... of so many; 0: not known yet */

	int64_t paused_us;         /* last; 0: never */
	int64_t resumed_us;        /* likewise */
	int64_t ended_us;          /* of the run, or of the job; 0: not yet */
	uint64_t runs;             /* how many were begun */
	struct tb_job_error error; /* of the last attempt that failed */

	/* ACTIVE: who works on it; token 0: nobody, it is to be taken over. */
	uint64_t token;
	int64_t lease_until_us;

	uint64_t version; /* of its record: the cursor behind this state of it
			   */
	/* It is ready: how many will be taken before it, counted up to
	 * TB_JOB_AHEAD_MAX. What a commit answers may count others of its
	 * priority that are behind it. */
	uint64_t ahead;
};

/* The error's code of one that was cancelled. */
#define TB_JOB_CODE_CANCELLED "cancelled"

/* One run that is over. */
struct tb_job_run {
	int64_t started_us;
	int64_t ended_us;
	struct tb_str status; /* "completed", "failed", "cancelled" */
	uint32_t attempts;
	uint64_t read;
	uint64_t written;
	uint64_t unchanged;
	uint64_t rejected;
	struct tb_job_error error;
};

struct tb_job_line {
	int64_t at_us;
	struct tb_str message;
};

/* A record that was rejected. */
struct tb_job_reject {
	int64_t at_us;
	struct tb_str entity;
	struct tb_str record; /* its key, as far as it is known */
	struct tb_str code;
	struct tb_str message;
};

struct tb_job_notes {
	const struct tb_job_run *runs; /* that are over, newest first */
	size_t n_runs;
	const struct tb_job_line *log; /* oldest first */
	size_t n_log;
	const struct tb_job_reject *errors; /* of the present run */
	size_t n_errors;
};

/* What is known of an org's jobs without reading them. */
struct tb_job_sums {
	uint64_t last_id; /* given */
	uint64_t counts[TB_JOB_STATES];
	/* QUEUED ones that are ready, for each priority. */
	uint64_t ready[TB_JOB_PRIORITY_MAX + 1];
	uint64_t take_over;        /* ACTIVE ones that nobody works on */
	int64_t last_completed_us; /* a job or a run; 0: never */
	/* A moving average of how long a run that was completed was worked on;
	 * 0: none was. */
	int64_t average_us;
};

/* All of a snapshot, results in the arena. */

/* By number. NOT_FOUND. `ret_notes` may be NULL. */
enum tb_err tb_job_read(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			uint64_t id, struct tb_job *ret,
			struct tb_job_notes *ret_notes) tb_must_check;
/* The unfinished job of a name. NOT_FOUND. */
enum tb_err tb_job_find(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			struct tb_str name, struct tb_job *ret) tb_must_check;
enum tb_err tb_job_sums_read(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org,
			     struct tb_job_sums *ret) tb_must_check;

/* What is listed, and in which order. */
enum tb_job_list {
	TB_JOB_LIST_ALL,       /* the last change first */
	TB_JOB_LIST_CHANGES,   /* the same, the first change first */
	TB_JOB_LIST_READY,     /* as they will run; QUEUED and ACTIVE */
	TB_JOB_LIST_DUE,       /* as they are due */
	TB_JOB_LIST_ACTIVE,    /* that a worker has, by number */
	TB_JOB_LIST_PAUSED,    /* by number */
	TB_JOB_LIST_COMPLETED, /* the first to end first */
	TB_JOB_LIST_FAILED,    /* likewise */
};
struct tb_job_query {
	uint32_t org;
	enum tb_job_list list;
	uint64_t after; /* a `next` of this list; 0: from the beginning */
	size_t limit;
};
struct tb_job_page {
	struct tb_job *jobs;
	size_t n;
	uint64_t next; /* behind the last one; of CHANGES the org's order */
	bool has_more;
};
enum tb_err tb_job_list(struct tb_tx *tx, struct tb_arena *arena,
			const struct tb_job_query *query,
			struct tb_job_page *ret) tb_must_check;

/* ---- what follows from them; pure ---- */

/* Of an entity; NULL: it was not begun. */
const struct tb_job_stream *tb_job_stream_find(const struct tb_job *job,
					       struct tb_str entity);
/* 0 to 100. */
uint32_t tb_job_progress(const struct tb_job *job);
/* When an active job will be through, at the rate of its run so far; 0: nobody
 * can say. */
int64_t tb_job_estimate_end(const struct tb_job *job, int64_t now_us);
/* When a queued one will be taken, if so many are run at once; 0: nobody can
 * say. */
int64_t tb_job_estimate_start(const struct tb_job *job,
			      const struct tb_job_sums *sums, size_t workers,
			      int64_t now_us);

/* The scope of changes of jobs: who follows them asks for its end. */
uint64_t tb_job_changes_scope(uint32_t org);

#endif
