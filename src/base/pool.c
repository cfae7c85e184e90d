#include "base/pool.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/alloc.h"

/* Handlers wait for commits most of the time, so there are many workers; a
 * handler keeps what is large in its arena, not on the stack. */
#define STACK_BYTES (256 * 1024)

/*
 * To wake a thread costs more than many a handler. So at most one is being
 * woken at a time: it takes an item and, if more wait, wakes the next before
 * it begins. Short handlers are so run by few workers that stay awake, and
 * long ones spread over all of them.
 */
struct tb_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	void (*run)(void *item);
	void **items; /* a ring */
	size_t items_max;
	size_t reserve; /* of these */
	size_t first;
	size_t n_items;
	size_t n_asleep;
	bool is_waking;
	bool is_stopped;
	size_t n_threads;
	pthread_t threads[];
};

/* With the lock held. True: the caller signals once it has given it up. */
static bool wants_waking(struct tb_pool *pool)
{
	if (pool->n_items == 0 || pool->n_asleep == 0 || pool->is_waking)
		return false;
	pool->is_waking = true;
	return true;
}

/* Waits for an item; false: the pool is stopped and nothing is left. */
static bool take(struct tb_pool *pool, void **ret_item)
{
	bool is_there, wakes;

	pthread_mutex_lock(&pool->lock);
	while (pool->n_items == 0 && !pool->is_stopped) {
		pool->n_asleep++;
		pthread_cond_wait(&pool->wake, &pool->lock);
		pool->n_asleep--;
		pool->is_waking = false;
	}
	is_there = pool->n_items > 0;
	if (is_there) {
		*ret_item = pool->items[pool->first];
		pool->first = (pool->first + 1) % pool->items_max;
		pool->n_items--;
	}
	wakes = wants_waking(pool);
	pthread_mutex_unlock(&pool->lock);
	if (wakes)
		pthread_cond_signal(&pool->wake);
	return is_there;
}

static void *work(void *arg)
{
	struct tb_pool *pool = arg;
	void *item;

	while (take(pool, &item))
		pool->run(item);
	return NULL;
}

static enum tb_err start_threads(struct tb_pool *pool, size_t n)
{
	pthread_attr_t attr;
	enum tb_err err = TB_OK;

	if (pthread_attr_init(&attr) != 0)
		return TB_ERR_NOMEM;
	if (pthread_attr_setstacksize(&attr, STACK_BYTES) != 0)
		err = TB_ERR_INVALID;
	while (!err && pool->n_threads < n) {
		if (pthread_create(&pool->threads[pool->n_threads], &attr, work,
				   pool) != 0)
			err = TB_ERR_NOMEM;
		else
			pool->n_threads++;
	}
	pthread_attr_destroy(&attr);
	return err;
}

enum tb_err tb_pool_create(size_t workers, size_t queue_max, size_t reserve,
			   void (*run)(void *item), struct tb_pool **ret)
{
	struct tb_pool *pool =
		tb_calloc(1, sizeof(*pool) + workers * sizeof(pthread_t));
	enum tb_err err = TB_ERR_NOMEM;

	if (!pool)
		return TB_ERR_NOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->run = run;
	pool->items_max = queue_max + reserve;
	pool->reserve = reserve;
	pool->items = tb_calloc(pool->items_max, sizeof(*pool->items));
	if (pool->items)
		err = start_threads(pool, workers);
	if (err)
		tb_pool_destroy(pool);
	else
		*ret = pool;
	return err;
}

void tb_pool_stop(struct tb_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->is_stopped = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	while (pool->n_threads > 0)
		pthread_join(pool->threads[--pool->n_threads], NULL);
}

void tb_pool_destroy(struct tb_pool *pool)
{
	if (!pool)
		return;
	tb_pool_stop(pool);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	tb_free(pool->items);
	tb_free(pool);
}

static enum tb_err submit(struct tb_pool *pool, void *item, size_t n_max)
{
	enum tb_err err = TB_OK;
	bool wakes;

	pthread_mutex_lock(&pool->lock);
	if (pool->is_stopped) {
		err = TB_ERR_CLOSED;
	} else if (pool->n_items >= n_max) {
		err = TB_ERR_BUSY;
	} else {
		pool->items[(pool->first + pool->n_items) % pool->items_max] =
			item;
		pool->n_items++;
	}
	wakes = wants_waking(pool);
	pthread_mutex_unlock(&pool->lock);
	if (wakes)
		pthread_cond_signal(&pool->wake);
	return err;
}

enum tb_err tb_pool_submit(struct tb_pool *pool, void *item)
{
	return submit(pool, item, pool->items_max - pool->reserve);
}

enum tb_err tb_pool_submit_again(struct tb_pool *pool, void *item)
{
	return submit(pool, item, pool->items_max);
}
