#include "http/takeover.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "http/later.h"

/* The taker gets a duplicate, so that libmicrohttpd can close its own and
 * forget the connection with the memory that it has for it. It closes without
 * a shutdown, which would end the duplicate as well. -1: there are no more
 * descriptors. */
static int duplicate(int fd)
{
	int on = 1, copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	/* Messages do not wait for those before them to be acknowledged. */
	if (copy >= 0)
		(void)setsockopt(copy, IPPROTO_TCP, TCP_NODELAY, &on,
				 sizeof(on));
	return copy;
}

/* The 101 has left, on the I/O thread. */
static void hand_over(void *exchange, struct MHD_Connection *conn,
		      void *conn_cls, const char *early, size_t early_n,
		      MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct tb_exchange *ex = exchange;
	struct tb_takeover *takeover = ex->res.takeover;
	int copy;

	(void)conn;
	(void)conn_cls;
	/* Both descriptors are one socket, which nobody may cut from now on. */
	tb_link_release(&ex->server->links, ex->link);
	copy = duplicate(fd);
	if (copy >= 0) {
		ex->res.takeover = NULL;
		takeover->take(takeover, copy, tb_str(early, early_n));
	}
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

struct MHD_Response *tb_takeover_create_response(struct tb_exchange *ex)
{
	return MHD_create_response_for_upgrade(hand_over, ex);
}
