#include "jobs/runner.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/cond.h"
#include "jobs/board.h"
#include "jobs/run.h"

#define SECOND_US 1000000ll
/* Between two looks at an org that changes all the time. */
#define INTERVAL_US 10000
/* After an error of the store. */
#define RETRY_US 500000
/* The longest wait while a job waits for its time: the clock may be set. */
#define CLOCK_US SECOND_US
#define WORKERS_MAX 256
#define ARENA_MAX_BYTES ((size_t)64 << 20)
/* A lease is renewed so many times while it lasts. */
#define RENEWALS 3

struct worker {
	struct tb_runner *runner;
	pthread_t thread;
	struct tb_arena *arenas[2]; /* of the job, and of the one before it */
	struct tb_job job;
	uint64_t token; /* the job's, as it is taken */
	struct tb_job_taking taking;
	bool has_claim; /* a job of the board's was counted off for it */
	/* With the runner's lock held. */
	bool has_lease;
	struct tb_job_lease lease;
	struct tb_stop stop; /* while it has one */
};

struct tb_runner {
	struct tb_core *core;
	const struct tb_sources *sources;
	struct tb_runner_options options;
	tb_runner_log_fn *log;
	void *log_ctx;
	struct tb_arena *arena; /* the dispatcher's */
	pthread_t dispatcher;
	bool has_dispatcher;
	struct worker *workers;
	size_t n_workers;

	pthread_mutex_t lock;   /* never held while the core is called */
	pthread_cond_t changed; /* the dispatcher waits for it */
	pthread_cond_t ready;   /* workers wait for it */
	bool is_stopped;
	bool is_due;           /* some org is changed */
	int64_t not_before_us; /* of looking at it */
	int64_t renew_us;      /* when leases are renewed next */
	size_t n_idle;         /* workers that wait */
	struct tb_board board;
};

/* ---- said by others ---- */

/* With the lock held. */
static void mark_changed(struct tb_runner *runner, uint32_t id)
{
	struct tb_board_org *org = tb_board_get(&runner->board, id);

	if (org)
		org->is_changed = true;
	if (!runner->is_due)
		pthread_cond_signal(&runner->changed);
	runner->is_due = true;
}

static void on_heads(void *ctx, uint32_t org)
{
	struct tb_runner *runner = ctx;

	pthread_mutex_lock(&runner->lock);
	mark_changed(runner, org);
	pthread_mutex_unlock(&runner->lock);
}

static void complain(struct tb_runner *runner, const char *what,
		     enum tb_err err)
{
	char text[128];

	snprintf(text, sizeof(text), "jobs: %s: %s", what, tb_err_text(err));
	runner->log(runner->log_ctx, text);
}

/* With the lock held: an org is looked at again, moved or not. */
static void look_again(struct tb_runner *runner, uint32_t id)
{
	struct tb_board_org *org = tb_board_get(&runner->board, id);

	if (org)
		org->seen = UINT64_MAX;
	mark_changed(runner, id);
}

/* The same after an error, but not at once. */
static void look_later(struct tb_runner *runner, uint32_t org)
{
	look_again(runner, org);
	runner->not_before_us = tb_clock_monotonic_us() + RETRY_US;
}

/* ---- workers ---- */

static void begin_lease(struct worker *worker, uint32_t org)
{
	struct tb_runner *runner = worker->runner;

	pthread_mutex_lock(&runner->lock);
	tb_stop_init(&worker->stop);
	worker->lease = (struct tb_job_lease) { org, worker->job.id,
						worker->job.token };
	worker->has_lease = true;
	worker->has_claim = false;
	if (runner->is_stopped)
		tb_stop_set(&worker->stop);
	pthread_mutex_unlock(&runner->lock);
}

static void end_lease(struct worker *worker)
{
	struct tb_runner *runner = worker->runner;

	pthread_mutex_lock(&runner->lock);
	worker->has_lease = false;
	tb_stop_fini(&worker->stop);
	pthread_mutex_unlock(&runner->lock);
}

/* What is taken lies in the arena that the job before it is not in. */
static enum tb_err want_job(struct worker *worker)
{
	struct tb_runner *runner = worker->runner;
	struct tb_arena *arena = worker->arenas[1];

	worker->arenas[1] = worker->arenas[0];
	worker->arenas[0] = arena;
	tb_arena_reset(arena);
	worker->token = 0;
	while (worker->token == 0)
		if (getrandom(&worker->token, sizeof(worker->token), 0) !=
		    (ssize_t)sizeof(worker->token))
			return TB_ERR_IO;
	worker->taking = (struct tb_job_taking) {
		.arena = arena,
		.tokens = &worker->token,
		.n_tokens = 1,
		.lease_us = runner->options.lease_s * SECOND_US,
		.rets = &worker->job,
	};
	return TB_OK;
}

/* A worker that is about to give its job back goes on with the same org, if it
 * is that one's turn. */
static struct tb_job_taking *claim_next(void *ctx)
{
	struct worker *worker = ctx;
	struct tb_runner *runner = worker->runner;

	if (want_job(worker))
		return NULL;
	pthread_mutex_lock(&runner->lock);
	worker->has_claim =
		!runner->is_stopped &&
		tb_board_take_again(&runner->board, worker->lease.org);
	pthread_mutex_unlock(&runner->lock);
	return worker->has_claim ? &worker->taking : NULL;
}

static enum tb_err run(struct worker *worker, uint32_t org)
{
	struct tb_runner *runner = worker->runner;
	/* The next one comes into the worker's place while this one ends. */
	struct tb_job job = worker->job;
	const struct tb_run run = {
		.core = runner->core,
		.sources = runner->sources,
		.options = &runner->options,
		.log = runner->log,
		.log_ctx = runner->log_ctx,
		.org = org,
		.job = &job,
		.arena = worker->arenas[0],
		.stop = &worker->stop,
		.next = claim_next,
		.next_ctx = worker,
	};
	enum tb_err err;

	begin_lease(worker, org);
	worker->taking.n = 0;
	err = tb_run_job(&run);
	end_lease(worker);
	return err;
}

/* Takes a job of an org, if there is one, and runs it; and those that it was
 * given while it gave back another. */
static void work_for(struct worker *worker, uint32_t org)
{
	struct tb_runner *runner = worker->runner;
	enum tb_err err = want_job(worker);

	if (!err)
		err = tb_job_take(runner->core, org, &worker->taking);
	while (!err && worker->taking.n > 0)
		err = run(worker, org);
	if (err)
		complain(runner, "a job", err);
	pthread_mutex_lock(&runner->lock);
	if (err)
		look_later(runner, org);
	else if (worker->has_claim)
		/* What it claimed and did not get may be there still. */
		look_again(runner, org);
	worker->has_claim = false;
	pthread_mutex_unlock(&runner->lock);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct tb_runner *runner = worker->runner;
	uint32_t org;

	pthread_mutex_lock(&runner->lock);
	while (!runner->is_stopped) {
		if (!tb_board_take(&runner->board, &org)) {
			runner->n_idle++;
			pthread_cond_wait(&runner->ready, &runner->lock);
			runner->n_idle--;
			continue;
		}
		pthread_mutex_unlock(&runner->lock);
		work_for(worker, org);
		pthread_mutex_lock(&runner->lock);
	}
	pthread_mutex_unlock(&runner->lock);
	return NULL;
}

/* ---- the dispatcher: looking ---- */

/* Whether an org's jobs have changed since it was looked at; from memory where
 * that has it. */
static enum tb_err has_moved(struct tb_runner *runner, uint32_t org,
			     uint64_t seen, uint64_t *ret_end)
{
	uint64_t scope = tb_job_changes_scope(org);
	struct tb_heads heads;
	enum tb_err err = TB_OK;

	if (!tb_core_find_scopes(runner->core, org, &scope, 1, &heads, ret_end))
		err = tb_core_load_scopes(runner->core, org, &scope, 1, &heads,
					  ret_end);
	if (!err && *ret_end == seen)
		err = TB_ERR_NOT_FOUND;
	return err;
}

static enum tb_err look(struct tb_runner *runner, uint32_t org,
			struct tb_job_outlook *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(runner->core, &tx);

	if (err)
		return err;
	tb_arena_reset(runner->arena);
	err = tb_job_look(tx, runner->arena, org, ret);
	tb_core_read_end(tx);
	return err;
}

/* With the lock held, which is given up meanwhile. */
static void look_at(struct tb_runner *runner, uint32_t id, uint64_t seen)
{
	struct tb_job_outlook outlook;
	struct tb_board_org *org;
	uint64_t end;
	enum tb_err err;

	pthread_mutex_unlock(&runner->lock);
	err = has_moved(runner, id, seen, &end);
	if (!err)
		err = look(runner, id, &outlook);
	pthread_mutex_lock(&runner->lock);
	org = tb_board_get(&runner->board, id);
	if (!err && org) {
		org->seen = end;
		org->outlook = outlook;
		/* No more than can do something. */
		for (uint64_t i = 0; i < outlook.ready && i < runner->n_idle;
		     i++)
			pthread_cond_signal(&runner->ready);
	} else if (err != TB_ERR_NOT_FOUND) {
		look_later(runner, id);
	}
}

static void look_at_changed(struct tb_runner *runner)
{
	runner->is_due = false;
	runner->not_before_us = tb_clock_monotonic_us() + INTERVAL_US;
	/* More may come meanwhile, and then others move on. */
	for (size_t i = 0; i < runner->board.n && !runner->is_stopped; i++) {
		struct tb_board_org *org = &runner->board.orgs[i];

		if (!org->is_changed)
			continue;
		org->is_changed = false;
		look_at(runner, org->id, org->seen);
	}
}

/* ---- the dispatcher: what time does ---- */

typedef enum tb_err act_fn(struct tb_runner *runner, uint32_t org,
			   bool *ret_more);

static enum tb_err promote(struct tb_runner *runner, uint32_t org,
			   bool *ret_more)
{
	return tb_job_promote(runner->core, org, ret_more);
}

static enum tb_err reclaim(struct tb_runner *runner, uint32_t org,
			   bool *ret_more)
{
	return tb_job_reclaim(runner->core, org, false, ret_more);
}

/* With the lock held, which is given up meanwhile: something of an org is due;
 * afterwards it is to be looked at, moved or not. */
static void act(struct tb_runner *runner, uint32_t id, act_fn *fn)
{
	struct tb_board_org *org;
	enum tb_err err = TB_OK;
	bool more = true;

	pthread_mutex_unlock(&runner->lock);
	while (!err && more)
		err = fn(runner, id, &more);
	pthread_mutex_lock(&runner->lock);
	org = tb_board_get(&runner->board, id);
	if (org) {
		org->outlook.next_due_us = INT64_MAX;
		org->outlook.next_loss_us = INT64_MAX;
	}
	if (err) {
		complain(runner, "what is due", err);
		look_later(runner, id);
	} else {
		look_again(runner, id);
	}
}

static void act_on_due(struct tb_runner *runner)
{
	for (size_t i = 0; i < runner->board.n && !runner->is_stopped; i++) {
		const struct tb_board_org *org = &runner->board.orgs[i];
		int64_t now_us = tb_core_now_us(runner->core);

		if (org->outlook.next_due_us <= now_us)
			act(runner, org->id, promote);
		else if (org->outlook.next_loss_us <= now_us)
			act(runner, org->id, reclaim);
	}
}

/* ---- the dispatcher: leases ---- */

/* With the lock held: the leases of one org, behind those of lower orgs. */
static size_t next_leases(const struct tb_runner *runner, uint32_t after,
			  uint32_t *ret_org, struct tb_job_lease *rets)
{
	uint32_t org = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < runner->n_workers; i++) {
		const struct worker *worker = &runner->workers[i];

		if (worker->has_lease && worker->lease.org > after &&
		    worker->lease.org < org)
			org = worker->lease.org;
	}
	for (size_t i = 0; i < runner->n_workers; i++) {
		const struct worker *worker = &runner->workers[i];

		if (worker->has_lease && worker->lease.org == org)
			rets[n++] = worker->lease;
	}
	*ret_org = org;
	return n;
}

/* With the lock held: whoever works under a lease that is lost gives up. */
static void end_lost(struct tb_runner *runner, const struct tb_job_lease *lost)
{
	for (size_t i = 0; i < runner->n_workers; i++) {
		struct worker *worker = &runner->workers[i];

		if (worker->has_lease && worker->lease.token == lost->token)
			tb_stop_set(&worker->stop);
	}
}

/* With the lock held, which is given up meanwhile. */
static void renew(struct tb_runner *runner)
{
	struct tb_job_lease leases[WORKERS_MAX];
	bool lost[WORKERS_MAX] = { false };
	int64_t lease_us = runner->options.lease_s * SECOND_US;
	uint32_t org = 0;
	size_t n;
	enum tb_err err;

	while ((n = next_leases(runner, org, &org, leases)) > 0) {
		pthread_mutex_unlock(&runner->lock);
		err = tb_job_renew(runner->core, org, leases, n, lease_us,
				   lost);
		if (err)
			complain(runner, "leases", err);
		pthread_mutex_lock(&runner->lock);
		for (size_t i = 0; !err && i < n; i++)
			if (lost[i])
				end_lost(runner, &leases[i]);
	}
	runner->renew_us = tb_clock_monotonic_us() + lease_us / RENEWALS;
}

/* ---- the dispatcher ---- */

/* With the lock held: how long nothing is to be done. */
static int64_t idle_us(const struct tb_runner *runner)
{
	int64_t now_us = tb_clock_monotonic_us();
	int64_t us = runner->renew_us - now_us;
	int64_t next_us = tb_board_next_us(&runner->board);

	if (runner->is_due && runner->not_before_us - now_us < us)
		us = runner->not_before_us - now_us;
	if (next_us == INT64_MAX)
		return us;
	next_us -= tb_core_now_us(runner->core);
	if (next_us > CLOCK_US)
		next_us = CLOCK_US;
	return next_us < us ? next_us : us;
}

static void *dispatch(void *arg)
{
	struct tb_runner *runner = arg;
	int64_t us;

	pthread_mutex_lock(&runner->lock);
	while (!runner->is_stopped) {
		us = idle_us(runner);
		if (us > 0) {
			tb_cond_wait_until(&runner->changed, &runner->lock,
					   tb_clock_monotonic_us() + us);
			continue;
		}
		if (runner->is_due &&
		    tb_clock_monotonic_us() >= runner->not_before_us)
			look_at_changed(runner);
		act_on_due(runner);
		if (tb_clock_monotonic_us() >= runner->renew_us)
			renew(runner);
	}
	pthread_mutex_unlock(&runner->lock);
	return NULL;
}

/* ---- beginning and end ---- */

/* Nobody else runs jobs of this store: what was active goes on here. */
static enum tb_err take_over(struct tb_runner *runner)
{
	struct tb_heads heads;
	uint32_t id = TB_ORG_SYSTEM;
	enum tb_err err = TB_OK;
	bool more;

	while (!err && tb_core_next_org(runner->core, id, &id, &heads)) {
		more = true;
		while (!err && more)
			err = tb_job_reclaim(runner->core, id, true, &more);
		if (!err && !tb_board_get(&runner->board, id))
			err = TB_ERR_NOMEM;
	}
	runner->is_due = true;
	return err;
}

static void destroy_arenas(struct worker *worker)
{
	tb_arena_destroy(worker->arenas[0]);
	tb_arena_destroy(worker->arenas[1]);
}

static enum tb_err start_worker(struct tb_runner *runner)
{
	struct worker *worker = &runner->workers[runner->n_workers];

	worker->runner = runner;
	worker->arenas[0] = tb_arena_create(ARENA_MAX_BYTES);
	worker->arenas[1] = tb_arena_create(ARENA_MAX_BYTES);
	if (!worker->arenas[0] || !worker->arenas[1] ||
	    pthread_create(&worker->thread, NULL, work, worker) != 0) {
		destroy_arenas(worker);
		return TB_ERR_NOMEM;
	}
	pthread_mutex_lock(&runner->lock);
	runner->n_workers++;
	pthread_mutex_unlock(&runner->lock);
	return TB_OK;
}

static enum tb_err start(struct tb_runner *runner)
{
	enum tb_err err = TB_OK;

	TB_ASSERT(runner->options.workers <= WORKERS_MAX);
	runner->arena = tb_arena_create(ARENA_MAX_BYTES);
	runner->workers = tb_calloc(runner->options.workers + 1,
				    sizeof(*runner->workers));
	if (!runner->arena || !runner->workers)
		return TB_ERR_NOMEM;
	if (runner->options.workers == 0)
		return TB_OK;
	err = take_over(runner);
	while (!err && runner->n_workers < runner->options.workers)
		err = start_worker(runner);
	if (!err &&
	    pthread_create(&runner->dispatcher, NULL, dispatch, runner) != 0)
		err = TB_ERR_NOMEM;
	if (err)
		return err;
	runner->has_dispatcher = true;
	tb_core_listen(runner->core, on_heads, runner);
	return TB_OK;
}

static void init_locks(struct tb_runner *runner)
{
	pthread_mutex_init(&runner->lock, NULL);
	pthread_cond_init(&runner->ready, NULL);
	pthread_cond_init(&runner->changed, NULL);
}

enum tb_err tb_runner_start(struct tb_core *core,
			    const struct tb_sources *sources,
			    const struct tb_runner_options *options,
			    tb_runner_log_fn *log, void *log_ctx,
			    struct tb_runner **ret)
{
	struct tb_runner *runner = tb_calloc(1, sizeof(*runner));
	enum tb_err err;

	if (!runner)
		return TB_ERR_NOMEM;
	runner->core = core;
	runner->sources = sources;
	runner->options = *options;
	runner->log = log;
	runner->log_ctx = log_ctx;
	init_locks(runner);
	err = start(runner);
	if (err)
		tb_runner_stop(runner);
	else
		*ret = runner;
	return err;
}

static void end_threads(struct tb_runner *runner)
{
	pthread_mutex_lock(&runner->lock);
	runner->is_stopped = true;
	for (size_t i = 0; i < runner->n_workers; i++)
		if (runner->workers[i].has_lease)
			tb_stop_set(&runner->workers[i].stop);
	pthread_cond_broadcast(&runner->ready);
	pthread_cond_broadcast(&runner->changed);
	pthread_mutex_unlock(&runner->lock);
	if (runner->has_dispatcher)
		pthread_join(runner->dispatcher, NULL);
	for (size_t i = 0; i < runner->n_workers; i++) {
		pthread_join(runner->workers[i].thread, NULL);
		destroy_arenas(&runner->workers[i]);
	}
}

void tb_runner_stop(struct tb_runner *runner)
{
	if (!runner)
		return;
	tb_core_listen_no_more(runner->core, runner);
	end_threads(runner);
	tb_board_fini(&runner->board);
	tb_free(runner->workers);
	tb_arena_destroy(runner->arena);
	pthread_cond_destroy(&runner->changed);
	pthread_cond_destroy(&runner->ready);
	pthread_mutex_destroy(&runner->lock);
	tb_free(runner);
}
