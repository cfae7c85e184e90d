/*
 * A loop does what other threads ask of it, all of it and in its order, however
 * much they ask while it is busy.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "hub/inner.h"

#define DEADLINE_S 30
/* More than a loop runs in a few turns. */
#define MANY 1000

struct asked;

/* What a loop has done, and how far it may go. */
struct asking {
	struct tb_hub *hub;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_begun;
	size_t n_done;
	size_t n_allowed; /* the loop waits at the one behind */
	bool is_mixed_up; /* it did not keep to the order */
};

struct asked {
	struct tb_command command;
	struct asking *asking;
	size_t number;
};

static void begin(struct asking *asking)
{
	const struct tb_hub_app app = { .ctx = NULL };
	struct tb_hub_options options = tb_hub_default_options;

	*asking = (struct asking) { .hub = NULL };
	options.loops = 1;
	pthread_mutex_init(&asking->lock, NULL);
	pthread_cond_init(&asking->changed, NULL);
	assert_int_equal(tb_hub_create(&options, &app, &asking->hub), TB_OK);
}

static void end(struct asking *asking)
{
	tb_hub_stop(asking->hub);
	tb_hub_destroy(asking->hub);
	pthread_cond_destroy(&asking->changed);
	pthread_mutex_destroy(&asking->lock);
}

static void run(struct tb_loop *loop, struct tb_command *command)
{
	struct asked *asked = (struct asked *)command;
	struct asking *asking = asked->asking;

	(void)loop;
	pthread_mutex_lock(&asking->lock);
	asking->is_mixed_up |= asked->number != asking->n_begun++;
	pthread_cond_broadcast(&asking->changed);
	while (asked->number >= asking->n_allowed)
		pthread_cond_wait(&asking->changed, &asking->lock);
	asking->n_done++;
	pthread_cond_broadcast(&asking->changed);
	pthread_mutex_unlock(&asking->lock);
}

static void ask(struct asking *asking, struct asked *all, size_t from,
		size_t to)
{
	for (size_t i = from; i < to; i++) {
		all[i] = (struct asked) { { .run = run }, asking, i };
		tb_loop_submit(&asking->hub->loops[0], &all[i].command);
	}
}

static void allow(struct asking *asking, size_t n)
{
	pthread_mutex_lock(&asking->lock);
	asking->n_allowed = n;
	pthread_cond_broadcast(&asking->changed);
	pthread_mutex_unlock(&asking->lock);
}

static void wait_for(struct asking *asking, const size_t *count, size_t n)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEADLINE_S;
	pthread_mutex_lock(&asking->lock);
	while (*count < n && rc == 0)
		rc = pthread_cond_timedwait(&asking->changed, &asking->lock,
					    &until);
	assert_int_equal(*count, n);
	pthread_mutex_unlock(&asking->lock);
}

/* What is asked for while the loop is in the middle of what it could not do in
 * one turn is done as well, though nothing else ever wakes it. */
static void what_is_asked_of_a_busy_loop_is_done(void **state)
{
	static struct asked all[MANY + 1];
	struct asking asking;

	(void)state;
	begin(&asking);
	for (size_t stop = 1; stop < MANY; stop += 1 + stop / 3) {
		asking.n_begun = asking.n_done = asking.n_allowed = 0;
		ask(&asking, all, 0, 1);
		wait_for(&asking, &asking.n_begun, 1);
		/* All at once, for its next turns. */
		ask(&asking, all, 1, MANY);
		allow(&asking, stop);
		wait_for(&asking, &asking.n_begun, stop + 1);
		ask(&asking, all, MANY, MANY + 1);
		allow(&asking, MANY + 1);
		wait_for(&asking, &asking.n_done, MANY + 1);
		assert_false(asking.is_mixed_up);
	}
	end(&asking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_of_a_busy_loop_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
