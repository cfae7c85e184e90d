#include "http/pool.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/queue.h"

/* Handlers wait for commits most of the time, so there are many workers; a
 * handler keeps what is large in its arena, not on the stack. */
#define STACK_BYTES (256 * 1024)

struct tb_pool {
	struct tb_queue *queue;
	void (*run)(void *item);
	size_t n_threads;
	pthread_t threads[];
};

static void *work(void *arg)
{
	struct tb_pool *pool = arg;
	void *item;

	while (!tb_queue_pop(pool->queue, -1, &item))
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

enum tb_err tb_pool_create(size_t workers, size_t queue_max,
			   void (*run)(void *item), struct tb_pool **ret)
{
	struct tb_pool *pool =
		tb_calloc(1, sizeof(*pool) + workers * sizeof(pthread_t));
	enum tb_err err = TB_ERR_NOMEM;

	if (!pool)
		return TB_ERR_NOMEM;
	pool->run = run;
	pool->queue = tb_queue_create(queue_max);
	if (pool->queue)
		err = start_threads(pool, workers);
	if (err)
		tb_pool_destroy(pool);
	else
		*ret = pool;
	return err;
}

void tb_pool_stop(struct tb_pool *pool)
{
	tb_queue_close(pool->queue);
	while (pool->n_threads > 0)
		pthread_join(pool->threads[--pool->n_threads], NULL);
}

void tb_pool_destroy(struct tb_pool *pool)
{
	if (!pool)
		return;
	if (pool->queue)
		tb_pool_stop(pool);
	tb_queue_destroy(pool->queue);
	tb_free(pool);
}

enum tb_err tb_pool_submit(struct tb_pool *pool, void *item)
{
	return tb_queue_push(pool->queue, item);
}
