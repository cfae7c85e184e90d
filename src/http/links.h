/*
 * The open TCP connections, and what libmicrohttpd does not see of them. Its
 * timeout starts anew with each byte, so that a client could send for ever;
 * and it does not find out that a client has gone when its end comes together
 * with its last bytes. Here a thread looks after both and cuts such links. A
 * link is its I/O thread's; the thread touches only what is atomic in it.
 */
#ifndef TB_HTTP_LINKS_H
#define TB_HTTP_LINKS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "http/address.h"

#define TB_NO_DEADLINE INT64_MAX

struct tb_exchange;

struct tb_link {
	struct tb_link *prev; /* in the list of all; under its lock */
	struct tb_link *next;
	int fd;                      /* libmicrohttpd's; -1: was taken */
	_Atomic int64_t deadline_us; /* monotonic */
	_Atomic int64_t reader_deadline_us;
	_Atomic bool is_idle; /* between two requests */
	_Atomic bool was_late;
	_Atomic bool is_ended; /* the client will send nothing more */
	bool is_drained;       /* and it has all been read; of the thread */
	struct tb_ip peer;
	char address[TB_IP_TEXT_MAX]; /* the peer's, as text */
	size_t address_len;
	const char *flaw; /* of the first head, seen before it was parsed */
	struct tb_exchange *exchange; /* that is under way, or NULL */
};

struct tb_links {
	pthread_mutex_t lock;
	pthread_cond_t stop;
	pthread_t thread;
	struct tb_link *first;
	int epoll_fd;
	bool is_stopping;
	bool is_started;
};

/* Starts the thread that cuts. NOMEM. */
enum tb_err tb_links_init(struct tb_links *links) tb_must_check;
/* Ends the thread. Takes a zeroed one; no link may be left. */
void tb_links_fini(struct tb_links *links);
/* Ends the thread early: from now on nobody is cut. */
void tb_links_stop(struct tb_links *links);

/* NULL: no memory. */
struct tb_link *tb_link_create(struct tb_links *links, int fd,
			       const struct tb_ip *peer);
/* Takes the socket away from libmicrohttpd: the result is the only descriptor
 * of it that is left, and nobody cuts it from now on. What libmicrohttpd has
 * instead is there to be closed. -1: no descriptor is left, nothing was done.
 */
int tb_link_take_socket(struct tb_links *links, struct tb_link *link);
/* Before its descriptor is closed. Takes NULL. */
void tb_link_destroy(struct tb_links *links, struct tb_link *link);

/* From now on something is awaited for at most so long; TB_NO_DEADLINE:
 * nothing is. */
void tb_link_await(struct tb_link *link, int64_t timeout_us);
/* The same of a client that is to read; it may have ended sending. */
void tb_link_await_reader(struct tb_link *link, int64_t timeout_us);
/* Cuts it so that the client finds it reset, not ended. */
void tb_link_reset(struct tb_links *links, struct tb_link *link);
/* Cuts all those that are between two requests. */
void tb_links_cut_idle(struct tb_links *links);

#endif
