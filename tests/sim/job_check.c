#include <string.h>

#include "base/assert.h"
#include "job_sim.h"
#include "kernel/system.h"

static void check_streams(const struct tb_job *job,
			  const struct model_job *expected)
{
	size_t n = 0;

	for (unsigned i = 0; i < MODEL_ENTITIES; i++)
		n += expected->streams[i].is_there;
	REQUIRE(job->n_streams == n);
	for (size_t i = 0; i < job->n_streams; i++) {
		const struct tb_job_stream *stream = &job->streams[i];
		const struct model_stream *e = expected->streams;

		while (!tb_str_eq(stream->entity,
				  sim_entity(e - expected->streams)))
			e++;
		REQUIRE(e->is_there);
		REQUIRE(stream->position == e->position);
		REQUIRE(stream->is_done == e->is_done);
		REQUIRE(stream->read == e->read);
		REQUIRE(stream->written == e->written);
		REQUIRE(stream->unchanged == e->unchanged);
		REQUIRE(stream->rejected == e->rejected);
	}
}

static void check_times(const struct tb_job *job, const struct model_job *e)
{
	REQUIRE(job->due_us == e->due_us);
	REQUIRE(job->is_waiting == e->is_waiting);
	REQUIRE(job->started_us == e->started_us);
	REQUIRE(job->since_us == e->since_us);
	REQUIRE(job->active_us == e->active_us);
	REQUIRE(job->taken_us == e->taken_us);
	REQUIRE(job->ended_us == e->ended_us);
	REQUIRE(job->lease_until_us == e->lease_until_us);
}

/* Which job left the cursor that it is told. */
static void check_last_cursor(struct world *w, const struct tb_job *job,
			      const struct model_job *e)
{
	struct tb_str place = TB_STR_NONE;

	if (e->last_cursor != 0)
		MUST(sim_cursor(w->arena, e->last_cursor, MODEL_RECORDS,
				&place));
	REQUIRE(tb_str_eq(job->last_cursor, place));
}

static void check_notes(const struct tb_job_notes *notes,
			const struct model_job *e)
{
	REQUIRE(notes->n_runs == e->n_runs + (e->outcome != NULL));
	REQUIRE(notes->n_log == e->n_lines);
	REQUIRE(notes->n_errors == e->n_errors);
	if (e->outcome != NULL)
		REQUIRE(tb_str_eq(notes->runs[0].status, tb_str_z(e->outcome)));
}

static void check_job(struct world *w, struct tb_tx *tx, uint64_t id)
{
	const struct model_job *e = &w->model.jobs[id];
	struct tb_job_notes notes;
	struct tb_job job;
	enum tb_err err = tb_job_read(tx, w->arena, w->org, id, &job, &notes);

	REQUIRE(err == (e->is_there ? TB_OK : TB_ERR_NOT_FOUND));
	if (err != TB_OK)
		return;
	REQUIRE(tb_str_eq(job.name, sim_name(e->name)));
	REQUIRE(job.state == e->state);
	REQUIRE(job.priority == e->priority);
	REQUIRE(job.token == e->token);
	REQUIRE(job.attempts == e->attempts);
	REQUIRE(job.runs == e->runs);
	REQUIRE(job.in_attempt == e->in_attempt);
	REQUIRE(job.has_begun == e->has_begun);
	REQUIRE(tb_str_eq(job.outcome, tb_str_z(e->outcome)));
	REQUIRE(tb_str_eq(job.error.code, tb_str_z(e->error)));
	check_times(&job, e);
	check_last_cursor(w, &job, e);
	check_streams(&job, e);
	check_notes(&notes, e);
}

static void check_sums(struct world *w, struct tb_tx *tx)
{
	const struct model *m = &w->model;
	struct tb_job_sums expected = {
		.last_id = m->last_id,
		.last_completed_us = m->last_completed_us,
		.average_us = m->average_us,
	};
	struct tb_job_sums sums;

	for (uint64_t id = 1; id <= m->last_id; id++) {
		const struct model_job *job = &m->jobs[id];

		if (!job->is_there)
			continue;
		expected.counts[job->state]++;
		if (model_list_of(job) != TB_JOB_LIST_READY)
			continue;
		if (job->state == TB_JOB_ACTIVE)
			expected.take_over++;
		else
			expected.ready[job->priority]++;
	}
	MUST(tb_job_sums_read(tx, w->arena, w->org, &sums));
	REQUIRE(memcmp(&sums, &expected, sizeof(sums)) == 0);
}

/* True if a list shows a job before another. */
static bool is_in_order(const struct model *m, enum tb_job_list list,
			uint64_t a, uint64_t b)
{
	const struct model_job *x = &m->jobs[a];
	const struct model_job *y = &m->jobs[b];

	switch (list) {
	case TB_JOB_LIST_ALL:
		return x->changed > y->changed;
	case TB_JOB_LIST_CHANGES:
	case TB_JOB_LIST_COMPLETED:
	case TB_JOB_LIST_FAILED:
		return x->changed < y->changed;
	case TB_JOB_LIST_READY:
		return model_is_before(m, a, b);
	case TB_JOB_LIST_DUE:
		return x->due_us != y->due_us ? x->due_us < y->due_us : a < b;
	case TB_JOB_LIST_ACTIVE:
	case TB_JOB_LIST_PAUSED:
		return a < b;
	}
	TB_UNREACHABLE();
}

/* All of a list, read in pages. */
static void check_list(struct world *w, struct tb_tx *tx, enum tb_job_list list)
{
	const struct model *m = &w->model;
	bool is_of_all = list == TB_JOB_LIST_ALL || list == TB_JOB_LIST_CHANGES;
	struct tb_job_query query = { .org = w->org, .list = list };
	struct tb_job_page page = { .has_more = true };
	uint64_t last = 0;
	size_t expected = 0;
	size_t n = 0;

	for (uint64_t id = 1; id <= m->last_id; id++)
		expected += m->jobs[id].is_there &&
			    (is_of_all || model_list_of(&m->jobs[id]) == list);
	while (page.has_more) {
		query.limit = 1 + sim_pick(w, 20);
		MUST(tb_job_list(tx, w->arena, &query, &page));
		for (size_t i = 0; i < page.n; i++) {
			uint64_t id = page.jobs[i].id;

			REQUIRE(is_of_all ||
				model_list_of(&m->jobs[id]) == list);
			REQUIRE(last == 0 || is_in_order(m, list, last, id));
			if (list == TB_JOB_LIST_READY)
				REQUIRE(page.jobs[i].ahead == n);
			last = id;
			n++;
		}
		query.after = page.next;
	}
	REQUIRE(n == expected);
}

static void check_names(struct world *w, struct tb_tx *tx)
{
	for (unsigned i = 0; i < MODEL_NAMES; i++) {
		uint64_t id = w->model.names[i].id;
		struct tb_job job = { .id = 0 };
		enum tb_err err =
			tb_job_find(tx, w->arena, w->org, sim_name(i), &job);

		REQUIRE(err == (id != 0 ? TB_OK : TB_ERR_NOT_FOUND));
		REQUIRE(job.id == id);
	}
}

static void check_record(struct world *w, struct tb_tx *tx, uint64_t coll,
			 unsigned name, unsigned entity, unsigned at)
{
	uint64_t value = w->model.records[name][entity][at];
	struct tb_key key = { .org = w->org, .coll = coll };
	struct tb_record *record = NULL;
	struct tb_str body;

	MUST(tb_arena_printf(w->arena, &key.key, "%u-%u-%u", name, entity, at));
	if (coll != 0)
		MUST(tx->store->ops->find(tx, w->arena, &key, 1, &record));
	REQUIRE((record != NULL) == (value != 0));
	if (value == 0)
		return;
	MUST(tb_arena_printf(w->arena, &body, "{\"v\":%llu}",
			     (unsigned long long)value));
	REQUIRE(tb_str_eq(record->body, body));
}

static void check_records(struct world *w, struct tb_tx *tx)
{
	uint64_t coll = 0;
	enum tb_err err = tb_core_name_rid(w->core, tx, w->org,
					   TB_COLL_COLLECTION, TABLE, &coll);

	REQUIRE(err == TB_OK || err == TB_ERR_NOT_FOUND);
	for (unsigned n = 0; n < MODEL_NAMES; n++)
		for (unsigned e = 0; e < MODEL_ENTITIES; e++)
			for (unsigned i = 0; i < MODEL_RECORDS; i++)
				check_record(w, tx, coll, n, e, i);
}

static void store_broken(void *ctx, const char *invariant, uint64_t rid,
			 const char *what)
{
	(void)ctx;
	(void)rid;
	sim_broken(what, invariant, 0);
}

static void check_all(struct world *w, struct tb_tx *tx)
{
	for (uint64_t id = 1; id <= w->model.last_id; id++)
		check_job(w, tx, id);
	for (int list = TB_JOB_LIST_ALL; list <= TB_JOB_LIST_FAILED; list++)
		check_list(w, tx, (enum tb_job_list)list);
	check_records(w, tx);
	MUST(tx->store->ops->check(tx, store_broken, NULL));
}

void sim_check(struct world *w, bool all)
{
	struct tb_tx *tx;

	MUST(tb_core_read(w->core, &tx));
	check_sums(w, tx);
	check_names(w, tx);
	if (all)
		check_all(w, tx);
	else if (w->model.last_id > 0)
		check_job(w, tx, 1 + sim_pick(w, (unsigned)w->model.last_id));
	tb_core_read_end(tx);
	tb_arena_reset(w->arena);
}
