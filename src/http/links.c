#include "http/links.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/cond.h"

/* How often the deadlines are looked at. */
#define TICK_US 200000
#define EVENTS_MAX 64

/* Both directions, so that libmicrohttpd finds the end whatever it waits for.
 * With the lock held the descriptor is still the link's. */
static void cut(struct tb_link *link)
{
	atomic_store(&link->deadline_us, TB_NO_DEADLINE);
	atomic_store(&link->reader_deadline_us, TB_NO_DEADLINE);
	shutdown(link->fd, SHUT_RDWR);
}

/* Notes whose clients have ended. With the lock held the links of all events
 * are still there. */
static void note_ended(struct tb_links *links)
{
	struct epoll_event events[EVENTS_MAX];
	int i, n;

	do {
		n = epoll_wait(links->epoll_fd, events, EVENTS_MAX, 0);
		for (i = 0; i < n; i++) {
			struct tb_link *link = events[i].data.ptr;

			atomic_store(&link->is_ended, true);
		}
	} while (n == EVENTS_MAX);
}

/* True if a request is awaited that can never become whole: the client has
 * ended and nothing of what it sent is left to be read. What was read a tick
 * ago has been acted on by now. */
static bool is_forsaken(struct tb_link *link)
{
	bool was_drained = link->is_drained;
	char byte;

	if (!atomic_load(&link->is_ended))
		return false;
	link->is_drained =
		recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
	return was_drained && link->is_drained;
}

static bool is_late(struct tb_link *link, int64_t now_us)
{
	return atomic_load(&link->deadline_us) <= now_us ||
	       atomic_load(&link->reader_deadline_us) <= now_us;
}

static void cut_late_and_forsaken(struct tb_links *links)
{
	int64_t now_us = tb_clock_monotonic_us();
	struct tb_link *link;

	for (link = links->first; link; link = link->next) {
		if (is_late(link, now_us)) {
			atomic_store(&link->was_late, true);
			cut(link);
		} else if (atomic_load(&link->deadline_us) == TB_NO_DEADLINE) {
			link->is_drained = false;
		} else if (is_forsaken(link)) {
			cut(link);
		}
	}
}

static void *run(void *arg)
{
	struct tb_links *links = arg;

	pthread_mutex_lock(&links->lock);
	while (!links->is_stopping) {
		tb_cond_wait_until(&links->stop, &links->lock,
				   tb_clock_monotonic_us() + TICK_US);
		note_ended(links);
		cut_late_and_forsaken(links);
	}
	pthread_mutex_unlock(&links->lock);
	return NULL;
}

enum tb_err tb_links_init(struct tb_links *links)
{
	*links = (struct tb_links) { .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	if (links->epoll_fd < 0)
		return TB_ERR_NOMEM;
	pthread_mutex_init(&links->lock, NULL);
	pthread_cond_init(&links->stop, NULL);
	links->is_started = true;
	if (pthread_create(&links->thread, NULL, run, links) == 0)
		return TB_OK;
	links->is_stopping = true;
	tb_links_fini(links);
	return TB_ERR_NOMEM;
}

void tb_links_stop(struct tb_links *links)
{
	bool was_stopping;

	pthread_mutex_lock(&links->lock);
	was_stopping = links->is_stopping;
	links->is_stopping = true;
	pthread_cond_signal(&links->stop);
	pthread_mutex_unlock(&links->lock);
	if (!was_stopping)
		pthread_join(links->thread, NULL);
}

void tb_links_fini(struct tb_links *links)
{
	if (!links->is_started)
		return;
	tb_links_stop(links);
	TB_ASSERT(!links->first);
	close(links->epoll_fd);
	pthread_cond_destroy(&links->stop);
	pthread_mutex_destroy(&links->lock);
	links->is_started = false;
}

struct tb_link *tb_link_create(struct tb_links *links, int fd,
			       const struct tb_ip *peer)
{
	struct tb_link *link = tb_calloc(1, sizeof(*link));
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT };

	if (!link)
		return NULL;
	event.data.ptr = link;
	if (epoll_ctl(links->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		tb_free(link);
		return NULL;
	}
	link->fd = fd;
	link->peer = *peer;
	link->address_len = tb_ip_format(peer, link->address);
	atomic_init(&link->deadline_us, TB_NO_DEADLINE);
	atomic_init(&link->reader_deadline_us, TB_NO_DEADLINE);
	atomic_init(&link->is_idle, true);
	pthread_mutex_lock(&links->lock);
	link->next = links->first;
	if (link->next)
		link->next->prev = link;
	links->first = link;
	pthread_mutex_unlock(&links->lock);
	return link;
}

/* With the lock held. */
static void forget(struct tb_links *links, struct tb_link *link)
{
	epoll_ctl(links->epoll_fd, EPOLL_CTL_DEL, link->fd, NULL);
	link->fd = -1;
	if (link->next)
		link->next->prev = link->prev;
	if (link->prev)
		link->prev->next = link->next;
	else
		links->first = link->next;
}

int tb_link_take_socket(struct tb_links *links, struct tb_link *link)
{
	int old = link->fd, taken;

	pthread_mutex_lock(&links->lock);
	taken = fcntl(old, F_DUPFD_CLOEXEC, 0);
	if (taken >= 0) {
		/* An epoll set has open files, not descriptors: this one would
		 * live on in it. */
		forget(links, link);
		/* Anything else that is open takes the old one's place. */
		(void)dup3(links->epoll_fd, old, O_CLOEXEC);
	}
	pthread_mutex_unlock(&links->lock);
	return taken;
}

void tb_link_destroy(struct tb_links *links, struct tb_link *link)
{
	if (!link)
		return;
	pthread_mutex_lock(&links->lock);
	if (link->fd >= 0)
		forget(links, link);
	pthread_mutex_unlock(&links->lock);
	tb_free(link);
}

static void set_deadline(_Atomic int64_t *deadline_us, int64_t timeout_us)
{
	int64_t at_us = TB_NO_DEADLINE;

	if (timeout_us != TB_NO_DEADLINE)
		at_us = tb_clock_monotonic_us() + timeout_us;
	atomic_store_explicit(deadline_us, at_us, memory_order_relaxed);
}

void tb_link_await(struct tb_link *link, int64_t timeout_us)
{
	set_deadline(&link->deadline_us, timeout_us);
}

void tb_link_await_reader(struct tb_link *link, int64_t timeout_us)
{
	set_deadline(&link->reader_deadline_us, timeout_us);
}

void tb_link_reset(struct tb_links *links, struct tb_link *link)
{
	static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	/* The thread looks into the same descriptors. */
	pthread_mutex_lock(&links->lock);
	if (connect(link->fd, &nobody, sizeof(nobody)) < 0)
		shutdown(link->fd, SHUT_RDWR);
	pthread_mutex_unlock(&links->lock);
}

void tb_links_cut_idle(struct tb_links *links)
{
	struct tb_link *link;

	pthread_mutex_lock(&links->lock);
	for (link = links->first; link; link = link->next)
		if (atomic_load(&link->is_idle))
			cut(link);
	pthread_mutex_unlock(&links->lock);
}
