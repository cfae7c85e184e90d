#include "load_realtime.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "options.h"

#define PATH "/socket.io/?EIO=4&transport=websocket"
#define EVENTS 256
#define SILENCE_MAX_US 30000000
/* An address has some 28,000 ports; connections that are over use theirs up
 * for a minute. */
#define SOURCES 64

static const struct tb_realtime_mode *const modes[] = {
	&tb_realtime_broadcast,
	&tb_realtime_echo,
	&tb_realtime_handshake,
	&tb_realtime_hold,
};

static const struct tb_bench_option rows[] = {
#define ROW(member, what) TB_OPTION(struct tb_realtime_options, member, what)
	ROW(port, NUMBER),     ROW(pid, NUMBER),  ROW(clients, NUMBER),
	ROW(parallel, NUMBER), ROW(warm, NUMBER), ROW(rounds, NUMBER),
	ROW(bare, NUMBER),     ROW(auth, TEXT),   ROW(send, TEXT),
	ROW(expect, TEXT),
#undef ROW
};

struct run {
	struct tb_realtime_load load;
	int epoll;
	struct sockaddr_in server;
	uint64_t n_there; /* connections that are there now */
	bool is_begun;
};

/* ---- what the modes use ---- */

/* What the kernel has counted for all of the process's threads. */
static int64_t processor_ns(const struct tb_realtime_options *options)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid((pid_t)options->pid, &clock) != 0 ||
	    clock_gettime(clock, &used) != 0)
		tb_bench_die("--pid: there is no such process");
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

void tb_realtime_begin_measuring(struct tb_realtime_load *load)
{
	load->begin_us = tb_bench_now_us();
	load->begin_processor_ns = processor_ns(load->options);
	load->begin_messages = load->n_messages;
	load->slowest_us = 0;
}

static void put_round(struct tb_buf *buf, const char *text, uint64_t round)
{
	for (; *text != '\0'; text++) {
		if (*text == '%')
			tb_buf_append_u64(buf, round);
		else
			tb_buf_append_char(buf, *text);
	}
	tb_bench_must(tb_buf_err(buf), "--send, --expect");
}

void tb_realtime_send(struct tb_realtime_load *load,
		      struct tb_realtime_conn *conn, uint64_t round)
{
	char text[TB_REALTIME_TEXT_MAX];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	put_round(&buf, load->options->send, round);
	if (load->options->bare)
		tb_websocket_send_unmasked(&conn->ws, tb_buf_str(&buf));
	else
		tb_websocket_send(&conn->ws, tb_buf_str(&buf));
}

bool tb_realtime_is_expected(const struct tb_realtime_load *load,
			     struct tb_str text, uint64_t round)
{
	char begin[TB_REALTIME_TEXT_MAX];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, begin, sizeof(begin));
	put_round(&buf, load->options->expect, round);
	return text.n >= buf.n && memcmp(text.p, begin, buf.n) == 0;
}

/* ---- connections ---- */

static void watch(struct run *run, struct tb_realtime_conn *conn, int how,
		  uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	if (epoll_ctl(run->epoll, how, conn->ws.fd, &event) < 0)
		tb_bench_die("epoll_ctl");
}

static void connect_one(struct run *run, struct tb_realtime_conn *conn)
{
	uint64_t i = run->load.n_begun++;

	conn->is_in = conn->is_leaving = false;
	tb_websocket_connect(&conn->ws, &run->server,
			     (uint8_t)(1 + i % SOURCES));
	watch(run, conn, EPOLL_CTL_ADD, EPOLLOUT);
	run->n_there++;
}

/* As many as may be under way at once. */
static void connect_more(struct run *run)
{
	struct tb_realtime_load *load = &run->load;
	const struct tb_realtime_options *options = load->options;

	while (load->n_begun < options->clients &&
	       load->n_begun - load->n_in < options->parallel)
		connect_one(run, &load->conns[load->n_begun]);
}

static void enter(struct run *run, struct tb_realtime_conn *conn)
{
	struct tb_realtime_load *load = &run->load;

	conn->is_in = true;
	load->n_in++;
	if (load->mode->goes_round)
		load->mode->begin(load, conn);
	else
		connect_more(run);
}

static void connected(struct run *run, struct tb_realtime_conn *conn)
{
	if (run->load.options->bare)
		tb_websocket_skip_upgrade(&conn->ws);
	else
		tb_websocket_upgrade(&conn->ws, PATH);
	watch(run, conn, EPOLL_CTL_MOD, EPOLLIN);
}

static void closed(struct run *run, struct tb_realtime_conn *conn)
{
	struct tb_realtime_load *load = &run->load;

	if (!conn->is_leaving)
		tb_bench_die("the server closed a connection");
	tb_websocket_drop(&conn->ws);
	run->n_there--;
	load->n_in--;
	load->mode->left(load);
	if (!load->is_done)
		connect_one(run, conn);
}

static bool begins_with(struct tb_str text, const char *begin)
{
	size_t n = strlen(begin);

	return text.n >= n && memcmp(text.p, begin, n) == 0;
}

static void join(const struct run *run, struct tb_realtime_conn *conn)
{
	const char *auth = run->load.options->auth;
	char text[TB_REALTIME_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "40%s", auth != NULL ? auth : "");

	if (n < 0 || (size_t)n >= sizeof(text))
		tb_bench_die("--auth is too long");
	tb_websocket_send(&conn->ws, tb_str(text, (size_t)n));
}

static void take(void *ctx, struct tb_websocket *ws, struct tb_str text)
{
	struct tb_realtime_conn *conn = (struct tb_realtime_conn *)ws;
	struct run *run = ctx;

	if (text.n == 0)
		return;
	if (begins_with(text, "0{"))
		join(run, conn);
	else if (begins_with(text, "40"))
		enter(run, conn);
	else if (tb_str_eq(text, TB_STR("2")))
		tb_websocket_send(ws, TB_STR("3"));
	else if (begins_with(text, "44") || begins_with(text, "41"))
		tb_bench_die("the server put a client out");
	else if (conn->is_in)
		run->load.mode->message(&run->load, conn, text);
}

/* ---- running ---- */

static void take_event(struct run *run, const struct epoll_event *event)
{
	struct tb_realtime_conn *conn = event->data.ptr;

	if (conn == NULL)
		run->load.is_done = true; /* the end of standard input */
	else if (conn->ws.step == TB_WEBSOCKET_CONNECTING)
		connected(run, conn);
	else if (!tb_websocket_read(&conn->ws, take, run))
		closed(run, conn);
}

static _Noreturn void die_of_silence(const struct run *run)
{
	const struct tb_realtime_load *load = &run->load;

	fprintf(stderr,
		"bench: begun %llu, there %llu, in %llu, messages %llu, "
		"round %llu\n",
		(unsigned long long)load->n_begun,
		(unsigned long long)run->n_there,
		(unsigned long long)load->n_in,
		(unsigned long long)load->n_messages,
		(unsigned long long)load->round);
	tb_bench_die("the server is silent");
}

/* It never sleeps, so that a server which is quick does not pay for waking it
 * up. */
static void turn(struct run *run, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int64_t end_us = tb_bench_now_us() + SILENCE_MAX_US;
	int n;

	do {
		n = epoll_wait(run->epoll, events, EVENTS, timeout_ms);
		if (timeout_ms == 0 && tb_bench_now_us() > end_us)
			die_of_silence(run);
	} while (n == 0);
	for (int i = 0; i < n; i++)
		take_event(run, &events[i]);
}

static void run_all(struct run *run)
{
	struct tb_realtime_load *load = &run->load;

	connect_more(run);
	while (!load->mode->goes_round && load->n_in < load->options->clients)
		turn(run, 0);
	if (!load->mode->goes_round)
		load->mode->begin(load, &load->conns[0]);
	while (!load->is_done)
		turn(run, 0);
}

/* ---- the report ---- */

static void report(const struct run *run)
{
	const struct tb_realtime_load *load = &run->load;
	uint64_t n = load->n_messages - load->begin_messages;
	int64_t used_ns =
		processor_ns(load->options) - load->begin_processor_ns;
	double seconds = (double)(tb_bench_now_us() - load->begin_us) / 1e6;

	printf("{\"mode\":\"%s\",\"clients\":%llu,\"messages\":%llu,"
	       "\"seconds\":%.6f,\"processor_us\":%.1f,\"each_us\":%.4f,"
	       "\"slowest_ms\":%.3f}\n",
	       load->mode->name, (unsigned long long)load->n_in,
	       (unsigned long long)n, seconds, (double)used_ns / 1e3,
	       n > 0 ? (double)used_ns / 1e3 / (double)n : 0.0,
	       (double)load->slowest_us / 1e3);
	fflush(stdout);
}

/* Until standard input, a pipe, is closed. */
static void hold(struct run *run)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		tb_bench_die("standard input has to be a pipe");
	run->load.is_done = false;
	while (!run->load.is_done)
		turn(run, -1);
}

static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static const struct tb_realtime_mode *find_mode(const char *name)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(modes); i++) {
		if (strcmp(name, modes[i]->name) == 0)
			return modes[i];
	}
	tb_bench_die("one of broadcast, echo, handshake, hold was expected");
}

int main(int argc, char **argv)
{
	struct tb_realtime_options options = { .clients = 1,
					       .parallel = 64,
					       .rounds = 1 };
	struct run run = { .load.options = &options };

	run.load.mode = find_mode(tb_options_parse(
		argc, argv, rows, TB_ARRAY_LEN(rows), &options));
	if (options.port == 0 || options.port > UINT16_MAX ||
	    options.pid == 0 || options.clients == 0 || options.parallel == 0)
		tb_bench_die("--port, --pid, --clients, --parallel");
	raise_limits();
	run.server = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	run.load.conns = tb_calloc(options.clients, sizeof(*run.load.conns));
	if (run.epoll < 0 || run.load.conns == NULL)
		tb_bench_die("out of memory");
	run_all(&run);
	report(&run);
	if (run.load.mode == &tb_realtime_hold)
		hold(&run);
	tb_free(run.load.conns);
	return 0;
}
