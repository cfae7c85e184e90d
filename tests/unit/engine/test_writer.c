/*
 * The writer: what it runs as one group, on whose thread, in which order, whom
 * it refuses, that it runs one group at a time, and that stopping loses
 * nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* The module itself, to see how many wait. */
#include "engine/writer.c"

#define SUBMITTERS 16
#define GROUPS_MAX 64
#define STORM_THREADS 8
#define STORM_COMMITS 2000
#define STOP_ROUNDS 300

/* Groups as they were run; the first is held until the gate opens. */
struct scene {
	struct tb_writer_thread *writer;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t cond;
	bool gate_open;
	size_t n_groups;
	size_t sizes[GROUPS_MAX];
	size_t weights[GROUPS_MAX];
	size_t n_run;
	struct tb_commit *order[GROUPS_MAX];
	pthread_t runners[GROUPS_MAX];
};

struct submitter {
	struct scene *scene;
	pthread_t thread;
	struct tb_commit commit;
};

static void run_group(void *ctx, struct tb_commit **commits, size_t n)
{
	struct scene *scene = ctx;
	size_t group;

	pthread_mutex_lock(&scene->lock);
	group = scene->n_groups++;
	assert_true(group < GROUPS_MAX);
	scene->sizes[group] = n;
	scene->runners[group] = pthread_self();
	for (size_t i = 0; i < n; i++) {
		scene->weights[group] += commits[i]->weight;
		scene->order[scene->n_run++] = commits[i];
		commits[i]->err = TB_OK;
	}
	pthread_cond_broadcast(&scene->cond);
	while (!scene->gate_open)
		pthread_cond_wait(&scene->cond, &scene->lock);
	pthread_mutex_unlock(&scene->lock);
}

static void open_scene(struct scene *scene, struct tb_writer_options options)
{
	*scene = (struct scene) { .lock = PTHREAD_MUTEX_INITIALIZER,
				  .cond = PTHREAD_COND_INITIALIZER };
	options.run = run_group;
	options.ctx = scene;
	assert_int_equal(tb_writer_start(&options, &scene->writer), TB_OK);
}

static void open_gate(struct scene *scene)
{
	pthread_mutex_lock(&scene->lock);
	scene->gate_open = true;
	pthread_cond_broadcast(&scene->cond);
	pthread_mutex_unlock(&scene->lock);
}

static void *submit_one(void *arg)
{
	struct submitter *submitter = arg;

	tb_writer_submit(submitter->scene->writer, &submitter->commit);
	return NULL;
}

static void start(struct scene *scene, struct submitter *s, size_t weight)
{
	s->scene = scene;
	s->commit =
		(struct tb_commit) { .weight = weight, .err = TB_ERR_CORRUPT };
	assert_int_equal(pthread_create(&s->thread, NULL, submit_one, s), 0);
}

/* Until the first group is being run, behind which the others line up. */
static void await_first(struct scene *scene)
{
	pthread_mutex_lock(&scene->lock);
	while (scene->n_groups == 0)
		pthread_cond_wait(&scene->cond, &scene->lock);
	pthread_mutex_unlock(&scene->lock);
}

static void await_waiting(struct scene *scene, size_t n)
{
	size_t waiting;

	do {
		sched_yield();
		pthread_mutex_lock(&scene->writer->lock);
		waiting = scene->writer->n_waiting;
		pthread_mutex_unlock(&scene->writer->lock);
	} while (waiting < n);
}

static void join(struct submitter *s, enum tb_err expected)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	assert_int_equal(s->commit.err, expected);
}

static void test_what_waits_is_run_as_one_group_in_order(void **state)
{
	struct submitter s[SUBMITTERS];
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct tb_writer_options) { .group_max = 10,
							.weight_max = 1000,
							.queue_max = 100 });
	start(&scene, &s[0], 1);
	await_first(&scene);
	for (size_t i = 1; i < SUBMITTERS; i++) {
		start(&scene, &s[i], 1);
		await_waiting(&scene, i);
	}
	open_gate(&scene);
	for (size_t i = 0; i < SUBMITTERS; i++)
		join(&s[i], TB_OK);
	tb_writer_stop(scene.writer);
	assert_int_equal(scene.n_groups, 3);
	assert_int_equal(scene.sizes[1], 10);
	assert_int_equal(scene.sizes[2], 5);
	for (size_t i = 0; i < SUBMITTERS; i++)
		assert_ptr_equal(scene.order[i], &s[i].commit);
}

static void test_a_group_is_as_heavy_as_it_may_be(void **state)
{
	static const size_t weights[] = { 1, 4, 6, 25, 3 };
	struct submitter s[TB_ARRAY_LEN(weights)];
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct tb_writer_options) { .group_max = 10,
							.weight_max = 10,
							.queue_max = 100 });
	for (size_t i = 0; i < TB_ARRAY_LEN(weights); i++) {
		start(&scene, &s[i], weights[i]);
		if (i == 0)
			await_first(&scene);
		await_waiting(&scene, i);
	}
	open_gate(&scene);
	for (size_t i = 0; i < TB_ARRAY_LEN(weights); i++)
		join(&s[i], TB_OK);
	tb_writer_stop(scene.writer);
	/* One that is over the ceiling by itself is run alone. */
	assert_int_equal(scene.n_groups, 4);
	assert_int_equal(scene.weights[1], 10);
	assert_int_equal(scene.weights[2], 25);
	assert_int_equal(scene.weights[3], 3);
}

static void test_over_its_queue_it_is_busy_at_once(void **state)
{
	struct submitter s[4];
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct tb_writer_options) { .group_max = 10,
							.weight_max = 10,
							.queue_max = 2 });
	start(&scene, &s[0], 1);
	await_first(&scene);
	start(&scene, &s[1], 1);
	start(&scene, &s[2], 1);
	await_waiting(&scene, 2);
	start(&scene, &s[3], 1);
	join(&s[3], TB_ERR_BUSY);
	open_gate(&scene);
	for (size_t i = 0; i < 3; i++)
		join(&s[i], TB_OK);
	tb_writer_stop(scene.writer);
	assert_int_equal(scene.n_run, 3);
}

static void test_stopping_runs_what_waits(void **state)
{
	struct submitter s[3];
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct tb_writer_options) { .group_max = 1,
							.weight_max = 10,
							.queue_max = 10 });
	start(&scene, &s[0], 1);
	await_first(&scene);
	start(&scene, &s[1], 1);
	start(&scene, &s[2], 1);
	await_waiting(&scene, 2);
	open_gate(&scene);
	tb_writer_stop(scene.writer);
	assert_int_equal(scene.n_run, 3);
	for (size_t i = 0; i < 3; i++)
		join(&s[i], TB_OK);
}

static void test_a_lone_commit_runs_on_its_submitters_thread(void **state)
{
	struct submitter s[2];
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct tb_writer_options) { .group_max = 10,
							.weight_max = 10,
							.queue_max = 10 });
	start(&scene, &s[0], 1);
	await_first(&scene);
	start(&scene, &s[1], 1);
	await_waiting(&scene, 1);
	open_gate(&scene);
	join(&s[0], TB_OK);
	join(&s[1], TB_OK);
	assert_int_equal(scene.n_groups, 2);
	assert_true(pthread_equal(scene.runners[0], s[0].thread));
	assert_true(pthread_equal(scene.runners[1], scene.writer->thread));
	tb_writer_stop(scene.writer);
}

static void set_running(struct tb_writer_thread *writer, bool running)
{
	pthread_mutex_lock(&writer->lock);
	writer->running = running;
	pthread_mutex_unlock(&writer->lock);
}

/* Until so many wait; false: the thread was first. */
static bool await_waiting_or_run(struct scene *scene, size_t n)
{
	size_t waiting = 0;
	size_t groups = 0;

	while (waiting < n && groups == 0) {
		sched_yield();
		pthread_mutex_lock(&scene->writer->lock);
		waiting = scene->writer->n_waiting;
		pthread_mutex_unlock(&scene->writer->lock);
		pthread_mutex_lock(&scene->lock);
		groups = scene->n_groups;
		pthread_mutex_unlock(&scene->lock);
	}
	return groups == 0;
}

/* The moment between the end of one that ran alone and the thread's turn. Where
 * the thread has its turn by itself, because it has only begun, there is no
 * such moment: false. */
static bool is_nobody_overtaken(void)
{
	struct submitter s[2];
	struct scene scene;
	bool was_there;

	open_scene(&scene, (struct tb_writer_options) { .group_max = 10,
							.weight_max = 10,
							.queue_max = 10 });
	open_gate(&scene);
	set_running(scene.writer, true);
	start(&scene, &s[0], 1);
	await_waiting(&scene, 1);
	set_running(scene.writer, false);
	start(&scene, &s[1], 1);
	was_there = await_waiting_or_run(&scene, 2);
	tb_writer_stop(scene.writer);
	join(&s[0], TB_OK);
	join(&s[1], TB_OK);
	assert_ptr_equal(scene.order[0], &s[0].commit);
	assert_ptr_equal(scene.order[1], &s[1].commit);
	if (was_there)
		assert_int_equal(scene.n_groups, 1);
	return was_there;
}

static void test_nobody_overtakes_who_waits(void **state)
{
	(void)state;
	while (!is_nobody_overtaken())
		continue;
}

/* Commits from many threads. Only `running` and `n_seen` are atomic: the
 * writer alone has to keep the runs apart. */
struct storm {
	struct tb_writer_thread *writer;
	atomic_int running;
	atomic_size_t n_seen; /* handed to a run so far */
	size_t n_run;
};

struct drop {
	struct tb_commit commit; /* first, so that one is the other */
	unsigned times;
};

static void run_storm(void *ctx, struct tb_commit **commits, size_t n)
{
	struct storm *storm = ctx;

	TB_ASSERT(atomic_fetch_add(&storm->running, 1) == 0);
	atomic_fetch_add(&storm->n_seen, n);
	for (size_t i = 0; i < n; i++) {
		((struct drop *)commits[i])->times++;
		storm->n_run++;
		if (storm->n_run % 3 == 0)
			sched_yield();
		commits[i]->err = TB_OK;
	}
	TB_ASSERT(atomic_fetch_sub(&storm->running, 1) == 1);
}

static void open_storm(struct storm *storm)
{
	struct tb_writer_options options = {
		.run = run_storm,
		.ctx = storm,
		.group_max = 3,
		.weight_max = 100,
		.queue_max = STORM_THREADS,
	};

	*storm = (struct storm) { 0 };
	assert_int_equal(tb_writer_start(&options, &storm->writer), TB_OK);
}

static void submit_drop(struct storm *storm)
{
	struct drop drop = { .commit = { .weight = 1, .err = TB_ERR_CORRUPT } };

	tb_writer_submit(storm->writer, &drop.commit);
	TB_ASSERT(drop.commit.err == TB_OK);
	TB_ASSERT(drop.times == 1);
}

static void *submit_many(void *arg)
{
	for (int i = 0; i < STORM_COMMITS; i++)
		submit_drop(arg);
	return NULL;
}

static void *submit_a_drop(void *arg)
{
	submit_drop(arg);
	return NULL;
}

static void start_all(struct storm *storm, pthread_t *threads,
		      void *(*submit)(void *))
{
	for (size_t i = 0; i < STORM_THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, submit, storm), 0);
}

static void join_all(pthread_t *threads)
{
	for (size_t i = 0; i < STORM_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void test_many_threads_commits_run_once_each_one_at_a_time(void **state)
{
	pthread_t threads[STORM_THREADS];
	struct storm storm;

	(void)state;
	open_storm(&storm);
	start_all(&storm, threads, submit_many);
	join_all(threads);
	tb_writer_stop(storm.writer);
	assert_int_equal(storm.n_run, STORM_THREADS * STORM_COMMITS);
}

/* Until every submitter was at least taken in. What moves from the queue to a
 * run between the two looks is counted once or not at all. */
static void await_inside(struct storm *storm)
{
	size_t inside;

	do {
		sched_yield();
		inside = atomic_load(&storm->n_seen);
		pthread_mutex_lock(&storm->writer->lock);
		inside += storm->writer->n_waiting;
		pthread_mutex_unlock(&storm->writer->lock);
	} while (inside < STORM_THREADS);
}

static void test_stopping_amid_submitters_loses_none(void **state)
{
	pthread_t threads[STORM_THREADS];
	struct storm storm;

	(void)state;
	for (int i = 0; i < STOP_ROUNDS; i++) {
		open_storm(&storm);
		start_all(&storm, threads, submit_a_drop);
		await_inside(&storm);
		tb_writer_stop(storm.writer);
		assert_int_equal(storm.n_run, STORM_THREADS);
		join_all(threads);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_waits_is_run_as_one_group_in_order),
		cmocka_unit_test(test_a_group_is_as_heavy_as_it_may_be),
		cmocka_unit_test(test_over_its_queue_it_is_busy_at_once),
		cmocka_unit_test(test_stopping_runs_what_waits),
		cmocka_unit_test(
			test_a_lone_commit_runs_on_its_submitters_thread),
		cmocka_unit_test(test_nobody_overtakes_who_waits),
		cmocka_unit_test(
			test_many_threads_commits_run_once_each_one_at_a_time),
		cmocka_unit_test(test_stopping_amid_submitters_loses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
