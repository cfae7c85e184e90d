/*
 * The bounded pool of worker threads: what may block runs here.
 */
#ifndef TB_BASE_POOL_H
#define TB_BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

struct tb_pool;

/* `run` is called on a worker with each submitted item. At most `queue_max`
 * items wait, and `reserve` more of those that were begun. NOMEM, also when
 * the threads cannot be started. */
enum tb_err tb_pool_create(size_t workers, size_t queue_max, size_t reserve,
			   void (*run)(void *item),
			   struct tb_pool **ret) tb_must_check;
/* Runs what waits, then ends the threads; from now on submit says CLOSED. */
void tb_pool_stop(struct tb_pool *pool);
/* Stops it if nobody has. Takes NULL. */
void tb_pool_destroy(struct tb_pool *pool);
/* Never waits. BUSY: as many wait as may. */
enum tb_err tb_pool_submit(struct tb_pool *pool, void *item) tb_must_check;
/* The same for an item that was run before and is to go on: it may take a
 * place in the reserve, so that load refuses the new and not what is begun. */
enum tb_err tb_pool_submit_again(struct tb_pool *pool,
				 void *item) tb_must_check;

#endif
