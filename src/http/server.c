#include "http/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "http/connection.h"

#define LISTEN_BACKLOG 1024
/* Connections are given to us with their first bytes, or after this time. */
#define DEFER_ACCEPT_S 5
#define DRAIN_POLL_US 5000
#define HOST_MAX 256

const struct tb_server_options tb_server_default_options = {
	.listen = "127.0.0.1:8000",
	.workers = 64,
	.queue_max = 1024,
	.connections_max = 10000,
	.idle_timeout_s = 75,
	.reader_min_bytes_per_s = 1024,
	.request_timeout_s = 60,
	.body_small_bytes = 64 << 10,
	.body_max_bytes = 64 << 20,
	.memory_max_bytes = 256 << 20,
	.drain_timeout_ms = 10000,
};

/* "host:port", "[v6]:port" */
static enum tb_err resolve(const char *listen, struct addrinfo **ret)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(listen, ':');
	char host[HOST_MAX];
	uint64_t port;
	size_t n;

	if (!colon || colon == listen ||
	    (size_t)(colon - listen) >= sizeof(host) ||
	    tb_str_to_u64(tb_str_z(colon + 1), &port) || port > UINT16_MAX)
		return TB_ERR_INVALID;
	n = (size_t)(colon - listen);
	if (listen[0] == '[' && listen[n - 1] == ']') {
		listen++;
		n -= 2;
	}
	memcpy(host, listen, n);
	host[n] = '\0';
	return getaddrinfo(host, colon + 1, &hints, ret) == 0 ? TB_OK
							      : TB_ERR_INVALID;
}

static enum tb_err err_of_errno(void)
{
	if (errno == EADDRINUSE)
		return TB_ERR_BUSY;
	return errno == EADDRNOTAVAIL ? TB_ERR_INVALID : TB_ERR_IO;
}

static enum tb_err bind_and_listen(int fd, const struct addrinfo *address)
{
	int on = 1, defer_s = DEFER_ACCEPT_S;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s,
		       sizeof(defer_s)) < 0 ||
	    bind(fd, address->ai_addr, address->ai_addrlen) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0)
		return err_of_errno();
	return TB_OK;
}

static enum tb_err open_socket(const char *listen, int *ret_fd)
{
	struct addrinfo *address;
	enum tb_err err = resolve(listen, &address);
	int fd;

	if (err)
		return err;
	fd = socket(address->ai_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = fd < 0 ? TB_ERR_IO : bind_and_listen(fd, address);
	freeaddrinfo(address);
	if (!err)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

static uint16_t port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .v6 = { .sin6_family = AF_UNSPEC } };
	socklen_t n = sizeof(address);

	if (getsockname(fd, &address.any, &n) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
						       : address.v4.sin_port);
}

static enum tb_err start_daemon(struct tb_server *server)
{
	const struct tb_server_options *options = &server->options;

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			MHD_ALLOW_UPGRADE,
		server->port, NULL, NULL, tb_connection_handle, server,
		MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)TB_CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
		MHD_OPTION_NOTIFY_CONNECTION, tb_connection_notify, server,
		MHD_OPTION_URI_LOG_CALLBACK, tb_connection_begin, server,
		MHD_OPTION_UNESCAPE_CALLBACK, tb_connection_keep_escapes,
		server, MHD_OPTION_NOTIFY_COMPLETED, tb_connection_end, server,
		MHD_OPTION_END);
	return server->daemon ? TB_OK : TB_ERR_IO;
}

/* Takes zeroed parts. */
static void destroy(struct tb_server *server)
{
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	tb_pool_destroy(server->pool);
	tb_links_fini(&server->links);
	tb_exchange_free_all(server);
	tb_policy_fini(&server->policy);
	pthread_rwlock_destroy(&server->policy_lock);
	tb_free(server);
}

static enum tb_err start(struct tb_server *server)
{
	const struct tb_server_options *options = &server->options;
	enum tb_err err;

	err = tb_policy_init(&server->policy, options->origins,
			     options->trusted_proxies);
	if (!err)
		err = open_socket(options->listen, &server->listen_fd);
	if (err)
		return err;
	server->port = port_of(server->listen_fd);
	err = tb_links_init(&server->links);
	if (!err)
		/* A connection has one request at a time, so that each answer
		 * that is being sent has a place. */
		err = tb_pool_create(options->workers, options->queue_max,
				     options->connections_max,
				     tb_connection_work, &server->pool);
	if (!err)
		err = start_daemon(server);
	return err;
}

enum tb_err tb_server_start(const struct tb_server_options *options,
			    struct tb_auth *auth, const struct tb_mount *mounts,
			    size_t n_mounts, struct tb_server **ret)
{
	struct tb_server *server = tb_calloc(1, sizeof(*server));
	enum tb_err err;

	if (!server)
		return TB_ERR_NOMEM;
	server->options = *options;
	server->auth = auth;
	server->mounts = mounts;
	server->n_mounts = n_mounts;
	server->listen_fd = -1;
	pthread_rwlock_init(&server->policy_lock, NULL);
	tb_budget_init(&server->budget, options->memory_max_bytes);
	err = start(server);
	if (err)
		destroy(server);
	else
		*ret = server;
	return err;
}

uint16_t tb_server_port(const struct tb_server *server)
{
	return server->port;
}

void tb_server_put_url(struct tb_buf *buf, const struct tb_server *server)
{
	const char *listen = server->options.listen;
	const char *colon = strrchr(listen, ':');

	tb_buf_append_z(buf, "http://");
	tb_buf_append(buf, listen, (size_t)(colon - listen));
	tb_buf_append_char(buf, ':');
	tb_buf_append_u64(buf, server->port);
}

enum tb_err tb_server_reload(struct tb_server *server,
			     const struct tb_server_options *options)
{
	struct tb_policy made, old;
	enum tb_err err;

	err = tb_policy_init(&made, options->origins, options->trusted_proxies);
	if (err)
		return err;
	pthread_rwlock_wrlock(&server->policy_lock);
	old = server->policy;
	server->policy = made;
	pthread_rwlock_unlock(&server->policy_lock);
	tb_policy_fini(&old);
	return TB_OK;
}

/* Waits until nothing runs; what is idle, or becomes so, is closed. */
static void drain(struct tb_server *server)
{
	int64_t end_us = tb_clock_monotonic_us() +
			 (int64_t)server->options.drain_timeout_ms * 1000;

	atomic_store(&server->is_draining, true);
	MHD_quiesce_daemon(server->daemon);
	while (atomic_load(&server->n_active) > 0 &&
	       tb_clock_monotonic_us() < end_us) {
		tb_links_cut_idle(&server->links);
		usleep(DRAIN_POLL_US);
	}
}

/* However long it takes, as with handlers that run. */
static void await_resting(struct tb_server *server)
{
	while (atomic_load(&server->n_resting) > 0)
		usleep(DRAIN_POLL_US);
}

void tb_server_stop(struct tb_server *server)
{
	if (!server)
		return;
	drain(server);
	/* A suspended connection must be resumed before the daemon stops, so
	 * those who answer later and the workers end first; what waits for
	 * them is answered, not run. */
	atomic_store(&server->is_over, true);
	await_resting(server);
	tb_pool_stop(server->pool);
	destroy(server);
}
