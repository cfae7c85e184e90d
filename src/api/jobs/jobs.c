#include "api/jobs/jobs.h"

#include "api/jobs/handlers.h"
#include "api/jobs/state.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "jobs/schedule/zone.h"
#include "kernel/job_change.h"

#define DAY_US (86400 * 1000000ll)
/* "When a job of each name was last completed is remembered beyond that, for
 * 400 days." */
#define SUCCESS_DAYS 400
/* Commits of the upkeep in a round, of one org. */
#define UPKEEP_RUNS_MAX 256

const struct tb_jobs_options tb_jobs_default_options = {
	.public_org = "",
	.keep_days = 30,
	.unfinished_max = 200000,
	.runner = {
		.workers = 4,
		.lease_s = 30,
		.backoff_max_s = 300,
		.page_tries = 5,
		.timezone = "UTC",
		.missed = TB_MISSED_RUN_ONCE,
	},
};

struct tb_spec_context
tb_jobs_spec_context(const struct tb_jobs_options *options,
		     const struct tb_sources *sources, struct tb_str org,
		     int64_t queued_us)
{
	const struct tb_runner_options *runner = &options->runner;

	return (struct tb_spec_context) {
		.sources = sources,
		.org = org,
		.default_timezone = tb_str_z(runner->timezone),
		.default_missed = (enum tb_schedule_missed)runner->missed,
		.queued_us = queued_us,
	};
}

/* ---- the state ---- */

enum tb_err tb_jobs_create(const struct tb_api_env *env, struct tb_jobs **ret)
{
	struct tb_jobs *jobs = tb_calloc(1, sizeof(*jobs));

	if (!jobs)
		return TB_ERR_NOMEM;
	jobs->core = env->core;
	jobs->auth = env->auth;
	jobs->options = env->options;
	jobs->sources = env->sources;
	jobs->started_us = tb_clock_monotonic_us();
	*ret = jobs;
	return TB_OK;
}

void tb_jobs_destroy(struct tb_jobs *jobs)
{
	tb_free(jobs);
}

/* ---- settings ---- */

static bool is_timezone(struct tb_str name)
{
	struct tb_zone *zone;

	if (tb_zone_load(name, &zone))
		return false;
	tb_zone_destroy(zone);
	return true;
}

static const char *const missed_names[] = {
	[TB_MISSED_RUN_ONCE] = "run_once",
	[TB_MISSED_SKIP] = "skip",
	NULL,
};

#define OPTIONS struct tb_jobs_options
#define NUMBER(name_, member, lowest, highest)                                 \
	.name = (name_), .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(OPTIONS, member), .min = (lowest), .max = (highest)

static const struct tb_setting rows[] = {
	{ .name = "public_org",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(OPTIONS, public_org),
	  .expected = "the name of an org",
	  .doc = "The org whose jobs GET /sync counts; empty: the only one "
		 "there is." },
	{ NUMBER("keep_days", keep_days, 0, 36500),
	  .doc = "How long finished jobs are kept; 0: for ever." },
	{ NUMBER("unfinished_max", unfinished_max, 1, 10000000),
	  .doc = "Unfinished jobs of an org; over it 503." },
	{ NUMBER("workers", runner.workers, 0, 256),
	  .doc = "Jobs that are run at once; 0: this server runs none." },
	{ NUMBER("lease_s", runner.lease_s, 5, 3600),
	  .doc = "A job whose worker was not heard of for so long goes on "
		 "elsewhere." },
	{ NUMBER("backoff_max_s", runner.backoff_max_s, 1, 86400),
	  .doc = "The longest wait before a failed attempt is made again." },
	{ NUMBER("page_tries", runner.page_tries, 1, 100),
	  .doc = "How often a page is asked for within one attempt." },
	{ .name = "timezone",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(OPTIONS, runner.timezone),
	  .is_valid = is_timezone,
	  .expected = "a time zone as Europe/Berlin",
	  .doc = "The time zone of schedules that name none." },
	{ .name = "missed",
	  .kind = TB_SETTING_CHOICE,
	  TB_SETTING_AT(OPTIONS, runner.missed),
	  .choices = missed_names,
	  .doc = "What becomes of occurrences that were missed, where a "
		 "schedule does not say." },
};

static const struct tb_settings settings = {
	.section = "jobs",
	.rows = rows,
	.n_rows = TB_ARRAY_LEN(rows),
	.defaults = &tb_jobs_default_options,
	.size = sizeof(tb_jobs_default_options),
};

/* ---- the module ---- */

static enum tb_err create(const struct tb_api_env *env, void **ret_state)
{
	struct tb_jobs *jobs;
	enum tb_err err = tb_jobs_create(env, &jobs);

	if (!err)
		*ret_state = jobs;
	return err;
}

static void destroy(void *state)
{
	tb_jobs_destroy(state);
}

/* A bounded piece of what time has to do in one org: what is left, or fails, is
 * for the next round. */
static void age(const struct tb_jobs *jobs, uint32_t org)
{
	const struct tb_job_ages ages = {
		.keep_us = jobs->options->keep_days * DAY_US,
		.success_us = SUCCESS_DAYS * DAY_US,
	};
	bool more = true;

	for (int i = 0; more && i < UPKEEP_RUNS_MAX; i++)
		if (tb_job_upkeep(jobs->core, org, &ages, &more))
			return;
}

static void upkeep(void *state)
{
	const struct tb_jobs *jobs = state;
	uint32_t org = TB_ORG_SYSTEM;
	struct tb_heads heads;

	while (tb_core_next_org(jobs->core, org, &org, &heads))
		age(jobs, org);
}

const struct tb_api_module tb_jobs_module = {
	.api = &tb_jobs_api,
	.settings = &settings,
	.create = create,
	.destroy = destroy,
	.upkeep = upkeep,
	.follow = tb_jobs_follow,
	.follow_peek = tb_jobs_follow_peek,
};
