/*
 * Jobs under change: people queue, pause, resume, cancel, retry and purge them,
 * workers take them, store pages, renew, end, crash, and try to go on after
 * they have lost their lease; time makes jobs due, leases over and what is
 * finished old. Some of that is committed in one group, and some commits are
 * lost, or their answers. What there is is compared with plain arrays
 * (job_model.h), and at the end every job is run to its end. Prints its seed;
 * `sim_jobs SEED` replays one, `sim_jobs FIRST LAST` runs a range; so does
 * TB_SEED=, and TB_SEEDS= says how many.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "job_sim.h"
#include "store/fail/fail.h"

#define STEPS 500
#define CHECK_EVERY 25
#define START_US (1700000000 * SECOND_US)

static uint64_t seed;
static unsigned step;

_Noreturn void sim_broken(const char *expr, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: seed %llu, step %u: %s\n", file, line,
		      (unsigned long long)seed, step, expr);
	abort();
}

/* ---- steps ---- */

static void make_op(struct world *w, struct op *op)
{
	do {
		unsigned at = sim_pick(w, 100);
		size_t kind = 0;

		while (at >= sim_kinds[kind].weight)
			at -= sim_kinds[kind++].weight;
		*op = (struct op) { .kind = &sim_kinds[kind],
				    .core = w->core,
				    .org = w->org,
				    .worker = sim_pick(w, WORKERS),
				    .is_expected = true };
	} while (!op->kind->make(w, op));
	op->arena = tb_arena_create(ARENA_MAX_BYTES);
	REQUIRE(op->arena != NULL);
}

static void run_op(void *arg)
{
	struct op *op = arg;

	op->kind->run(op);
}

static void run_ops(struct world *w, struct op *ops, size_t n)
{
	struct grouped_call calls[GROUPED_MAX];

	model_begin_group(&w->model);
	for (size_t i = 0; i < n; i++)
		calls[i] =
			(struct grouped_call) { .run = run_op, .arg = &ops[i] };
	grouped_run(w->g, calls, n);
	for (size_t i = 0; i < n; i++) {
		ops[i].has_committed = calls[i].has_committed;
		REQUIRE(ops[i].has_committed == ops[i].is_expected);
	}
}

static void apply_op(struct world *w, struct op *op)
{
	if (op->is_expected)
		op->kind->apply(w, op);
	tb_arena_destroy(op->arena);
}

static void step_group(struct world *w)
{
	size_t n = sim_pick(w, 3) ? 1 : 2 + sim_pick(w, GROUPED_MAX - 1);
	struct op ops[GROUPED_MAX];

	for (size_t i = 0; i < n; i++)
		make_op(w, &ops[i]);
	run_ops(w, ops, n);
	for (size_t i = 0; i < n; i++)
		apply_op(w, &ops[i]);
}

static void restart(struct world *w)
{
	bool more = true;

	for (unsigned i = 0; i < WORKERS; i++)
		sim_give_up(w, i);
	model_begin_group(&w->model);
	while (more)
		MUST(tb_job_reclaim(w->core, w->org, true, &more));
	model_reclaim(&w->model, true);
}

/* The program ends within a commit: it took place, or it did not, and nobody
 * knows. Then it starts again. */
static void step_crash(struct world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_IO,
				     .commit_happens = sim_pick(w, 2) };
	struct op op;

	make_op(w, &op);
	tb_fail_set_plan(grouped_store(w->g), &plan);
	run_ops(w, &op, 1);
	tb_fail_set_plan(grouped_store(w->g), NULL);
	op.is_lost = op.has_committed;
	if (plan.commit_happens || !op.has_committed) {
		apply_op(w, &op);
	} else {
		REQUIRE(op.err == TB_ERR_IO);
		tb_arena_destroy(op.arena);
	}
	restart(w);
}

/* ---- a run ---- */

static void advance(struct world *w)
{
	unsigned minutes = sim_pick(w, 4) ? sim_pick(w, 4) : sim_pick(w, 40);

	w->model.now_us += minutes * MINUTE_US;
	grouped_set_now(w->g, w->model.now_us);
	model_change_source(&w->model, sim_pick(w, MODEL_NAMES));
}

static void do_op(struct world *w, const struct op_kind *kind, struct op *op)
{
	op->kind = kind;
	op->core = w->core;
	op->org = w->org;
	op->is_expected = true;
	op->arena = tb_arena_create(ARENA_MAX_BYTES);
	REQUIRE(op->arena != NULL);
	run_ops(w, op, 1);
	apply_op(w, op);
}

/* Runs a job that a worker has to its end. */
static void run_through(struct world *w, unsigned worker)
{
	const struct lease lease = w->workers[worker];
	const struct model_job *job = &w->model.jobs[lease.id];
	struct op op;

	for (unsigned e = 0; e < model_entities(job->name); e++)
		while (!job->streams[e].is_done) {
			op = (struct op) {
				.worker = worker,
				.id = lease.id,
				.lease = lease,
				.name = job->name,
				.entity = e,
				.from = job->streams[e].position,
				.value = w->model.sources[job->name]
			};
			do_op(w, &sim_checkpoint, &op);
		}
	op = (struct op) { .worker = worker,
			   .id = lease.id,
			   .lease = lease,
			   .end = TB_JOB_END_COMPLETED };
	do_op(w, &sim_end, &op);
}

/* Every job ends: what is paused goes on, what waits comes. */
static void run_to_the_end(struct world *w)
{
	bool more = false;
	struct op op;

	restart(w);
	for (unsigned i = 0; i < MODEL_NAMES; i++)
		if (w->model.names[i].id != 0 &&
		    w->model.jobs[w->model.names[i].id].state ==
			    TB_JOB_PAUSED) {
			op = (struct op) { .name = i };
			do_op(w, &sim_resume, &op);
		}
	w->model.now_us += 10 * 24 * HOUR_US;
	grouped_set_now(w->g, w->model.now_us);
	model_begin_group(&w->model);
	MUST(tb_job_promote(w->core, w->org, &more));
	model_promote(&w->model);
	for (unsigned i = 0; i <= MODEL_UNFINISHED_MAX; i++) {
		op = (struct op) { .lease.token = ++w->last_token };
		do_op(w, &sim_take, &op);
		if (op.n > 0)
			run_through(w, 0);
	}
	for (uint64_t id = 1; id <= w->model.last_id; id++)
		REQUIRE(!w->model.jobs[id].is_there ||
			model_is_finished(&w->model.jobs[id]));
}

static void run(void)
{
	static struct world world;
	struct world *w = &world;

	*w = (struct world) { .random = seed * 0x9e3779b97f4a7c15ull + 1 };
	w->model.now_us = START_US;
	w->g = grouped_create(&w->org);
	w->core = grouped_core(w->g);
	w->arena = tb_arena_create(ARENA_MAX_BYTES);
	REQUIRE(w->arena != NULL);
	grouped_set_now(w->g, w->model.now_us);
	for (unsigned i = 0; i < MODEL_NAMES; i++)
		w->model.sources[i] = 1;
	for (step = 0; step < STEPS; step++) {
		advance(w);
		if (sim_pick(w, 25) == 0)
			step_crash(w);
		else
			step_group(w);
		sim_check(w, step % CHECK_EVERY == 0);
	}
	sim_check(w, true);
	run_to_the_end(w);
	sim_check(w, true);
	tb_arena_destroy(w->arena);
	grouped_destroy(w->g);
}

static uint64_t number_of(const char *text, uint64_t otherwise)
{
	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t first = number_of(argc > 1 ? argv[1] : getenv("TB_SEED"), 1);
	uint64_t n = number_of(getenv("TB_SEEDS"), 1);
	uint64_t last = number_of(argc > 2 ? argv[2] : NULL, first + n - 1);

	for (seed = first; seed <= last; seed++) {
		printf("seed %llu\n", (unsigned long long)seed);
		(void)fflush(stdout);
		run();
	}
	return 0;
}
