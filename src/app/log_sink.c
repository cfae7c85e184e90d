#include "app/log_sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"

#define WAITING_MAX_BYTES ((size_t)1 << 20)
/* So long lines gather before they are written. */
#define GATHER_US 2000

struct tb_log_sink {
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t filled;
	pthread_cond_t emptied;
	struct tb_buf waiting;
	bool stop;
};

void tb_log_sink_write(int fd, struct tb_str lines)
{
	while (lines.n > 0) {
		ssize_t n = write(fd, lines.p, lines.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		lines = tb_str(lines.p + n, lines.n - (size_t)n);
	}
}

/* Takes what waits, once there is something; false: nothing ever will be. */
static bool take(struct tb_log_sink *sink, struct tb_buf *lines)
{
	struct tb_buf empty = *lines;

	pthread_mutex_lock(&sink->lock);
	while (sink->waiting.n == 0 && !sink->stop)
		pthread_cond_wait(&sink->filled, &sink->lock);
	if (!sink->stop) {
		pthread_mutex_unlock(&sink->lock);
		usleep(GATHER_US);
		pthread_mutex_lock(&sink->lock);
	}
	*lines = sink->waiting;
	sink->waiting = empty;
	pthread_cond_broadcast(&sink->emptied);
	pthread_mutex_unlock(&sink->lock);
	return lines->n > 0;
}

static void *run(void *arg)
{
	struct tb_log_sink *sink = arg;
	struct tb_buf lines;

	tb_buf_init(&lines, WAITING_MAX_BYTES);
	while (take(sink, &lines)) {
		tb_log_sink_write(sink->fd, tb_buf_str(&lines));
		tb_buf_reset(&lines);
	}
	tb_buf_fini(&lines);
	return NULL;
}

enum tb_err tb_log_sink_create(int fd, struct tb_log_sink **ret)
{
	struct tb_log_sink *sink = tb_calloc(1, sizeof(*sink));

	if (!sink)
		return TB_ERR_NOMEM;
	sink->fd = fd;
	tb_buf_init(&sink->waiting, WAITING_MAX_BYTES);
	TB_ASSERT(!pthread_mutex_init(&sink->lock, NULL));
	TB_ASSERT(!pthread_cond_init(&sink->filled, NULL));
	TB_ASSERT(!pthread_cond_init(&sink->emptied, NULL));
	if (!pthread_create(&sink->thread, NULL, run, sink)) {
		*ret = sink;
		return TB_OK;
	}
	pthread_cond_destroy(&sink->emptied);
	pthread_cond_destroy(&sink->filled);
	pthread_mutex_destroy(&sink->lock);
	tb_free(sink);
	return TB_ERR_NOMEM;
}

void tb_log_sink_destroy(struct tb_log_sink *sink)
{
	if (!sink)
		return;
	pthread_mutex_lock(&sink->lock);
	sink->stop = true;
	pthread_cond_signal(&sink->filled);
	pthread_mutex_unlock(&sink->lock);
	pthread_join(sink->thread, NULL);
	tb_buf_fini(&sink->waiting);
	pthread_cond_destroy(&sink->emptied);
	pthread_cond_destroy(&sink->filled);
	pthread_mutex_destroy(&sink->lock);
	tb_free(sink);
}

void tb_log_sink_put(struct tb_log_sink *sink, struct tb_str lines)
{
	TB_ASSERT(lines.n <= WAITING_MAX_BYTES);
	pthread_mutex_lock(&sink->lock);
	while (lines.n > WAITING_MAX_BYTES - sink->waiting.n)
		pthread_cond_wait(&sink->emptied, &sink->lock);
	/* The thread sleeps only while there is nothing. */
	if (sink->waiting.n == 0)
		pthread_cond_signal(&sink->filled);
	tb_buf_append_str(&sink->waiting, lines);
	/* Without memory the line is lost, and no more than that. */
	sink->waiting.err = TB_OK;
	pthread_mutex_unlock(&sink->lock);
}
