#include "job_model.h"

#include "base/assert.h"

static const char cancelled[] = "cancelled";

unsigned model_entities(unsigned name)
{
	return 1 + name % MODEL_ENTITIES;
}

void model_change_source(struct model *m, unsigned name)
{
	for (uint64_t id = 1; id <= m->last_id; id++) {
		const struct model_job *job = &m->jobs[id];

		if (job->is_there && job->name == name && job->has_begun &&
		    job->state != TB_JOB_COMPLETED)
			return;
	}
	m->sources[name]++;
}

bool model_is_finished(const struct model_job *job)
{
	return job->state == TB_JOB_COMPLETED || job->state == TB_JOB_FAILED;
}

static bool is_ready(const struct model_job *job)
{
	return (job->state == TB_JOB_QUEUED && !job->is_waiting) ||
	       (job->state == TB_JOB_ACTIVE && job->token == 0);
}

enum tb_job_list model_list_of(const struct model_job *job)
{
	if (!job->is_there)
		return TB_JOB_LIST_ALL;
	if (is_ready(job))
		return TB_JOB_LIST_READY;
	switch (job->state) {
	case TB_JOB_QUEUED:
		return TB_JOB_LIST_DUE;
	case TB_JOB_ACTIVE:
		return TB_JOB_LIST_ACTIVE;
	case TB_JOB_PAUSED:
		return TB_JOB_LIST_PAUSED;
	case TB_JOB_COMPLETED:
		return TB_JOB_LIST_COMPLETED;
	case TB_JOB_FAILED:
		return TB_JOB_LIST_FAILED;
	}
	TB_UNREACHABLE();
}

/* Whether of two jobs that are ready one comes before the other. */
bool model_is_before(const struct model *m, uint64_t a, uint64_t b)
{
	const struct model_job *x = &m->jobs[a];
	const struct model_job *y = &m->jobs[b];
	bool x_is_lost = x->state == TB_JOB_ACTIVE;
	bool y_is_lost = y->state == TB_JOB_ACTIVE;

	if (x_is_lost != y_is_lost)
		return x_is_lost;
	if (!x_is_lost && x->priority != y->priority)
		return x->priority > y->priority;
	return a < b;
}

size_t model_count(const struct model *m, enum tb_job_state state)
{
	size_t n = 0;

	for (uint64_t id = 1; id <= m->last_id; id++)
		n += m->jobs[id].is_there && m->jobs[id].state == state;
	return n;
}

/* How many that are ready come before it. */
static uint32_t rank_of(const struct model *m, uint64_t id)
{
	uint32_t rank = 0;

	for (uint64_t other = 1; other <= m->last_id; other++)
		rank += m->jobs[other].is_there && is_ready(&m->jobs[other]) &&
			model_is_before(m, other, id);
	return rank;
}

void model_begin_group(struct model *m)
{
	m->n_groups++;
	for (uint64_t id = 1; id <= m->last_id; id++) {
		struct model_job *job = &m->jobs[id];

		job->was_in = model_list_of(job);
		if (job->was_in == TB_JOB_LIST_READY)
			job->was_rank = rank_of(m, id);
	}
	for (unsigned i = 0; i < MODEL_NAMES; i++)
		m->names[i].was_free =
			m->names[i].id == 0 && m->names[i].completed_us != 0;
}

static void change(struct model *m, struct model_job *job)
{
	job->changed = ++m->n_changes;
	job->changed_us = m->now_us;
	job->changed_in = m->n_groups;
}

static void log_line(struct model_job *job)
{
	if (job->n_lines < TB_JOB_LOG_MAX)
		job->n_lines++;
}

static void stop(struct model_job *job, int64_t at_us)
{
	if (job->taken_us != 0)
		job->active_us += at_us - job->taken_us;
	job->taken_us = 0;
	job->token = 0;
	job->lease_until_us = 0;
}

static void wait_until(struct model *m, struct model_job *job, int64_t due_us)
{
	job->due_us = due_us;
	job->is_waiting = due_us > m->now_us;
}

static void free_name(struct model *m, const struct model_job *job)
{
	struct model_name *name = &m->names[job->name];

	name->id = 0;
	name->used_us = m->now_us;
}

/* The run that the job tells of becomes history. */
static void shelve(struct model_job *job)
{
	if (job->outcome != NULL) {
		if (job->n_runs < TB_JOB_RUNS_MAX - 1)
			job->n_runs++;
		job->n_errors = 0;
	}
	job->started_us = 0;
	job->since_us = 0;
	job->last_cursor = 0;
	job->active_us = 0;
	job->attempts = 0;
	job->in_attempt = false;
	job->has_begun = false;
	job->outcome = NULL;
	job->ended_us = 0;
	job->error = NULL;
	for (unsigned i = 0; i < MODEL_ENTITIES; i++)
		job->streams[i] = (struct model_stream) { .is_there = false };
}

/* ---- people ---- */

enum tb_job_queued model_queue(struct model *m, const struct model_order *order,
			       uint64_t *ret_id)
{
	struct model_key *key =
		order->key > 0 ? &m->keys[order->key - 1] : NULL;
	struct model_job *job;

	if (key != NULL && key->id != 0 &&
	    m->now_us <= key->used_us + TB_REQUESTS_LIFE_US) {
		*ret_id = key->id;
		if (key->body != order->body)
			return TB_JOB_KEY_IS_USED;
		return m->jobs[key->id].is_there ? TB_JOB_IS_REPEATED
						 : TB_JOB_IS_GONE;
	}
	if (m->names[order->name].id != 0)
		return TB_JOB_NAME_IS_TAKEN;
	if (model_count(m, TB_JOB_QUEUED) + model_count(m, TB_JOB_ACTIVE) +
		    model_count(m, TB_JOB_PAUSED) >=
	    MODEL_UNFINISHED_MAX)
		return TB_JOB_QUEUE_IS_FULL;
	*ret_id = ++m->last_id;
	TB_ASSERT(m->last_id < MODEL_JOBS);
	job = &m->jobs[m->last_id];
	*job = (struct model_job) { .is_there = true,
				    .name = order->name,
				    .priority = order->priority,
				    .state = TB_JOB_QUEUED };
	wait_until(m, job, order->due_us);
	change(m, job);
	m->names[order->name].id = m->last_id;
	if (key != NULL)
		*key = (struct model_key) { .id = m->last_id,
					    .body = order->body,
					    .used_us = m->now_us };
	return TB_JOB_IS_NEW;
}

enum tb_err model_pause(struct model *m, unsigned name)
{
	struct model_job *job = &m->jobs[m->names[name].id];

	if (m->names[name].id == 0)
		return TB_ERR_NOT_FOUND;
	if (job->state == TB_JOB_PAUSED)
		return TB_ERR_CONFLICT;
	stop(job, m->now_us);
	job->state = TB_JOB_PAUSED;
	job->is_waiting = false;
	log_line(job);
	change(m, job);
	return TB_OK;
}

enum tb_err model_resume(struct model *m, unsigned name)
{
	struct model_job *job = &m->jobs[m->names[name].id];

	if (m->names[name].id == 0)
		return TB_ERR_NOT_FOUND;
	if (job->state != TB_JOB_PAUSED)
		return TB_ERR_CONFLICT;
	job->state = job->has_begun ? TB_JOB_ACTIVE : TB_JOB_QUEUED;
	if (!job->has_begun)
		wait_until(m, job, job->due_us);
	log_line(job);
	change(m, job);
	return TB_OK;
}

enum tb_err model_cancel(struct model *m, uint64_t id)
{
	struct model_job *job = &m->jobs[id];

	if (id == 0 || id > m->last_id || !job->is_there)
		return TB_ERR_NOT_FOUND;
	if (model_is_finished(job))
		return TB_ERR_CONFLICT;
	if (!job->has_begun)
		shelve(job);
	else
		job->outcome = cancelled;
	stop(job, m->now_us);
	job->in_attempt = false;
	job->is_waiting = false;
	job->state = TB_JOB_FAILED;
	job->ended_us = m->now_us;
	job->error = cancelled;
	free_name(m, job);
	log_line(job);
	change(m, job);
	return TB_OK;
}

enum tb_err model_retry(struct model *m, uint64_t id)
{
	struct model_job *job = &m->jobs[id];

	if (id == 0 || id > m->last_id || !job->is_there)
		return TB_ERR_NOT_FOUND;
	if (job->state != TB_JOB_FAILED)
		return TB_ERR_CONFLICT;
	if (m->names[job->name].id != 0)
		return TB_ERR_EXISTS;
	if (job->error == cancelled)
		job->error = NULL;
	job->state = TB_JOB_QUEUED;
	job->outcome = NULL;
	job->ended_us = 0;
	job->attempts = 0;
	/* At once, if it had begun; else at its time. */
	wait_until(m, job,
		   job->has_begun && job->due_us > m->now_us ? m->now_us
							     : job->due_us);
	m->names[job->name].id = id;
	log_line(job);
	change(m, job);
	return TB_OK;
}

/* Finished before the group, and since. */
static bool was_finished(const struct model_job *job)
{
	return job->is_there && model_is_finished(job) &&
	       (job->was_in == TB_JOB_LIST_COMPLETED ||
		job->was_in == TB_JOB_LIST_FAILED);
}

struct tb_job_purged model_purge(struct model *m)
{
	struct tb_job_purged purged = { .completed = 0 };

	for (uint64_t id = 1; id <= m->last_id; id++) {
		struct model_job *job = &m->jobs[id];

		/* A change of the group is behind the purge's beginning. */
		if (!was_finished(job) || job->changed_in == m->n_groups)
			continue;
		if (job->state == TB_JOB_COMPLETED)
			purged.completed++;
		else
			purged.failed++;
		job->is_there = false;
	}
	return purged;
}

bool model_may_purge(const struct model *m)
{
	return model_count(m, TB_JOB_COMPLETED) +
		       model_count(m, TB_JOB_FAILED) >
	       0;
}

/* ---- time ---- */

/* Times are whole seconds here. */
static bool is_due(const struct model *m, const struct model_job *job)
{
	return job->state == TB_JOB_QUEUED && job->is_waiting &&
	       job->due_us <= m->now_us;
}

bool model_may_promote(const struct model *m)
{
	for (uint64_t id = 1; id <= m->last_id; id++)
		if (m->jobs[id].is_there && is_due(m, &m->jobs[id]))
			return true;
	return false;
}

/* Of those that are due, the first. */
static uint64_t first_due(const struct model *m)
{
	uint64_t first = 0;

	for (uint64_t id = 1; id <= m->last_id; id++) {
		const struct model_job *job = &m->jobs[id];

		if (job->is_there && is_due(m, job) &&
		    job->was_in == TB_JOB_LIST_DUE &&
		    (first == 0 || job->due_us < m->jobs[first].due_us))
			first = id;
	}
	return first;
}

void model_promote(struct model *m)
{
	uint64_t id;

	while ((id = first_due(m)) != 0) {
		m->jobs[id].is_waiting = false;
		change(m, &m->jobs[id]);
	}
}

static bool is_lost(const struct model *m, const struct model_job *job,
		    bool all)
{
	return job->is_there && job->state == TB_JOB_ACTIVE &&
	       job->token != 0 && (all || job->lease_until_us <= m->now_us);
}

bool model_may_reclaim(const struct model *m, bool all)
{
	for (uint64_t id = 1; id <= m->last_id; id++)
		if (is_lost(m, &m->jobs[id], all))
			return true;
	return false;
}

void model_reclaim(struct model *m, bool all)
{
	for (uint64_t id = 1; id <= m->last_id; id++) {
		struct model_job *job = &m->jobs[id];

		if (!is_lost(m, job, all) || job->was_in != TB_JOB_LIST_ACTIVE)
			continue;
		stop(job, m->now_us < job->lease_until_us
				  ? m->now_us
				  : job->lease_until_us);
		log_line(job);
		change(m, job);
	}
}

static bool is_old(const struct model *m, int64_t at_us, int64_t age_us)
{
	return at_us <= m->now_us - age_us;
}

static bool may_forget(const struct model *m, const struct model_name *name,
		       const struct tb_job_ages *ages)
{
	return name->id == 0 && name->completed_us != 0 &&
	       is_old(m, name->used_us, ages->success_us);
}

bool model_may_keep_up(const struct model *m, const struct tb_job_ages *ages)
{
	for (uint64_t id = 1; id <= m->last_id; id++)
		if (m->jobs[id].is_there && model_is_finished(&m->jobs[id]) &&
		    is_old(m, m->jobs[id].changed_us, ages->keep_us))
			return true;
	for (unsigned i = 0; i < MODEL_NAMES; i++)
		if (may_forget(m, &m->names[i], ages))
			return true;
	return false;
}

void model_keep_up(struct model *m, const struct tb_job_ages *ages)
{
	for (uint64_t id = 1; id <= m->last_id; id++)
		if (was_finished(&m->jobs[id]) &&
		    is_old(m, m->jobs[id].changed_us, ages->keep_us))
			m->jobs[id].is_there = false;
	for (unsigned i = 0; i < MODEL_NAMES; i++)
		if (m->names[i].was_free && may_forget(m, &m->names[i], ages)) {
			m->names[i].began_us = 0;
			m->names[i].completed_us = 0;
			m->names[i].cursor = 0;
		}
}

/* ---- workers ---- */

static uint64_t first_ready(const struct model *m)
{
	uint64_t first = 0;

	for (uint64_t id = 1; id <= m->last_id; id++) {
		const struct model_job *job = &m->jobs[id];

		if (!job->is_there || !is_ready(job) ||
		    job->was_in != TB_JOB_LIST_READY)
			continue;
		if (first == 0 || job->was_rank < m->jobs[first].was_rank)
			first = id;
	}
	return first;
}

uint64_t model_take(struct model *m, uint64_t token, int64_t lease_us)
{
	uint64_t id = first_ready(m);
	struct model_job *job = &m->jobs[id];

	if (id == 0)
		return 0;
	if (!job->has_begun) {
		shelve(job);
		job->has_begun = true;
		job->started_us = m->now_us;
		job->since_us = m->names[job->name].began_us;
		job->last_cursor = m->names[job->name].cursor;
		job->runs++;
	}
	job->attempts += !job->in_attempt;
	job->in_attempt = true;
	job->state = TB_JOB_ACTIVE;
	job->token = token;
	job->taken_us = m->now_us;
	job->lease_until_us = m->now_us + lease_us;
	change(m, job);
	return id;
}

bool model_has_lease(const struct model *m, uint64_t id, uint64_t token)
{
	const struct model_job *job = &m->jobs[id];

	return job->is_there && job->state == TB_JOB_ACTIVE && token != 0 &&
	       job->token == token;
}

bool model_renew(struct model *m, uint64_t id, uint64_t token, int64_t lease_us)
{
	if (!model_has_lease(m, id, token))
		return false;
	m->jobs[id].lease_until_us = m->now_us + lease_us;
	return true;
}

static void put_record(struct model *m, struct model_job *job,
		       struct model_stream *stream, unsigned entity,
		       unsigned at, uint64_t value)
{
	uint64_t *record = &m->records[job->name][entity][at];

	stream->read++;
	if (at == MODEL_BAD) {
		stream->rejected++;
		if (job->n_errors < TB_JOB_ERRORS_MAX)
			job->n_errors++;
	} else if (*record == value) {
		stream->unchanged++;
	} else {
		stream->written++;
		*record = value;
	}
}

enum tb_err model_checkpoint(struct model *m, uint64_t id, uint64_t token,
			     unsigned entity, unsigned from, uint64_t value,
			     bool has_line)
{
	struct model_job *job = &m->jobs[id];
	struct model_stream *stream = &job->streams[entity];

	if (!model_has_lease(m, id, token))
		return TB_ERR_CONFLICT;
	stream->is_there = true;
	for (unsigned i = 0; i < MODEL_PAGE; i++)
		put_record(m, job, stream, entity, from + i, value);
	stream->position = from + MODEL_PAGE;
	stream->is_done = stream->position == MODEL_RECORDS;
	if (has_line)
		log_line(job);
	change(m, job);
	return TB_OK;
}

/* Another run comes, or none. */
static void end_run(struct model *m, struct model_job *job, const char *outcome,
		    int64_t due_us, enum tb_job_state last)
{
	job->outcome = outcome;
	job->ended_us = m->now_us;
	job->in_attempt = false;
	if (due_us != 0) {
		job->has_begun = false;
		job->state = TB_JOB_QUEUED;
		wait_until(m, job, due_us);
		return;
	}
	job->state = last;
	free_name(m, job);
}

static void complete(struct model *m, struct model_job *job, int64_t due_us,
		     bool keeps_cursor)
{
	struct model_name *name = &m->names[job->name];
	int64_t active_us = job->active_us > 0 ? job->active_us : 1;

	name->began_us = job->started_us;
	name->completed_us = m->now_us;
	name->cursor = keeps_cursor ? (uint64_t)(job - m->jobs) : 0;
	m->last_completed_us = m->now_us;
	if (m->average_us == 0)
		m->average_us = active_us;
	else
		m->average_us += (active_us - m->average_us) / 8;
	end_run(m, job, "completed", due_us, TB_JOB_COMPLETED);
}

enum tb_err model_end(struct model *m, uint64_t id, uint64_t token,
		      enum tb_job_end_kind kind, int64_t due_us,
		      bool keeps_cursor)
{
	struct model_job *job = &m->jobs[id];

	if (!model_has_lease(m, id, token))
		return TB_ERR_CONFLICT;
	stop(job, m->now_us);
	switch (kind) {
	case TB_JOB_END_COMPLETED:
		complete(m, job, due_us, keeps_cursor);
		break;
	case TB_JOB_END_RETRY:
		job->error = "timeout";
		job->in_attempt = false;
		job->state = TB_JOB_QUEUED;
		wait_until(m, job, due_us);
		log_line(job);
		break;
	case TB_JOB_END_FAILED:
		job->error = "timeout";
		log_line(job);
		end_run(m, job, "failed", due_us, TB_JOB_FAILED);
		break;
	case TB_JOB_END_RELEASED:
		break;
	case TB_JOB_END_SKIPPED:
		shelve(job);
		job->runs--;
		job->state = TB_JOB_QUEUED;
		wait_until(m, job, due_us);
		break;
	}
	change(m, job);
	return TB_OK;
}
