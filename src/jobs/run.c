#include "jobs/run.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/buf.h"
#include "codec/time.h"
#include "jobs/backoff.h"
#include "jobs/copy.h"
#include "jobs/note.h"
#include "jobs/spec.h"

#define SECOND_US 1000000ll
#define THREADS_MAX 16
#define TEXT_ARENA_BYTES ((size_t)1 << 20)
#define TIME_BYTES_MAX 64

/* What an attempt came to. */
struct result {
	enum tb_copy_outcome outcome;
	struct tb_connector_failure failure;
};

/* An attempt while its entities are copied. */
struct attempt {
	const struct tb_run *run;
	const struct tb_spec *spec;
	struct tb_str since;
	struct tb_str last_cursor;
	/* "org3/job7/2": a target may be that of several orgs, each of which
	 * has a first job. */
	struct tb_str id;

	pthread_mutex_t lock; /* of what follows */
	size_t next;          /* entity nobody copies yet */
	struct result result;
	struct tb_arena *texts; /* of the failure */
};

static const struct tb_connector *connector_of(const struct tb_spec *spec)
{
	return tb_connector_find(spec->source ? spec->source->type
					      : TB_SOURCE_LOCAL);
}

/* ---- one entity ---- */

/* The next entity that is not through; NULL: there is none. */
static const struct tb_source_entity *take_entity(struct attempt *attempt)
{
	const struct tb_source_entity *entity = NULL;
	const struct tb_job_stream *stream;

	pthread_mutex_lock(&attempt->lock);
	while (!entity && attempt->next < attempt->spec->n_entities) {
		entity = &attempt->spec->entities[attempt->next++];
		stream = tb_job_stream_find(attempt->run->job, entity->name);
		if (stream && stream->is_done)
			entity = NULL;
	}
	pthread_mutex_unlock(&attempt->lock);
	return entity;
}

/* The first failure counts. */
static void note_outcome(struct attempt *attempt, enum tb_copy_outcome outcome,
			 const struct tb_connector_failure *failure)
{
	struct result *result = &attempt->result;
	bool counts;

	pthread_mutex_lock(&attempt->lock);
	counts = outcome > result->outcome;
	if (counts)
		result->outcome = outcome;
	if (counts && outcome == TB_COPY_FAILED) {
		result->failure = *failure;
		if (tb_arena_strdup(attempt->texts, failure->message,
				    &result->failure.message))
			result->failure.message = TB_STR("out of memory");
	}
	pthread_mutex_unlock(&attempt->lock);
}

static void copy_entity(struct attempt *attempt,
			const struct tb_source_entity *entity)
{
	const struct tb_run *run = attempt->run;
	const struct tb_spec *spec = attempt->spec;
	struct tb_arena *arena = tb_arena_create(TEXT_ARENA_BYTES);
	struct tb_connector_failure failure = {
		.code = "memory",
		.message = TB_STR_INIT("out of memory"),
		.may_pass = true,
	};
	enum tb_copy_outcome outcome = TB_COPY_FAILED;
	const struct tb_copy copy = {
		.core = run->core,
		.lease = { run->org, run->job->id, run->job->token },
		.from = tb_job_stream_find(run->job, entity->name),
		.connector = connector_of(spec),
		.task = { .source = spec->source ? spec->source : spec->target,
			  .entity = entity,
			  .entities = spec->entities,
			  .n_entities = spec->n_entities,
			  .core = run->core,
			  .org = run->org,
			  .since = attempt->since,
			  .last_cursor = attempt->last_cursor,
			  .collections = spec->handles,
			  .n_collections = spec->n_handles,
			  .job = attempt->id,
			  .is_stopped = &run->stop->is_set },
		.target = spec->target,
		.stop = run->stop,
		.tries = run->options->page_tries,
		.n_entities = (uint32_t)spec->n_entities,
	};

	if (arena)
		outcome = tb_copy_run(&copy, arena, &failure);
	note_outcome(attempt, outcome, &failure);
	tb_arena_destroy(arena);
}

static void *copy_entities(void *arg)
{
	struct attempt *attempt = arg;
	const struct tb_source_entity *entity;

	while (!atomic_load(&attempt->run->stop->is_set) &&
	       (entity = take_entity(attempt)))
		copy_entity(attempt, entity);
	return NULL;
}

/* ---- all entities ---- */

/* This thread is one of those that copy; fewer than asked for is no failure. */
static void copy_all(struct attempt *attempt)
{
	pthread_t threads[THREADS_MAX];
	size_t n = 0;
	size_t wanted = attempt->spec->concurrency - 1;

	TB_ASSERT(wanted < THREADS_MAX);
	if (wanted >= attempt->spec->n_entities)
		wanted = attempt->spec->n_entities - 1;
	while (n < wanted &&
	       pthread_create(&threads[n], NULL, copy_entities, attempt) == 0)
		n++;
	copy_entities(attempt);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* The time since which a run wants changes, as text; empty: everything. */
static enum tb_err since_text(const struct tb_run *run,
			      const struct tb_spec *spec, struct tb_str *ret)
{
	int64_t since_us = spec->updated_since_us;
	struct tb_buf text;

	*ret = TB_STR_NONE;
	if (since_us == INT64_MIN && spec->is_incremental &&
	    run->job->since_us != 0)
		since_us = run->job->since_us;
	if (since_us == INT64_MIN)
		return TB_OK;
	tb_buf_init(&text, TIME_BYTES_MAX);
	tb_time_put(&text, since_us);
	return tb_buf_copy_out(&text, run->arena, ret);
}

/* Who says since when means that time, and not the last run. */
static struct tb_str last_cursor(const struct tb_run *run,
				 const struct tb_spec *spec)
{
	bool goes_on = spec->is_incremental &&
		       spec->updated_since_us == INT64_MIN &&
		       connector_of(spec)->keeps_cursor;

	return goes_on ? run->job->last_cursor : TB_STR_NONE;
}

/* An attempt that was stopped before all its entities were through. */
static bool is_stopped_early(const struct attempt *attempt)
{
	return attempt->result.outcome == TB_COPY_DONE &&
	       atomic_load(&attempt->run->stop->is_set) &&
	       attempt->next < attempt->spec->n_entities;
}

static enum tb_err run_attempt(const struct tb_run *run,
			       const struct tb_spec *spec, struct result *ret)
{
	struct attempt attempt = {
		.run = run,
		.spec = spec,
		.last_cursor = last_cursor(run, spec),
		.texts = run->arena,
		.result = { .outcome = TB_COPY_DONE },
	};
	enum tb_err err = since_text(run, spec, &attempt.since);

	if (!err)
		err = tb_arena_printf(run->arena, &attempt.id,
				      "org%u/job%llu/%llu", run->org,
				      (unsigned long long)run->job->id,
				      (unsigned long long)run->job->runs);
	if (err)
		return err;
	pthread_mutex_init(&attempt.lock, NULL);
	copy_all(&attempt);
	pthread_mutex_destroy(&attempt.lock);
	*ret = attempt.result;
	if (is_stopped_early(&attempt))
		ret->outcome = TB_COPY_STOPPED;
	return TB_OK;
}

/* ---- what is asked for ---- */

/* The org's name, as sources know it. */
static enum tb_err org_name(const struct tb_run *run, struct tb_str *ret)
{
	struct tb_org org;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(run->core, &tx);

	if (err)
		return err;
	err = tx->store->ops->org_get(tx, run->org, &org);
	tb_core_read_end(tx);
	return err ? err : tb_arena_strdup(run->arena, tb_str_z(org.name), ret);
}

/* INVALID: the configuration is not any more what it was when this was queued.
 */
static enum tb_err read_spec(const struct tb_run *run, struct tb_spec *ret,
			     struct tb_str *ret_problem)
{
	struct tb_spec_context context = {
		.sources = run->sources,
		.default_timezone = tb_str_z(run->options->timezone),
		.default_missed = run->options->missed,
		.queued_us = run->job->queued_us,
	};
	enum tb_err err = org_name(run, &context.org);

	return err ? err
		   : tb_spec_decode(run->arena, run->job->request, &context,
				    ret, ret_problem);
}

/* When a scheduled one runs next; 0: it does not. INVALID: its zone is not
 * there any more, and nobody can say. */
static enum tb_err next_due(const struct tb_run *run,
			    const struct tb_spec *spec, int64_t *ret)
{
	struct tb_schedule *schedule;
	const char *problem;
	enum tb_err err;

	*ret = 0;
	if (spec->type != TB_SPEC_SCHEDULED)
		return TB_OK;
	err = tb_schedule_create(&spec->schedule, &schedule, &problem);
	if (err)
		return err;
	*ret = tb_schedule_next(schedule, run->job->due_us,
				tb_core_now_us(run->core), spec->missed);
	tb_schedule_destroy(schedule);
	return TB_OK;
}

/* An occurrence that is over and not to be run late, and which nobody has
 * begun: what was taken over, or is retried, goes on. */
static bool is_to_be_skipped(const struct tb_run *run,
			     const struct tb_spec *spec)
{
	const struct tb_job *job = run->job;

	return spec->type == TB_SPEC_SCHEDULED &&
	       spec->missed == TB_MISSED_SKIP &&
	       job->started_us == job->taken_us &&
	       tb_schedule_is_missed(job->due_us, tb_core_now_us(run->core));
}

/* ---- the end ---- */

static void log_failure(const struct tb_run *run,
			const struct tb_connector_failure *failure,
			bool is_final)
{
	struct tb_str text;

	if (!tb_arena_printf(run->arena, &text, "job%llu (%.*s) %s: %s: %.*s",
			     (unsigned long long)run->job->id,
			     TB_STR_ARG(run->job->name),
			     is_final ? "failed" : "will be tried again",
			     failure->code, TB_STR_ARG(failure->message)))
		run->log(run->log_ctx, text.p);
}

static int64_t retry_at(const struct tb_run *run,
			const struct tb_connector_failure *failure)
{
	uint64_t random = 0;

	/* Without it, it waits for the shortest time. */
	(void)!getrandom(&random, sizeof(random), 0);
	return tb_core_now_us(run->core) +
	       tb_backoff_us(run->job->attempts, SECOND_US,
			     run->options->backoff_max_s * SECOND_US,
			     failure->retry_after_s, random);
}

static void set_failed(const struct tb_run *run,
		       const struct tb_connector_failure *failure,
		       int64_t next_us, struct tb_job_end *end)
{
	bool is_final = !failure->may_pass ||
			run->job->attempts > run->job->retries_max;

	log_failure(run, failure, is_final);
	end->error.code = tb_str_z(failure->code);
	end->error.message = failure->message;
	end->kind = is_final ? TB_JOB_END_FAILED : TB_JOB_END_RETRY;
	end->due_us = is_final ? next_us : retry_at(run, failure);
}

/* A run that failed is on the audit trail; what others stored is by itself. */
static enum tb_err commit_end(const struct tb_run *run, struct tb_job_end end)
{
	struct tb_audit_note note;
	enum tb_err err = TB_OK;

	if (end.kind == TB_JOB_END_FAILED) {
		err = tb_jobs_make_note(run->arena, run->job->id, &note);
		end.note = &note;
	}
	if (!err && end.kind != TB_JOB_END_RELEASED)
		end.next = run->next(run->next_ctx);
	return err ? err : tb_job_end(run->core, &end);
}

static enum tb_err end_with(const struct tb_run *run,
			    const struct tb_spec *spec,
			    const struct result *result, int64_t next_us,
			    struct tb_job_end *end)
{
	switch (result->outcome) {
	case TB_COPY_LOST:
		return TB_OK;
	case TB_COPY_DONE:
		end->kind = TB_JOB_END_COMPLETED;
		end->due_us = next_us;
		if (connector_of(spec)->keeps_cursor)
			end->keeps_cursor_of = spec->entities[0].name;
		break;
	case TB_COPY_STOPPED:
		end->kind = TB_JOB_END_RELEASED;
		break;
	case TB_COPY_FAILED:
		set_failed(run, &result->failure, next_us, end);
		break;
	}
	return commit_end(run, *end);
}

/* What was read is run. INVALID: nobody can say any more when it is to run. */
static enum tb_err run_spec(const struct tb_run *run,
			    const struct tb_spec *spec, struct tb_job_end *end)
{
	struct result result;
	int64_t next_us;
	enum tb_err err = next_due(run, spec, &next_us);

	if (err)
		return err;
	/* The only one there is is run, be it late. */
	if (next_us != 0 && is_to_be_skipped(run, spec)) {
		end->kind = TB_JOB_END_SKIPPED;
		end->due_us = next_us;
		return commit_end(run, *end);
	}
	err = run_attempt(run, spec, &result);
	/* Some may have gone by meanwhile. */
	if (!err)
		err = next_due(run, spec, &next_us);
	return err ? err : end_with(run, spec, &result, next_us, end);
}

enum tb_err tb_run_job(const struct tb_run *run)
{
	struct tb_job_end end = {
		.lease = { run->org, run->job->id, run->job->token },
	};
	struct tb_connector_failure failure = { .code = "request_invalid" };
	struct tb_spec spec;
	enum tb_err err = read_spec(run, &spec, &failure.message);

	if (!err) {
		failure.message = TB_STR("schedule.timezone is unknown");
		err = run_spec(run, &spec, &end);
	}
	if (err == TB_ERR_INVALID) {
		set_failed(run, &failure, 0, &end);
		err = commit_end(run, end);
	}
	return err == TB_ERR_CONFLICT ? TB_OK : err;
}
