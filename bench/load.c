#include "load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "sample.h"

#define EVENTS 256
#define COMMON_MAX 8192
#define HEAD_MAX 16384
#define SILENCE_MAX_MS 60000
#define SHOWN_BYTES 200

static const struct tb_load_mode *const modes[] = {
	&tb_load_push, &tb_load_post, &tb_load_edit,   &tb_load_queue,
	&tb_load_get,  &tb_load_walk, &tb_load_stream,
};

/* A run: the load, its connections, and how long each request took. */
struct run {
	struct tb_load load;
	const struct tb_load_mode *mode;
	int epoll;
	struct tb_load_conn *conns;
	size_t n_open; /* connections made */
	size_t n_busy; /* those with a request under way */
	uint32_t *latencies_us;
	size_t cap_latencies;
};

/* ---- the options ---- */

static const struct tb_bench_option rows[] = {
#define ROW(member, what) TB_OPTION(struct tb_load_options, member, what)
	ROW(address, TEXT),       ROW(user, TEXT),      ROW(url, TEXTS),
	ROW(connections, NUMBER), ROW(seconds, NUMBER), ROW(each, NUMBER),
	ROW(pid, NUMBER),         ROW(total, NUMBER),   ROW(batch, NUMBER),
	ROW(seed, NUMBER),        ROW(site, NUMBER),    ROW(table, TEXT),
	ROW(store, TEXT),         ROW(count, NUMBER),   ROW(from, NUMBER),
	ROW(to, NUMBER),          ROW(limit, NUMBER),   ROW(rounds, NUMBER),
	ROW(header, TEXTS),       ROW(spin, NUMBER),    ROW(braces, NUMBER),
	ROW(status, NUMBER),      ROW(base, TEXT),      ROW(members, TEXT),
#undef ROW
};

static const struct tb_load_mode *find_mode(const char *name)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(modes); i++)
		if (strcmp(name, modes[i]->name) == 0)
			return modes[i];
	tb_bench_die("one of push, post, edit, queue, get, walk, stream was "
		     "expected");
}

static void parse_address(const char *text, struct sockaddr_in *ret)
{
	struct tb_str port = tb_str_z(text);
	struct tb_str host = tb_str_cut(&port, ':');
	char name[INET_ADDRSTRLEN];
	uint64_t number;

	snprintf(name, sizeof(name), "%.*s", TB_STR_ARG(host));
	*ret = (struct sockaddr_in) { .sin_family = AF_INET };
	if (inet_pton(AF_INET, name, &ret->sin_addr) != 1 ||
	    tb_str_to_u64(port, &number) != TB_OK || number > UINT16_MAX)
		tb_bench_die("--address 127.0.0.1:PORT was expected");
	ret->sin_port = htons((uint16_t)number);
}

/* ---- what all requests have in common ---- */

static void put_base64(struct tb_buf *buf, struct tb_str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t v = 0;

		for (size_t j = 0; j < 3; j++)
			v = v << 8 | (i + j < s.n ? (uint8_t)s.p[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			tb_buf_append_char(
				buf, i + j > s.n
					     ? '='
					     : digits[v >> (18 - 6 * j) & 63]);
	}
}

static void put_common(struct tb_buf *buf,
		       const struct tb_load_options *options)
{
	tb_buf_init(buf, COMMON_MAX);
	tb_buf_printf(buf, "Host: %s\r\n", options->address);
	if (options->user != NULL) {
		tb_buf_append_z(buf, "Authorization: Basic ");
		put_base64(buf, tb_str_z(options->user));
		tb_buf_append_z(buf, "\r\n");
	}
	for (size_t i = 0; options->header[i] != NULL; i++)
		tb_buf_printf(buf, "%s\r\n", options->header[i]);
	tb_buf_append_z(buf, "\r\n");
}

/* ---- running ---- */

static void note_latency(struct run *run, int64_t us)
{
	size_t n = run->load.requests;

	if (n == run->cap_latencies) {
		run->cap_latencies = n ? 2 * n : 65536;
		run->latencies_us =
			tb_realloc(run->latencies_us,
				   run->cap_latencies * sizeof(uint32_t));
		if (run->latencies_us == NULL)
			tb_bench_die("out of memory");
	}
	run->latencies_us[n] = (uint32_t)us;
	run->load.requests++;
}

static void show_bad(const struct tb_load_conn *conn)
{
	struct tb_str body = tb_client_body(&conn->client);

	if (body.n > SHOWN_BYTES)
		body.n = SHOWN_BYTES;
	fprintf(stderr, "bench: status %u: %.*s\n", conn->client.status,
		TB_STR_ARG(body));
	tb_bench_die("an answer was wrong");
}

static void finish(struct run *run, struct tb_load_conn *conn)
{
	note_latency(run, tb_bench_now_us() - conn->client.sent_us);
	run->load.bytes_in += conn->client.received_bytes;
	conn->done++;
	if (!run->mode->check(&run->load, conn))
		show_bad(conn);
	if (conn->client.closing)
		tb_bench_die("the server closed a connection");
}

static void watch(struct run *run, struct tb_load_conn *conn, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	if (events == conn->watched)
		return;
	conn->watched = events;
	if (epoll_ctl(run->epoll, EPOLL_CTL_MOD, conn->client.fd, &event) < 0)
		tb_bench_die("epoll_ctl");
}

/* Drives a connection until it has to wait, request after request. */
static void drive(struct run *run, struct tb_load_conn *conn)
{
	enum tb_client_state state = tb_client_step(&conn->client);

	while (state == TB_CLIENT_DONE) {
		finish(run, conn);
		if (!run->mode->next(&run->load, conn)) {
			run->n_busy--;
			watch(run, conn, EPOLLIN);
			return;
		}
		conn->client.sent_us = tb_bench_now_us();
		state = tb_client_step(&conn->client);
	}
	if (state == TB_CLIENT_FAILED)
		tb_bench_die("a connection ended, or its answer is not HTTP");
	watch(run, conn, state == TB_CLIENT_SENDING ? EPOLLOUT : EPOLLIN);
}

static void start(struct run *run, struct tb_load_conn *conn)
{
	if (!run->mode->next(&run->load, conn))
		return;
	run->n_busy++;
	conn->client.sent_us = tb_bench_now_us();
	drive(run, conn);
}

static void connect_all(struct run *run)
{
	struct rlimit files;
	struct sockaddr_in address;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	parse_address(run->load.options->address, &address);
	for (; run->n_open < run->load.options->connections; run->n_open++) {
		struct tb_load_conn *conn = &run->conns[run->n_open];
		struct epoll_event event = { .data.ptr = conn };

		tb_buf_init(&conn->head, HEAD_MAX);
		if (tb_client_init(&conn->client, &address) != TB_OK ||
		    epoll_ctl(run->epoll, EPOLL_CTL_ADD, conn->client.fd,
			      &event) < 0)
			tb_bench_die("cannot connect");
	}
}

/* Waits for answers, unless it is to spin. */
static int wait_for_events(const struct run *run, struct epoll_event *events)
{
	int timeout_ms = run->load.options->spin ? 0 : SILENCE_MAX_MS;
	int64_t end_us = tb_bench_now_us() + SILENCE_MAX_MS * 1000ll;
	int n;

	do {
		n = epoll_wait(run->epoll, events, EVENTS, timeout_ms);
	} while (n == 0 && tb_bench_now_us() < end_us);
	if (n <= 0)
		tb_bench_die("the server is silent");
	return n;
}

static void run_all(struct run *run)
{
	struct epoll_event events[EVENTS];

	run->load.begin_us = tb_bench_now_us();
	for (size_t i = 0; i < run->n_open; i++)
		start(run, &run->conns[i]);
	while (run->n_busy > 0) {
		int n = wait_for_events(run, events);

		for (int i = 0; i < n; i++)
			drive(run, events[i].data.ptr);
	}
}

/* ---- the report ---- */

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The memory that a process has in use, as Linux counts it. */
static uint64_t rss_kib(uint64_t pid)
{
	char line[256];
	unsigned long long kib = 0;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%llu/status",
		 (unsigned long long)pid);
	file = fopen(line, "re");
	if (file == NULL)
		tb_bench_die("no such process");
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtoull(line + 6, NULL, 10);
	fclose(file);
	return kib;
}

static void report(struct run *run)
{
	const struct tb_load *load = &run->load;
	double seconds = (double)(tb_bench_now_us() - load->begin_us) / 1e6;
	size_t n = load->requests;

	if (n == 0)
		tb_bench_die("nothing was asked");
	qsort(run->latencies_us, n, sizeof(uint32_t), compare_u32);
	printf("{\"mode\":\"%s\",\"connections\":%zu,\"seconds\":%.6f,"
	       "\"requests\":%zu,\"records\":%llu,\"requests_per_s\":%.1f,"
	       "\"records_per_s\":%.1f,\"bytes_in_per_s\":%.0f,"
	       "\"bytes_out_per_s\":%.0f,\"p50_us\":%u,\"p99_us\":%u",
	       run->mode->name, run->n_open, seconds, n,
	       (unsigned long long)load->records, (double)n / seconds,
	       (double)load->records / seconds,
	       (double)load->bytes_in / seconds,
	       (double)load->bytes_out / seconds, run->latencies_us[n / 2],
	       run->latencies_us[n - 1 - n / 100]);
	if (load->first_max_us > 0)
		printf(",\"first_max_us\":%llu",
		       (unsigned long long)load->first_max_us);
	if (load->options->pid > 0)
		printf(",\"rss_kib\":%llu",
		       (unsigned long long)rss_kib(load->options->pid));
	printf("}\n");
}

static void clean_up(struct run *run)
{
	for (size_t i = 0; i < run->n_open; i++) {
		tb_client_fini(&run->conns[i].client);
		tb_buf_fini(&run->conns[i].head);
	}
	for (size_t i = 0; i < TB_OPTION_TEXTS_MAX; i++)
		tb_buf_fini(&run->load.firsts[i]);
	tb_buf_fini(&run->load.bodies);
	tb_buf_fini(&run->load.common);
	tb_free(run->load.body_ends);
	tb_free(run->latencies_us);
	tb_free(run->conns);
}

int main(int argc, char **argv)
{
	struct tb_load_options options = { .connections = 1,
					   .seconds = 1,
					   .batch = 1,
					   .rounds = 1,
					   .status = 200,
					   .braces = TB_SAMPLE_EVENT_BRACES,
					   .site = 63,
					   .table = "transact",
					   .store = "store-a" };
	struct run run = { .load.options = &options };

	run.mode = find_mode(tb_options_parse(argc, argv, rows,
					      TB_ARRAY_LEN(rows), &options));
	if (options.address == NULL || options.connections == 0 ||
	    options.batch == 0)
		tb_bench_die("--address, --connections, --batch");
	put_common(&run.load.common, &options);
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	run.conns = tb_calloc(options.connections, sizeof(*run.conns));
	if (run.epoll < 0 || run.conns == NULL)
		tb_bench_die("out of memory");
	if (run.mode->prepare(&run.load) != TB_OK)
		tb_bench_die("what is to be sent cannot be made");
	connect_all(&run);
	run_all(&run);
	report(&run);
	clean_up(&run);
	return 0;
}
