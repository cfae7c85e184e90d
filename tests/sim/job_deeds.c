#include "base/assert.h"
#include "job_sim.h"
#include "kernel/push.h"

/* The clock goes by minutes, so that nothing is old at just that time. */
const struct tb_job_ages sim_ages = {
	.keep_us = 20 * HOUR_US + MINUTE_US / 2,
	.success_us = 30 * HOUR_US + MINUTE_US / 2,
};

static const char *const names[MODEL_NAMES] = {
	"a", "b", "products \"all\"", "\xc3\xa4/\xe2\x82\xac", "e", "f", "job1",
};
static const char *const entities[MODEL_ENTITIES] = { "x", "y", "z \\" };
static const uint32_t priorities[] = { 0, 25, 50, 50, 50, 75, 100 };

/* xorshift64*: enough to mix operations, and the same everywhere. */
unsigned sim_pick(struct world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * 0x2545f4914f6cdd1dull) >> 33) % n;
}

struct tb_str sim_name(unsigned name)
{
	return tb_str_z(names[name]);
}

struct tb_str sim_entity(unsigned entity)
{
	return tb_str_z(entities[entity]);
}

enum tb_err sim_cursor(struct tb_arena *arena, uint64_t id, uint64_t position,
		       struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%llu at %llu",
			       (unsigned long long)id,
			       (unsigned long long)position);
}

static struct tb_audit_note note_of(void)
{
	return (struct tb_audit_note) { .event_type = "jobs",
					.operation = "sim",
					.status = "ok",
					.principal = TB_STR("cli") };
}

/* ---- people ---- */

static bool queue_make(struct world *w, struct op *op)
{
	op->order = (struct model_order) {
		.name = sim_pick(w, MODEL_NAMES),
		.priority = priorities[sim_pick(w, TB_ARRAY_LEN(priorities))],
		.due_us = sim_pick(w, 3)
				  ? 0
				  : w->model.now_us + (int64_t)sim_pick(w, 90) *
							      MINUTE_US,
		.key = sim_pick(w, 3) ? 0 : 1 + sim_pick(w, MODEL_KEYS),
		.body = sim_pick(w, 8) == 0,
	};
	return true;
}

static void queue_run(struct op *op)
{
	static const char *const keys[MODEL_KEYS] = {
		"key-a", "key-b", "key-c", "key-d", "key-e", "key-f",
	};
	const struct tb_audit_note note = note_of();
	const struct model_order *order = &op->order;
	struct tb_named_request named = {
		.body = order->body ? TB_STR("other") : TB_STR("body"),
	};
	struct tb_job_sums sums;
	const struct tb_job_order asked = {
		.org = op->org,
		.name = sim_name(order->name),
		.type = TB_STR("full"),
		.request = TB_STR("{\"a\": [1, 2.50]}"),
		.priority = order->priority,
		.retries_max = 3,
		.due_us = order->due_us,
		.named = order->key > 0 ? &named : NULL,
		.unfinished_max = MODEL_UNFINISHED_MAX,
	};

	if (order->key > 0)
		named.key = tb_str_z(keys[order->key - 1]);
	op->err = tb_job_queue(op->core, op->arena, &note, &asked, &op->queued,
			       &op->job, &sums);
}

static void queue_apply(struct world *w, struct op *op)
{
	uint64_t id = 0;
	enum tb_job_queued outcome = model_queue(&w->model, &op->order, &id);

	if (op->is_lost)
		return;
	MUST(op->err);
	REQUIRE(op->queued == outcome);
	if (outcome == TB_JOB_IS_NEW || outcome == TB_JOB_IS_REPEATED) {
		REQUIRE(op->job.id == id);
		REQUIRE(op->job.state == w->model.jobs[id].state);
	}
}

static bool name_make(struct world *w, struct op *op)
{
	op->name = sim_pick(w, MODEL_NAMES);
	return true;
}

static void pause_run(struct op *op)
{
	const struct tb_audit_note note = note_of();

	op->err = tb_job_pause(op->core, op->arena, &note, op->org,
			       sim_name(op->name), &op->job);
}

static void resume_run(struct op *op)
{
	const struct tb_audit_note note = note_of();

	op->err = tb_job_resume(op->core, op->arena, &note, op->org,
				sim_name(op->name), &op->job);
}

/* What was refused, or the state that is answered. */
static void compare_answer(const struct world *w, const struct op *op,
			   enum tb_err expected)
{
	if (op->is_lost)
		return;
	REQUIRE(op->err == expected);
	if (expected == TB_OK)
		REQUIRE(op->job.state == w->model.jobs[op->job.id].state);
}

static void pause_apply(struct world *w, struct op *op)
{
	compare_answer(w, op, model_pause(&w->model, op->name));
}

static void resume_apply(struct world *w, struct op *op)
{
	compare_answer(w, op, model_resume(&w->model, op->name));
}

/* Mostly one of the last. */
static bool id_make(struct world *w, struct op *op)
{
	unsigned last = (unsigned)w->model.last_id;
	unsigned back =
		sim_pick(w, 4) ? sim_pick(w, 10) : sim_pick(w, last + 1);

	op->id = back <= last ? last + 1 - back : 0;
	return true;
}

static void cancel_run(struct op *op)
{
	const struct tb_audit_note note = note_of();

	op->err = tb_job_cancel(op->core, op->arena, &note, op->org, op->id,
				&op->job);
}

static void cancel_apply(struct world *w, struct op *op)
{
	compare_answer(w, op, model_cancel(&w->model, op->id));
}

static void retry_run(struct op *op)
{
	const struct tb_audit_note note = note_of();

	op->err = tb_job_retry(op->core, op->arena, &note, op->org, op->id,
			       &op->job);
}

static void retry_apply(struct world *w, struct op *op)
{
	compare_answer(w, op, model_retry(&w->model, op->id));
}

static bool purge_make(struct world *w, struct op *op)
{
	op->is_expected = model_may_purge(&w->model);
	return true;
}

static void purge_run(struct op *op)
{
	const struct tb_audit_note note = note_of();

	op->err = tb_job_purge(op->core, &note, op->org, &op->purged);
}

static void purge_apply(struct world *w, struct op *op)
{
	struct tb_job_purged purged = model_purge(&w->model);

	if (op->is_lost)
		return;
	MUST(op->err);
	REQUIRE(op->purged.completed == purged.completed);
	REQUIRE(op->purged.failed == purged.failed);
}

/* ---- time ---- */

static bool promote_make(struct world *w, struct op *op)
{
	op->is_expected = model_may_promote(&w->model);
	return true;
}

static void promote_run(struct op *op)
{
	bool more = false;

	op->err = tb_job_promote(op->core, op->org, &more);
	TB_ASSERT(!more);
}

static void promote_apply(struct world *w, struct op *op)
{
	model_promote(&w->model);
	REQUIRE(op->is_lost || op->err == TB_OK);
}

static bool reclaim_make(struct world *w, struct op *op)
{
	op->all = sim_pick(w, 10) == 0;
	op->is_expected = model_may_reclaim(&w->model, op->all);
	return true;
}

static void reclaim_run(struct op *op)
{
	bool more = false;

	op->err = tb_job_reclaim(op->core, op->org, op->all, &more);
	TB_ASSERT(!more);
}

static void reclaim_apply(struct world *w, struct op *op)
{
	model_reclaim(&w->model, op->all);
	REQUIRE(op->is_lost || op->err == TB_OK);
}

static bool keep_up_make(struct world *w, struct op *op)
{
	op->is_expected = model_may_keep_up(&w->model, &sim_ages);
	return true;
}

static void keep_up_run(struct op *op)
{
	bool more = false;

	op->err = tb_job_upkeep(op->core, op->org, &sim_ages, &more);
	TB_ASSERT(!more);
}

static void keep_up_apply(struct world *w, struct op *op)
{
	model_keep_up(&w->model, &sim_ages);
	REQUIRE(op->is_lost || op->err == TB_OK);
}

/* ---- workers ---- */

void sim_give_up(struct world *w, unsigned worker)
{
	if (w->workers[worker].id != 0)
		w->zombies[sim_pick(w, ZOMBIES)] = w->workers[worker];
	w->workers[worker].id = 0;
}

static bool take_make(struct world *w, struct op *op)
{
	op->lease.token = ++w->last_token;
	return w->workers[op->worker].id == 0;
}

static void take_run(struct op *op)
{
	struct tb_job_taking taking = {
		.arena = op->arena,
		.tokens = &op->lease.token,
		.n_tokens = 1,
		.lease_us = LEASE_US,
		.rets = &op->job,
	};

	op->err = tb_job_take(op->core, op->org, &taking);
	op->n = taking.n;
}

/* What a worker was given under a token is what the model says. */
static void apply_taken(struct world *w, struct op *op, uint64_t token)
{
	uint64_t id = model_take(&w->model, token, LEASE_US);
	struct lease *lease = &w->workers[op->worker];

	if (op->is_lost)
		return;
	REQUIRE(op->n == (id != 0));
	if (id == 0)
		return;
	REQUIRE(op->job.id == id);
	REQUIRE(op->job.token == token);
	REQUIRE(op->job.runs == w->model.jobs[id].runs);
	/* Another take of this worker may be of the same group. */
	if (lease->id != 0)
		sim_give_up(w, op->worker);
	*lease = (struct lease) { id, token };
}

static void take_apply(struct world *w, struct op *op)
{
	apply_taken(w, op, op->lease.token);
	if (!op->is_lost)
		MUST(op->err);
}

/* Mostly what this worker has, else what somebody had. */
static bool lease_make(struct world *w, struct op *op)
{
	op->lease = w->workers[op->worker];
	if (sim_pick(w, 8) == 0)
		op->lease = w->zombies[sim_pick(w, ZOMBIES)];
	op->id = op->lease.id;
	return op->id != 0;
}

static bool is_through(const struct model_job *job)
{
	for (unsigned i = 0; i < model_entities(job->name); i++)
		if (!job->streams[i].is_done)
			return false;
	return true;
}

/* The next page of an entity that is not through. */
static bool checkpoint_make(struct world *w, struct op *op)
{
	const struct model_job *job;

	if (!lease_make(w, op))
		return false;
	job = &w->model.jobs[op->id];
	if (is_through(job))
		return false;
	do
		op->entity = sim_pick(w, model_entities(job->name));
	while (job->streams[op->entity].is_done);
	op->name = job->name;
	op->from = job->streams[op->entity].position;
	op->value = w->model.sources[job->name];
	op->has_line = sim_pick(w, 10) == 0;
	return true;
}

static void make_item(struct op *op, unsigned at, struct tb_push_item *item)
{
	*item = (struct tb_push_item) { .table = TABLE };
	TB_ASSERT(tb_arena_printf(op->arena, &item->id, "%u-%u-%u", op->name,
				  op->entity, at) == TB_OK);
	TB_ASSERT(tb_arena_printf(op->arena, &item->data, "{\"v\":%llu}",
				  (unsigned long long)op->value) == TB_OK);
	item->record = item->data;
	if (at == MODEL_BAD) {
		item->refused = TB_PUSH_CODE_INVALID;
		item->refused_message = TB_STR("it is bad");
	}
}

static void checkpoint_run(struct op *op)
{
	struct tb_push_item items[MODEL_PAGE];
	struct tb_push push = { .site_id = TB_ORIGIN_CENTRE,
				.may_edit_central = true,
				.items = items,
				.n_items = MODEL_PAGE,
				.arena = op->arena };
	struct tb_job_checkpoint page = {
		.lease = { op->org, op->lease.id, op->lease.token },
		.entity = sim_entity(op->entity),
		.position = op->from + MODEL_PAGE,
		.total = MODEL_RECORDS,
		.is_done = op->from + MODEL_PAGE == MODEL_RECORDS,
		.n_entities = model_entities(op->name),
		.n_read = MODEL_PAGE,
		.push = &push,
		.log = op->has_line ? TB_STR("a line") : TB_STR_NONE,
	};

	TB_ASSERT(sim_cursor(op->arena, op->lease.id, page.position,
			     &page.cursor) == TB_OK);
	for (unsigned i = 0; i < MODEL_PAGE; i++)
		make_item(op, op->from + i, &items[i]);
	op->err =
		tb_push_prepare(&push, tb_core_declaration(op->core), op->org);
	if (op->err == TB_OK)
		op->err = tb_job_checkpoint(op->core, op->arena, &page);
}

/* Who has lost the lease gives up. */
static void note_loss(struct world *w, const struct op *op, bool is_lease_lost)
{
	if (is_lease_lost && w->workers[op->worker].token == op->lease.token)
		w->workers[op->worker].id = 0;
}

static void checkpoint_apply(struct world *w, struct op *op)
{
	enum tb_err err =
		model_checkpoint(&w->model, op->id, op->lease.token, op->entity,
				 op->from, op->value, op->has_line);

	if (op->is_lost)
		return;
	REQUIRE(op->err == err);
	note_loss(w, op, err == TB_ERR_CONFLICT);
}

static void renew_run(struct op *op)
{
	const struct tb_job_lease lease = { op->org, op->lease.id,
					    op->lease.token };

	op->err = tb_job_renew(op->core, op->org, &lease, 1, LEASE_US,
			       &op->is_lease_lost);
}

static void renew_apply(struct world *w, struct op *op)
{
	bool lost = !model_renew(&w->model, op->id, op->lease.token, LEASE_US);

	if (op->is_lost)
		return;
	MUST(op->err);
	REQUIRE(op->is_lease_lost == lost);
	note_loss(w, op, lost);
}

static int64_t pick_due(struct world *w)
{
	return w->model.now_us + (int64_t)(1 + sim_pick(w, 120)) * MINUTE_US;
}

/* A job that is through is completed; now and then it comes again. */
static bool end_make(struct world *w, struct op *op)
{
	const struct model_job *job;

	if (!lease_make(w, op))
		return false;
	job = &w->model.jobs[op->id];
	op->due_us = pick_due(w);
	op->next_token = sim_pick(w, 2) ? ++w->last_token : 0;
	op->end = TB_JOB_END_RETRY;
	if (is_through(job))
		op->end = TB_JOB_END_COMPLETED;
	else if (sim_pick(w, 3) == 0)
		op->end = TB_JOB_END_FAILED;
	else if (sim_pick(w, 3) == 0)
		op->end = TB_JOB_END_RELEASED;
	else if (sim_pick(w, 3) == 0)
		op->end = TB_JOB_END_SKIPPED;
	if ((op->end == TB_JOB_END_COMPLETED || op->end == TB_JOB_END_FAILED) &&
	    sim_pick(w, 3) > 0)
		op->due_us = 0;
	op->keeps_cursor = sim_pick(w, 3) > 0;
	return true;
}

static void end_run(struct op *op)
{
	struct tb_job_taking next = {
		.arena = op->arena,
		.tokens = &op->next_token,
		.n_tokens = 1,
		.lease_us = LEASE_US,
		.rets = &op->job,
	};
	const struct tb_job_end end = {
		.lease = { op->org, op->lease.id, op->lease.token },
		.kind = op->end,
		.due_us = op->due_us,
		.error = { TB_STR("timeout"), TB_STR("no answer") },
		.keeps_cursor_of =
			op->keeps_cursor ? sim_entity(0) : TB_STR_NONE,
		.next = op->next_token != 0 ? &next : NULL,
	};

	op->err = tb_job_end(op->core, &end);
	op->n = next.n;
}

/* What a completed run has read is what its source holds. */
static void check_completed(const struct world *w, const struct op *op)
{
	const struct model_job *job = &w->model.jobs[op->id];
	uint64_t value = w->model.sources[job->name];

	for (unsigned e = 0; e < model_entities(job->name); e++)
		for (unsigned i = 0; i < MODEL_RECORDS; i++)
			REQUIRE(w->model.records[job->name][e][i] ==
				(i == MODEL_BAD ? 0 : value));
}

static void end_apply(struct world *w, struct op *op)
{
	enum tb_err err = model_end(&w->model, op->id, op->lease.token, op->end,
				    op->due_us, op->keeps_cursor);

	if (err == TB_OK && op->end == TB_JOB_END_COMPLETED)
		check_completed(w, op);
	if (!op->is_lost) {
		REQUIRE(op->err == err);
		note_loss(w, op, true);
	}
	if (op->next_token != 0 && err == TB_OK)
		apply_taken(w, op, op->next_token);
	else if (!op->is_lost)
		REQUIRE(op->n == 0);
}

const struct op_kind sim_kinds[SIM_KINDS] = {
	{ 12, queue_make, queue_run, queue_apply },
	{ 4, name_make, pause_run, pause_apply },
	{ 7, name_make, resume_run, resume_apply },
	{ 2, id_make, cancel_run, cancel_apply },
	{ 4, id_make, retry_run, retry_apply },
	{ 1, purge_make, purge_run, purge_apply },
	{ 8, promote_make, promote_run, promote_apply },
	{ 6, reclaim_make, reclaim_run, reclaim_apply },
	{ 3, keep_up_make, keep_up_run, keep_up_apply },
	{ 14, take_make, take_run, take_apply },
	{ 26, checkpoint_make, checkpoint_run, checkpoint_apply },
	{ 5, lease_make, renew_run, renew_apply },
	{ 8, end_make, end_run, end_apply },
};

const struct op_kind sim_take = { .run = take_run, .apply = take_apply };
const struct op_kind sim_resume = { .run = resume_run, .apply = resume_apply };
const struct op_kind sim_checkpoint = { .run = checkpoint_run,
					.apply = checkpoint_apply };
const struct op_kind sim_end = { .run = end_run, .apply = end_apply };
