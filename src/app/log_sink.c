#include "app/log_sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"

#define WAITING_MAX_BYTES ((size_t)1 << 20)
/* Of the line that tells of lost ones, which has room of its own. */
#define LOST_LINE_MAX_BYTES 256
/* So long lines gather before they are written. */
#define GATHER_US 2000
/* How long the last lines may take. */
#define STOP_MAX_US 1000000
/* How often it is looked whether that time is over. */
#define TICK_MS 50

struct tb_log_sink {
	int fd;
	tb_log_sink_lost_fn *put_lost;
	pthread_t thread;
	_Atomic int64_t give_up_us; /* monotonic; INT64_MAX: not yet known */
	pthread_mutex_t lock;       /* of what follows */
	pthread_cond_t filled;
	struct tb_buf waiting;
	int64_t n_lost; /* behind what waits */
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

/* Waits until a write would not. False: the time is over. */
static bool await_room(struct tb_log_sink *sink)
{
	struct pollfd fd = { .fd = sink->fd, .events = POLLOUT };

	while (poll(&fd, 1, TICK_MS) <= 0) {
		if (tb_clock_monotonic_us() >= atomic_load(&sink->give_up_us))
			return false;
	}
	return true;
}

/* In parts that a pipe with any room takes whole, because a write that blocks
 * could not be ended. */
static void write_in_time(struct tb_log_sink *sink, struct tb_str lines)
{
	while (lines.n > 0 && await_room(sink)) {
		size_t n = lines.n < PIPE_BUF ? lines.n : PIPE_BUF;

		tb_log_sink_write(sink->fd, tb_str(lines.p, n));
		lines = tb_str(lines.p + n, lines.n - n);
	}
}

/* Tells of what was lost behind `lines`. Without memory it is told later. */
static void append_lost(struct tb_log_sink *sink, struct tb_buf *lines)
{
	size_t n = lines->n;

	if (sink->n_lost == 0)
		return;
	sink->put_lost(lines, sink->n_lost);
	if (!lines->err) {
		sink->n_lost = 0;
		return;
	}
	lines->n = n;
	lines->err = TB_OK;
}

/* Takes what waits, once there is something; false: nothing ever will be. */
static bool take(struct tb_log_sink *sink, struct tb_buf *lines)
{
	struct tb_buf empty = *lines;
	bool is_over;

	pthread_mutex_lock(&sink->lock);
	while (sink->waiting.n == 0 && sink->n_lost == 0 && !sink->stop)
		pthread_cond_wait(&sink->filled, &sink->lock);
	if (!sink->stop) {
		pthread_mutex_unlock(&sink->lock);
		usleep(GATHER_US);
		pthread_mutex_lock(&sink->lock);
	}
	*lines = sink->waiting;
	sink->waiting = empty;
	append_lost(sink, lines);
	is_over = sink->stop && lines->n == 0;
	pthread_mutex_unlock(&sink->lock);
	return !is_over;
}

static void *run(void *arg)
{
	struct tb_log_sink *sink = arg;
	struct tb_buf lines;

	tb_buf_init(&lines, WAITING_MAX_BYTES + LOST_LINE_MAX_BYTES);
	while (take(sink, &lines)) {
		write_in_time(sink, tb_buf_str(&lines));
		tb_buf_reset(&lines);
	}
	tb_buf_fini(&lines);
	return NULL;
}

enum tb_err tb_log_sink_create(int fd, tb_log_sink_lost_fn *put_lost,
			       struct tb_log_sink **ret)
{
	struct tb_log_sink *sink = tb_calloc(1, sizeof(*sink));

	if (!sink)
		return TB_ERR_NOMEM;
	sink->fd = fd;
	sink->put_lost = put_lost;
	atomic_init(&sink->give_up_us, INT64_MAX);
	tb_buf_init(&sink->waiting, WAITING_MAX_BYTES + LOST_LINE_MAX_BYTES);
	TB_ASSERT(!pthread_mutex_init(&sink->lock, NULL));
	TB_ASSERT(!pthread_cond_init(&sink->filled, NULL));
	if (!pthread_create(&sink->thread, NULL, run, sink)) {
		*ret = sink;
		return TB_OK;
	}
	pthread_cond_destroy(&sink->filled);
	pthread_mutex_destroy(&sink->lock);
	tb_free(sink);
	return TB_ERR_NOMEM;
}

void tb_log_sink_destroy(struct tb_log_sink *sink)
{
	if (!sink)
		return;
	atomic_store(&sink->give_up_us, tb_clock_monotonic_us() + STOP_MAX_US);
	pthread_mutex_lock(&sink->lock);
	sink->stop = true;
	pthread_cond_signal(&sink->filled);
	pthread_mutex_unlock(&sink->lock);
	pthread_join(sink->thread, NULL);
	tb_buf_fini(&sink->waiting);
	pthread_cond_destroy(&sink->filled);
	pthread_mutex_destroy(&sink->lock);
	tb_free(sink);
}

/* Behind a lost line all are, until the thread has told of it, so that it is
 * told in its place. False: lost. */
static bool append(struct tb_log_sink *sink, struct tb_str line)
{
	bool is_lost;

	if (sink->n_lost > 0 || line.n > WAITING_MAX_BYTES - sink->waiting.n)
		return false;
	tb_buf_append_str(&sink->waiting, line);
	is_lost = sink->waiting.err != TB_OK;
	sink->waiting.err = TB_OK;
	return !is_lost;
}

void tb_log_sink_put(struct tb_log_sink *sink, struct tb_str line)
{
	bool was_empty;

	pthread_mutex_lock(&sink->lock);
	was_empty = sink->waiting.n == 0;
	if (!append(sink, line))
		sink->n_lost++;
	/* The thread sleeps only while there is nothing. */
	if (was_empty)
		pthread_cond_signal(&sink->filled);
	pthread_mutex_unlock(&sink->lock);
}
