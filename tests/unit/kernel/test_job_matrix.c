/*
 * Each thing that may be done, to a job as it may be: what it is refused with,
 * or what the job is then. Afterwards all is counted and listed as it is.
 */
#include "job_world.h"

#define NAME "sync"
#define TOKEN 7
#define OTHER 8

/* ---- how a job may be ---- */

static uint64_t make_ready(struct world *w)
{
	return queue_named(w, NAME);
}

static uint64_t make_waiting(struct world *w)
{
	return queue_at(w, NAME, w->ic.now_us + DAY_US);
}

static uint64_t make_active(struct world *w)
{
	uint64_t id = queue_named(w, NAME);

	assert_int_equal(take_one(w, TOKEN), id);
	return id;
}

static uint64_t make_begun(struct world *w)
{
	uint64_t id = make_active(w);
	struct tb_job_checkpoint page = page_of(w, id, TOKEN);

	MUST(try_checkpoint(w, &page));
	return id;
}

static uint64_t make_lost(struct world *w)
{
	uint64_t id = make_begun(w);

	assert_false(reclaim(w, true));
	return id;
}

static uint64_t make_retried(struct world *w)
{
	uint64_t id = make_begun(w);

	end_job(w, id, TOKEN, TB_JOB_END_RETRY, w->ic.now_us + MINUTE_US);
	return id;
}

static uint64_t make_between(struct world *w)
{
	uint64_t id = make_begun(w);

	end_job(w, id, TOKEN, TB_JOB_END_COMPLETED, w->ic.now_us + DAY_US);
	return id;
}

static uint64_t make_paused(struct world *w)
{
	uint64_t id = queue_named(w, NAME);

	MUST(pause_job(w, NAME));
	return id;
}

static uint64_t make_paused_waiting(struct world *w)
{
	uint64_t id = make_waiting(w);

	MUST(pause_job(w, NAME));
	return id;
}

static uint64_t make_paused_begun(struct world *w)
{
	uint64_t id = make_begun(w);

	MUST(pause_job(w, NAME));
	return id;
}

static uint64_t make_completed(struct world *w)
{
	uint64_t id = make_begun(w);

	end_job(w, id, TOKEN, TB_JOB_END_COMPLETED, 0);
	return id;
}

static uint64_t make_failed(struct world *w)
{
	uint64_t id = make_begun(w);

	end_job(w, id, TOKEN, TB_JOB_END_FAILED, 0);
	return id;
}

static uint64_t make_cancelled(struct world *w)
{
	uint64_t id = queue_named(w, NAME);

	MUST(cancel_job(w, id));
	return id;
}

/* ---- what may be done ---- */

static enum tb_err do_pause(struct world *w, uint64_t id)
{
	(void)id;
	return pause_job(w, NAME);
}

static enum tb_err do_resume(struct world *w, uint64_t id)
{
	(void)id;
	return resume_job(w, NAME);
}

static enum tb_err do_cancel(struct world *w, uint64_t id)
{
	return cancel_job(w, id);
}

static enum tb_err do_retry(struct world *w, uint64_t id)
{
	return retry_job(w, id);
}

/* NOT_FOUND: it is none that can be taken. */
static enum tb_err do_take(struct world *w, uint64_t id)
{
	uint64_t taken = take_one(w, OTHER);

	assert_true(taken == 0 || taken == id);
	return taken != 0 ? TB_OK : TB_ERR_NOT_FOUND;
}

static enum tb_err do_checkpoint(struct world *w, uint64_t id)
{
	struct tb_job_checkpoint page = page_of(w, id, TOKEN);

	return try_checkpoint(w, &page);
}

static enum tb_err do_complete(struct world *w, uint64_t id)
{
	return try_end(w, id, TOKEN, TB_JOB_END_COMPLETED, 0);
}

static enum tb_err do_fail(struct world *w, uint64_t id)
{
	return try_end(w, id, TOKEN, TB_JOB_END_FAILED, 0);
}

static enum tb_err do_release(struct world *w, uint64_t id)
{
	return try_end(w, id, TOKEN, TB_JOB_END_RELEASED, 0);
}

static enum tb_err do_skip(struct world *w, uint64_t id)
{
	return try_end(w, id, TOKEN, TB_JOB_END_SKIPPED, w->ic.now_us + DAY_US);
}

/* CONFLICT: it is lost. */
static enum tb_err do_renew(struct world *w, uint64_t id)
{
	const struct tb_job_lease lease = { w->org, id, TOKEN };
	bool lost = false;
	enum tb_err err =
		tb_job_renew(w->ic.core, w->org, &lease, 1, LEASE_US, &lost);

	return err == TB_OK && lost ? TB_ERR_CONFLICT : err;
}

static enum tb_err do_promote(struct world *w, uint64_t id)
{
	(void)id;
	w->ic.now_us += 2 * DAY_US;
	assert_false(promote(w));
	return TB_OK;
}

/* EXISTS: the name is taken. */
static enum tb_err do_queue(struct world *w, uint64_t id)
{
	const struct tb_job_order order = order_of(w, NAME);
	struct tb_job job;

	(void)id;
	return queue(w, &order, &job) == TB_JOB_IS_NEW ? TB_OK : TB_ERR_EXISTS;
}

static const struct {
	const char *name;
	enum tb_err (*run)(struct world *w, uint64_t id);
} deeds[] = {
	{ "pause", do_pause },       { "resume", do_resume },
	{ "cancel", do_cancel },     { "retry", do_retry },
	{ "take", do_take },         { "checkpoint", do_checkpoint },
	{ "complete", do_complete }, { "fail", do_fail },
	{ "release", do_release },   { "skip", do_skip },
	{ "renew", do_renew },       { "promote", do_promote },
	{ "queue", do_queue },
};
#define DEEDS TB_ARRAY_LEN(deeds)

/* What comes of each: the state, with "ready", "due" or "lost" where that is
 * not all; "gone": the name is none of an unfinished job; "no": CONFLICT;
 * "none": nothing can be taken; "taken": the name is. */
static const struct {
	const char *name;
	uint64_t (*make)(struct world *w);
	const char *expected[DEEDS];
} rows[] = {
	/* pause, resume, cancel, retry, take, checkpoint, complete, fail,
	 * release, skip, renew, promote, queue */
	{ "ready",
	  make_ready,
	  { "paused", "no", "failed", "no", "active", "no", "no", "no", "no",
	    "no", "no", "ready", "taken" } },
	{ "waiting",
	  make_waiting,
	  { "paused", "no", "failed", "no", "none", "no", "no", "no", "no",
	    "no", "no", "ready", "taken" } },
	{ "active",
	  make_active,
	  { "paused", "no", "failed", "no", "none", "active", "completed",
	    "failed", "lost", "due", "active", "active", "taken" } },
	{ "begun",
	  make_begun,
	  { "paused", "no", "failed", "no", "none", "active", "completed",
	    "failed", "lost", "due", "active", "active", "taken" } },
	{ "lost",
	  make_lost,
	  { "paused", "no", "failed", "no", "active", "no", "no", "no", "no",
	    "no", "no", "lost", "taken" } },
	{ "retried",
	  make_retried,
	  { "paused", "no", "failed", "no", "none", "no", "no", "no", "no",
	    "no", "no", "ready", "taken" } },
	{ "between",
	  make_between,
	  { "paused", "no", "failed", "no", "none", "no", "no", "no", "no",
	    "no", "no", "ready", "taken" } },
	{ "paused",
	  make_paused,
	  { "no", "ready", "failed", "no", "none", "no", "no", "no", "no", "no",
	    "no", "paused", "taken" } },
	{ "paused waiting",
	  make_paused_waiting,
	  { "no", "due", "failed", "no", "none", "no", "no", "no", "no", "no",
	    "no", "paused", "taken" } },
	{ "paused begun",
	  make_paused_begun,
	  { "no", "lost", "failed", "no", "none", "no", "no", "no", "no", "no",
	    "no", "paused", "taken" } },
	{ "completed",
	  make_completed,
	  { "gone", "gone", "no", "no", "none", "no", "no", "no", "no", "no",
	    "no", "completed", "completed" } },
	{ "failed",
	  make_failed,
	  { "gone", "gone", "no", "ready", "none", "no", "no", "no", "no", "no",
	    "no", "failed", "failed" } },
	{ "cancelled",
	  make_cancelled,
	  { "gone", "gone", "no", "ready", "none", "no", "no", "no", "no", "no",
	    "no", "failed", "failed" } },
};

static const char *what_came(struct world *w, uint64_t id, enum tb_err err,
			     size_t deed)
{
	struct tb_job job = read_job(w, id, NULL);

	switch (err) {
	case TB_ERR_CONFLICT:
		return "no";
	case TB_ERR_EXISTS:
		return "taken";
	case TB_ERR_NOT_FOUND:
		return deeds[deed].run == do_take ? "none" : "gone";
	default:
		assert_int_equal(err, TB_OK);
	}
	if (job.state == TB_JOB_QUEUED)
		return job.is_waiting ? "due" : "ready";
	if (job.state == TB_JOB_ACTIVE && job.token == 0)
		return "lost";
	return tb_job_state_name(job.state);
}

static struct tb_heads heads_of(struct world *w)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->ic.core, w->org, &heads));
	return heads;
}

/* In an org of its own. */
static void run_one(struct world *w, size_t row, size_t deed)
{
	struct tb_heads before;
	char name[16];
	struct tb_job was;
	const char *came;
	enum tb_err err;
	uint64_t id;

	(void)snprintf(name, sizeof(name), "org-%zu-%zu", row, deed);
	w->org = inline_core_add_org(&w->ic, name);
	id = rows[row].make(w);
	was = read_job(w, id, NULL);
	before = heads_of(w);
	w->ic.now_us += SECOND_US;
	err = deeds[deed].run(w, id);
	came = what_came(w, id, err, deed);
	if (strcmp(came, rows[row].expected[deed]) != 0)
		fail_msg("%s, %s: %s instead of %s", rows[row].name,
			 deeds[deed].name, came, rows[row].expected[deed]);
	if (err != TB_OK) {
		/* Nothing moved. */
		assert_int_equal(heads_of(w).head, before.head);
		assert_int_equal(read_job(w, id, NULL).version, was.version);
	}
	check_jobs(w);
	tb_arena_reset(w->ic.arena);
}

static void each_deed_in_each_state_on(struct world *w)
{
	for (size_t row = 0; row < TB_ARRAY_LEN(rows); row++)
		for (size_t deed = 0; deed < DEEDS; deed++)
			run_one(w, row, deed);
}
JOB_TEST(each_deed_in_each_state)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_deed_in_each_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
