#include "server_later.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"
#include "http/later.h"
#include "server_sources.h"

#define BODY_MAX (64u << 20)
#define FDS_MAX 16384
#define PIECE_BYTES 65536

/* Somebody who waits for an answer. */
struct waiter {
	struct tb_later later;
	struct tb_resting *resting;
	struct waiter *next;
	bool is_at_once;
	bool takes_over;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct waiter *waiting;
	struct waiter *released;
	bool is_open;
	bool is_stopped;
	pthread_t answerer;
	pthread_t echoer;
	int epoll_fd;
	int stop_fd;
	atomic_bool is_taken[FDS_MAX]; /* by descriptor */
	/* Each that was made has begun or was cancelled; each that has begun
	 * is answered in the end. */
	atomic_uint n_made;
	atomic_uint n_begun;
	atomic_uint n_answered;
	atomic_uint n_cancelled;
	/* Each that was offered was taken or was cancelled, too; each that was
	 * taken is closed in the end. */
	atomic_uint n_offered;
	atomic_uint n_taken;
	atomic_uint n_untaken;
	atomic_uint n_closed;
	atomic_uint n_late; /* handlers that waited */
} all = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static const struct {
	const char *name;
	atomic_uint *count;
} counts[] = {
	{ "made", &all.n_made },         { "begun", &all.n_begun },
	{ "answered", &all.n_answered }, { "cancelled", &all.n_cancelled },
	{ "offered", &all.n_offered },   { "taken", &all.n_taken },
	{ "untaken", &all.n_untaken },   { "closed", &all.n_closed },
	{ "late", &all.n_late },
};

static void count(atomic_uint *n)
{
	atomic_fetch_add(n, 1);
}

/* --- connections that leave HTTP -----------------------------------------*/

static void close_taken(int fd)
{
	atomic_store(&all.is_taken[fd], false);
	close(fd);
	count(&all.n_closed);
}

static void send_all(int fd, const char *p, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (n > 0 && poll(&room, 1, -1) == 1) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0)
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static void echo_taken(int fd)
{
	static char piece[PIECE_BYTES];
	ssize_t n = recv(fd, piece, sizeof(piece), 0);

	if (n > 0 && !tb_str_eq(tb_str(piece, (size_t)n), TB_STR("bye")))
		send_all(fd, piece, (size_t)n);
	else
		close_taken(fd);
}

static void *echo_all(void *arg)
{
	struct epoll_event event = { .data.fd = -1 };

	(void)arg;
	while (event.data.fd != all.stop_fd) {
		if (epoll_wait(all.epoll_fd, &event, 1, -1) == 1 &&
		    event.data.fd != all.stop_fd)
			echo_taken(event.data.fd);
	}
	return NULL;
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	TB_ASSERT(epoll_ctl(all.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void take(struct tb_takeover *takeover, int fd, struct tb_str early)
{
	tb_free(takeover);
	count(&all.n_taken);
	TB_ASSERT(fd < FDS_MAX);
	send_all(fd, "<", 1);
	send_all(fd, early.p, early.n);
	send_all(fd, ">", 1);
	atomic_store(&all.is_taken[fd], true);
	watch(fd);
}

static void leave(struct tb_takeover *takeover)
{
	tb_free(takeover);
	count(&all.n_untaken);
}

void later_take(void *state, const struct tb_request *req,
		struct tb_response *res)
{
	struct tb_str protocol = tb_request_header(req, "Upgrade");
	struct tb_takeover *takeover;

	(void)state;
	if (!protocol.p) {
		tb_response_error(res, req, 426, NULL, TB_STR("to what?"));
		return;
	}
	takeover = tb_malloc(sizeof(*takeover));
	if (!takeover || tb_response_header(res, "Upgrade", protocol)) {
		tb_free(takeover);
		tb_response_fail(res, req, TB_ERR_NOMEM);
		return;
	}
	*takeover = (struct tb_takeover) { .take = take, .cancel = leave };
	count(&all.n_offered);
	tb_response_takeover(res, takeover);
}

bool later_take_quick(void *state, const struct tb_request *req,
		      struct tb_response *res)
{
	later_take(state, req, res);
	return true;
}

/* --- answers that are made later -----------------------------------------*/

static void fill(const struct tb_request *req, struct tb_response *res)
{
	uint64_t n = 0, source = 0, err = 0;
	struct tb_buf buf;

	if (tb_request_query_u64(req, "n", 0, &n) ||
	    tb_request_query_u64(req, "source", 0, &source) ||
	    tb_request_query_u64(req, "err", 0, &err))
		err = TB_ERR_INVALID;
	if (err) {
		tb_response_fail(res, req, (enum tb_err)err);
		return;
	}
	if (source) {
		sources_get(NULL, req, res);
		return;
	}
	tb_buf_init(&buf, BODY_MAX);
	tb_buf_append_str(&buf, req->body);
	while (buf.n < n && !tb_buf_err(&buf))
		tb_buf_append_char(&buf, (char)('a' + buf.n % 7));
	tb_response_written(res, req, 200, TB_JSON_TYPE, &buf);
}

static void answer(struct waiter *waiter)
{
	struct tb_resting *resting = waiter->resting;
	const struct tb_request *req = tb_resting_request(resting);
	struct tb_response *res = tb_resting_response(resting);

	if (waiter->takes_over)
		later_take(NULL, req, res);
	else
		fill(req, res);
	tb_free(waiter);
	count(&all.n_answered);
	tb_resting_answer(resting);
}

static void *answer_all(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&all.lock);
	while (all.released || !all.is_stopped) {
		struct waiter *waiter = all.released;

		if (!waiter) {
			pthread_cond_wait(&all.changed, &all.lock);
			continue;
		}
		all.released = waiter->next;
		pthread_mutex_unlock(&all.lock);
		answer(waiter);
		pthread_mutex_lock(&all.lock);
	}
	pthread_mutex_unlock(&all.lock);
	return NULL;
}

/* With the lock held. */
static void release(void)
{
	while (all.waiting) {
		struct waiter *waiter = all.waiting;

		all.waiting = waiter->next;
		waiter->next = all.released;
		all.released = waiter;
	}
	pthread_cond_broadcast(&all.changed);
}

static void begin(struct tb_later *later, struct tb_resting *resting)
{
	struct waiter *waiter = (struct waiter *)later;

	count(&all.n_begun);
	waiter->resting = resting;
	if (waiter->is_at_once) {
		answer(waiter);
		return;
	}
	pthread_mutex_lock(&all.lock);
	waiter->next = all.waiting;
	all.waiting = waiter;
	if (all.is_open)
		release();
	pthread_mutex_unlock(&all.lock);
}

static void cancel(struct tb_later *later)
{
	tb_free(later);
	count(&all.n_cancelled);
}

static void hand_over(const struct tb_request *req, struct tb_response *res,
		      struct waiter like)
{
	struct waiter *waiter = tb_malloc(sizeof(*waiter));

	if (!waiter) {
		tb_response_fail(res, req, TB_ERR_NOMEM);
		return;
	}
	*waiter = like;
	waiter->later = (struct tb_later) { .begin = begin, .cancel = cancel };
	count(&all.n_made);
	tb_response_later(res, &waiter->later);
}

void later_answer(void *state, const struct tb_request *req,
		  struct tb_response *res)
{
	(void)state;
	hand_over(req, res, (struct waiter) { .is_at_once = false });
}

bool later_answer_quick(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	later_answer(state, req, res);
	return true;
}

bool later_answer_at_once(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	(void)state;
	hand_over(req, res, (struct waiter) { .is_at_once = true });
	return true;
}

void later_answer_late(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	count(&all.n_late);
	pthread_mutex_lock(&all.lock);
	while (!all.is_open)
		pthread_cond_wait(&all.changed, &all.lock);
	pthread_mutex_unlock(&all.lock);
	later_answer(state, req, res);
}

bool later_answer_instead(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	later_answer(state, req, res);
	tb_response_fail(res, req, TB_ERR_CONFLICT);
	return true;
}

bool later_take_later(void *state, const struct tb_request *req,
		      struct tb_response *res)
{
	(void)state;
	hand_over(req, res, (struct waiter) { .takes_over = true });
	return true;
}

bool later_release(void *state, const struct tb_request *req,
		   struct tb_response *res)
{
	(void)state;
	(void)req;
	pthread_mutex_lock(&all.lock);
	release();
	pthread_mutex_unlock(&all.lock);
	tb_response_empty(res, 204);
	return true;
}

bool later_get_counts(void *state, const struct tb_request *req,
		      struct tb_response *res)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);
	size_t i;

	(void)state;
	tb_buf_init(&buf, BODY_MAX);
	tb_json_begin_object(&w);
	for (i = 0; i < TB_ARRAY_LEN(counts); i++)
		tb_json_kv_uint(&w, counts[i].name,
				atomic_load(counts[i].count));
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &buf);
	return true;
}

/* --- its beginning and its end -------------------------------------------*/

void later_init(void)
{
	all.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	all.stop_fd = eventfd(0, EFD_CLOEXEC);
	TB_ASSERT(all.epoll_fd >= 0 && all.stop_fd >= 0);
	watch(all.stop_fd);
	TB_ASSERT(pthread_create(&all.answerer, NULL, answer_all, NULL) == 0);
	TB_ASSERT(pthread_create(&all.echoer, NULL, echo_all, NULL) == 0);
}

void later_quiesce(void)
{
	pthread_mutex_lock(&all.lock);
	all.is_open = true;
	release();
	pthread_mutex_unlock(&all.lock);
}

void later_fini(void)
{
	int fd;

	pthread_mutex_lock(&all.lock);
	all.is_stopped = true;
	pthread_cond_broadcast(&all.changed);
	pthread_mutex_unlock(&all.lock);
	pthread_join(all.answerer, NULL);
	eventfd_write(all.stop_fd, 1);
	pthread_join(all.echoer, NULL);
	for (fd = 0; fd < FDS_MAX; fd++) {
		if (!atomic_load(&all.is_taken[fd]))
			continue;
		send_all(fd, "end", 3);
		close_taken(fd);
	}
	close(all.stop_fd);
	close(all.epoll_fd);
}

void later_print(void)
{
	size_t i;

	printf("later");
	for (i = 0; i < TB_ARRAY_LEN(counts); i++)
		printf(" %u", atomic_load(counts[i].count));
	printf("\n");
}
