#include "http/takeover.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "http/later.h"

/* Messages do not wait for those before them to be acknowledged. */
static void send_at_once(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* The 101 has left, on the I/O thread. The socket goes to the taker, so that
 * libmicrohttpd can close and forget the connection, with all the memory that
 * it has for it. */
static void hand_over(void *exchange, struct MHD_Connection *conn,
		      void *conn_cls, const char *early, size_t early_n,
		      MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct tb_exchange *ex = exchange;
	struct tb_takeover *takeover = ex->res.takeover;
	int taken;

	(void)conn;
	(void)conn_cls;
	(void)fd;
	taken = tb_link_take_socket(&ex->server->links, ex->link);
	if (taken >= 0) {
		send_at_once(taken);
		ex->res.takeover = NULL;
		takeover->take(takeover, taken, tb_str(early, early_n));
	}
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

struct MHD_Response *tb_takeover_create_response(struct tb_exchange *ex)
{
	return MHD_create_response_for_upgrade(hand_over, ex);
}
