/*
 * A flag that ends what several threads do, and wakes those that wait.
 * Thread-safe.
 */
#ifndef TB_JOBS_STOP_H
#define TB_JOBS_STOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tb_stop {
	atomic_bool is_set; /* read by anybody, set under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

void tb_stop_init(struct tb_stop *stop);
/* Nobody may wait. */
void tb_stop_fini(struct tb_stop *stop);
/* For good; whoever waits is woken. */
void tb_stop_set(struct tb_stop *stop);
/* Waits for so long (not at all: 0 or less), or until it is set. True: it is.
 */
bool tb_stop_wait(struct tb_stop *stop, int64_t us);

#endif
