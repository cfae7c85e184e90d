/*
 * The bare server: what libmicrohttpd costs by itself. Answers every request
 * with the same status, headers and body, made once, on a daemon that is set
 * up as the server's (src/http/server.c), until SIGTERM.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/assert.h"
#include "http/exchange.h"
#include "http/server.h"
#include "options.h"

struct bare_http_options {
	uint64_t port; /* on 127.0.0.1 */
	uint64_t status;
	const char *body;
	const char *header[TB_OPTION_TEXTS_MAX + 1]; /* "Name: value" */
};

static const struct tb_bench_option rows[] = {
#define ROW(member, what) TB_OPTION(struct bare_http_options, member, what)
	ROW(port, NUMBER),
	ROW(status, NUMBER),
	ROW(body, TEXT),
	ROW(header, TEXTS),
#undef ROW
};

/* What every request gets. */
struct constant {
	unsigned status;
	struct MHD_Response *response;
};

static enum MHD_Result answer(void *ctx, struct MHD_Connection *conn,
			      const char *url, const char *method,
			      const char *version, const char *upload,
			      size_t *upload_n, void **seen)
{
	const struct constant *constant = ctx;

	(void)url;
	(void)method;
	(void)version;
	(void)upload;
	/* The first call of a request comes before its body. */
	if (*seen == NULL) {
		*seen = ctx;
		return MHD_YES;
	}
	if (*upload_n > 0) {
		*upload_n = 0;
		return MHD_YES;
	}
	return MHD_queue_response(conn, constant->status, constant->response);
}

static void add_header(struct MHD_Response *response, const char *line)
{
	char text[1024];
	char *value;

	if (strlen(line) >= sizeof(text))
		tb_bench_die("a header is too long");
	memcpy(text, line, strlen(line) + 1);
	value = strstr(text, ": ");
	if (value == NULL)
		tb_bench_die("--header 'Name: value' was expected");
	*value = '\0';
	if (MHD_add_response_header(response, text, value + 2) != MHD_YES)
		tb_bench_die("a header is not good");
}

static struct MHD_Response *
make_constant(const struct bare_http_options *options)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(options->body), (void *)options->body,
		MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		tb_bench_die("out of memory");
	for (size_t i = 0; options->header[i] != NULL; i++)
		add_header(response, options->header[i]);
	return response;
}

static struct MHD_Daemon *start(const struct bare_http_options *options,
				struct constant *constant)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)options->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	const struct tb_server_options *server = &tb_server_default_options;
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME,
		(uint16_t)options->port, NULL, NULL, answer, constant,
		MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)TB_CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_LIMIT, server->connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, server->idle_timeout_s,
		MHD_OPTION_END);

	if (daemon == NULL)
		tb_bench_die("the daemon does not start");
	return daemon;
}

static void wait_for_end(void)
{
	sigset_t ends;
	int signal;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigwait(&ends, &signal);
}

int main(int argc, char **argv)
{
	struct bare_http_options options = { .status = MHD_HTTP_OK,
					     .body = "[]" };
	struct constant constant;
	struct MHD_Daemon *daemon;
	sigset_t all;

	tb_options_parse(argc, argv, rows, TB_ARRAY_LEN(rows), &options);
	if (options.port == 0 || options.port > UINT16_MAX)
		tb_bench_die("--port was expected");
	/* Before there are threads, so that none of them takes a signal. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	constant.status = (unsigned)options.status;
	constant.response = make_constant(&options);
	daemon = start(&options, &constant);
	wait_for_end();
	MHD_stop_daemon(daemon);
	MHD_destroy_response(constant.response);
	return 0;
}
