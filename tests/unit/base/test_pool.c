#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/pool.h"

#define WORKERS 4
#define ITEMS 20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t n_waiting;
static bool is_open;
static atomic_size_t n_done;

static void count(void *item)
{
	(void)item;
	atomic_fetch_add(&n_done, 1);
}

static void wait_at_gate(void *item)
{
	pthread_mutex_lock(&lock);
	n_waiting++;
	pthread_cond_broadcast(&changed);
	while (!is_open)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	count(item);
}

static int set_up(void **state)
{
	(void)state;
	n_waiting = 0;
	is_open = false;
	atomic_store(&n_done, 0);
	return 0;
}

static void await_waiting(size_t n)
{
	pthread_mutex_lock(&lock);
	while (n_waiting < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void open_gate(void)
{
	pthread_mutex_lock(&lock);
	is_open = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void items_that_block_spread_over_all_workers(void **state)
{
	struct tb_pool *pool;
	int i;

	(void)state;
	assert_int_equal(
		tb_pool_create(WORKERS, WORKERS, 0, wait_at_gate, &pool),
		TB_OK);
	for (i = 0; i < WORKERS; i++)
		assert_int_equal(tb_pool_submit(pool, pool), TB_OK);
	await_waiting(WORKERS);
	open_gate();
	tb_pool_destroy(pool);
	assert_int_equal(atomic_load(&n_done), WORKERS);
}

static void no_more_wait_than_may_and_those_are_run_at_the_end(void **state)
{
	struct tb_pool *pool;

	(void)state;
	assert_int_equal(tb_pool_create(1, 2, 1, wait_at_gate, &pool), TB_OK);
	assert_int_equal(tb_pool_submit(pool, pool), TB_OK);
	await_waiting(1);
	assert_int_equal(tb_pool_submit(pool, pool), TB_OK);
	assert_int_equal(tb_pool_submit(pool, pool), TB_OK);
	assert_int_equal(tb_pool_submit(pool, pool), TB_ERR_BUSY);
	open_gate();
	tb_pool_stop(pool);
	assert_int_equal(atomic_load(&n_done), 3);
	assert_int_equal(tb_pool_submit(pool, pool), TB_ERR_CLOSED);
	tb_pool_destroy(pool);
}

static void what_is_begun_has_places_of_its_own(void **state)
{
	struct tb_pool *pool;

	(void)state;
	assert_int_equal(tb_pool_create(1, 1, 1, wait_at_gate, &pool), TB_OK);
	assert_int_equal(tb_pool_submit(pool, pool), TB_OK);
	await_waiting(1);
	assert_int_equal(tb_pool_submit(pool, pool), TB_OK);
	assert_int_equal(tb_pool_submit(pool, pool), TB_ERR_BUSY);
	assert_int_equal(tb_pool_submit_again(pool, pool), TB_OK);
	assert_int_equal(tb_pool_submit_again(pool, pool), TB_ERR_BUSY);
	assert_int_equal(tb_pool_submit(pool, pool), TB_ERR_BUSY);
	open_gate();
	tb_pool_stop(pool);
	assert_int_equal(atomic_load(&n_done), 3);
	assert_int_equal(tb_pool_submit_again(pool, pool), TB_ERR_CLOSED);
	tb_pool_destroy(pool);
}

static void *submit_many(void *pool)
{
	int i;

	for (i = 0; i < ITEMS; i++)
		while (tb_pool_submit(pool, pool) == TB_ERR_BUSY)
			;
	return NULL;
}

static void each_item_is_run_once_whoever_submits_it(void **state)
{
	struct tb_pool *pool;
	pthread_t threads[2];
	size_t i;

	(void)state;
	assert_int_equal(tb_pool_create(WORKERS, 16, 0, count, &pool), TB_OK);
	for (i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, submit_many, pool),
			0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	tb_pool_destroy(pool);
	assert_int_equal(atomic_load(&n_done), 2 * ITEMS);
}

static void without_memory_there_is_no_pool(void **state)
{
	struct tb_pool *pool = NULL;
	uint64_t n;

	(void)state;
	for (n = 1; n <= 2; n++) {
		tb_alloc_fail_at(n);
		assert_int_equal(tb_pool_create(1, 1, 0, count, &pool),
				 TB_ERR_NOMEM);
		tb_alloc_fail_at(0);
		assert_null(pool);
	}
	tb_pool_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(items_that_block_spread_over_all_workers,
				       set_up),
		cmocka_unit_test_setup(
			no_more_wait_than_may_and_those_are_run_at_the_end,
			set_up),
		cmocka_unit_test_setup(what_is_begun_has_places_of_its_own,
				       set_up),
		cmocka_unit_test_setup(each_item_is_run_once_whoever_submits_it,
				       set_up),
		cmocka_unit_test_setup(without_memory_there_is_no_pool, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
