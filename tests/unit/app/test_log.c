/* The log's lines: always one JSON object, whatever the bytes in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "app/log.h"
#include "codec/json.h"

#define TIME_US 1705768530123456 /* 2024-01-20T16:35:30.123456Z */

static struct tb_str text_of(struct tb_json_value line, const char *name)
{
	return tb_json_raw(tb_json_get(line, tb_str_z(name)));
}

static void assert_text(struct tb_json_value line, const char *name,
			const char *expected)
{
	struct tb_str text = text_of(line, name);

	assert_int_equal(text.n, strlen(expected));
	assert_memory_equal(text.p, expected, text.n);
}

/* Parses a line, which must end where the line does. */
static struct tb_json_value
parse(struct tb_arena *arena, const struct tb_buf *line, struct tb_json *json)
{
	assert_int_equal(tb_buf_err(line), TB_OK);
	assert_true(line->n > 0 && line->p[line->n - 1] == '\n');
	assert_null(memchr(line->p, '\n', line->n - 1));
	assert_int_equal(tb_json_parse(arena, tb_str(line->p, line->n - 1),
				       NULL, json, NULL),
			 TB_OK);
	return tb_json_root(json);
}

static struct tb_principal principal = {
	.kind = TB_PRINCIPAL_SITE,
	.org = 1,
	.org_name = { "clinics", 7 },
	.key = { "63", 2 },
};

static struct tb_access access_of(const struct tb_request *req)
{
	return (struct tb_access) {
		.req = req,
		.method = TB_STR("POST"),
		.route = TB_STR("/queued_records"),
		.request_id = TB_STR("r-1"),
		.address = TB_STR("192.0.2.1"),
		.status = 200,
		.bytes_in = 12,
		.bytes_out = 34,
		.duration_us = 56,
	};
}

static void a_request_has_all_its_members(void **state)
{
	struct tb_request req = { .principal = &principal };
	struct tb_access access = access_of(&req);
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_json_value line;
	struct tb_json json;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, TB_LOG_LINE_MAX);
	tb_log_put_access(&buf, TIME_US, &access);
	line = parse(arena, &buf, &json);
	assert_text(line, "time", "\"2024-01-20T16:35:30.123456Z\"");
	assert_text(line, "level", "\"info\"");
	assert_text(line, "request_id", "\"r-1\"");
	assert_text(line, "address", "\"192.0.2.1\"");
	assert_text(line, "org", "\"clinics\"");
	assert_text(line, "principal", "\"site/63\"");
	assert_text(line, "method", "\"POST\"");
	assert_text(line, "route", "\"/queued_records\"");
	assert_text(line, "status", "200");
	assert_text(line, "duration_us", "56");
	assert_text(line, "bytes_in", "12");
	assert_text(line, "bytes_out", "34");
	assert_true(tb_json_is_absent(tb_json_get(line, TB_STR("error"))));
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

static void the_status_gives_the_level(void **state)
{
	static const struct {
		unsigned status;
		const char *level;
	} cases[] = { { 200, "\"info\"" },  { 304, "\"info\"" },
		      { 404, "\"warn\"" },  { 499, "\"warn\"" },
		      { 500, "\"error\"" }, { 503, "\"error\"" } };
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_access access = access_of(NULL);
	struct tb_json json;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, TB_LOG_LINE_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		access.status = cases[i].status;
		tb_buf_reset(&buf);
		tb_log_put_access(&buf, TIME_US, &access);
		assert_text(parse(arena, &buf, &json), "level", cases[i].level);
	}
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

static void an_event_escapes_what_it_says(void **state)
{
	struct tb_log_field fields[] = {
		{ .name = "text", .text = TB_STR("a\"b\\c\n\x01\xc3\xa9") },
		{ .name = "number", .number = -5 },
	};
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_json_value line;
	struct tb_json json;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, TB_LOG_LINE_MAX);
	tb_log_put_event(&buf, TB_LOG_WARN, TIME_US, "what", fields, 2);
	line = parse(arena, &buf, &json);
	assert_text(line, "message", "\"what\"");
	assert_text(line, "text", "\"a\\\"b\\\\c??\xc3\xa9\"");
	assert_text(line, "number", "-5");
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

static void any_bytes_make_a_line_that_fits(void **state)
{
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_access access = access_of(NULL);
	char bytes[10000];
	struct tb_json json;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, TB_LOG_LINE_MAX);
	for (unsigned c = 0; c < 256; c++) {
		memset(bytes, (int)c, sizeof(bytes));
		access.method = tb_str(bytes, sizeof(bytes));
		access.route = access.method;
		access.request_id = access.method;
		access.address = access.method;
		tb_buf_reset(&buf);
		tb_log_put_access(&buf, TIME_US, &access);
		parse(arena, &buf, &json);
		tb_arena_reset(arena);
	}
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

static void what_is_below_the_level_is_not_written(void **state)
{
	struct tb_access access = access_of(NULL);
	struct tb_log log;
	char text[8192];
	ssize_t n;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	tb_log_init(&log, fds[1], TB_LOG_WARN);
	tb_log_access(&log, TIME_US, &access);
	tb_log_text(&log, TB_LOG_INFO, "hidden", "a", TB_STR("b"));
	tb_log_text(&log, TB_LOG_ERROR, "shown", "a", TB_STR("b"));
	tb_log_set_level(&log, TB_LOG_DEBUG);
	tb_log_access(&log, TIME_US, &access);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_null(strstr(text, "hidden"));
	assert_non_null(strstr(text, "shown"));
	assert_non_null(strstr(text, "queued_records"));
	assert_int_equal(text[n - 1], '\n');
	close(fds[0]);
}

#define LINES 12000
#define LOST "\"message\":\"lines lost\",\"lines\":"

/* What comes through a pipe until it is closed. */
struct reading {
	int fd;
	struct tb_buf text;
};

static void *read_all(void *arg)
{
	struct reading *reading = arg;
	ssize_t n;

	do {
		char *to = tb_buf_reserve(&reading->text, 65536);

		n = to ? read(reading->fd, to, 65536) : 0;
		reading->text.n += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return NULL;
}

/* As many lines as the sink holds, into a pipe that holds less. */
static void gathered_lines_keep_their_order_and_none_is_lost(void **state)
{
	struct reading reading;
	struct tb_log log;
	pthread_t reader;
	struct tb_str rest;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reading.fd = fds[0];
	tb_buf_init(&reading.text, (size_t)16 << 20);
	tb_log_init(&log, fds[1], TB_LOG_INFO);
	assert_int_equal(tb_log_start(&log), TB_OK);
	assert_int_equal(pthread_create(&reader, NULL, read_all, &reading), 0);
	for (int64_t i = 0; i < LINES; i++) {
		struct tb_log_field field = { .name = "i", .number = i };

		tb_log_event(&log, TB_LOG_INFO, TIME_US, "line", &field, 1);
	}
	tb_log_stop(&log);
	close(fds[1]);
	pthread_join(reader, NULL);
	rest = tb_buf_str(&reading.text);
	for (int64_t i = 0; i < LINES; i++) {
		struct tb_str line = tb_str_cut(&rest, '\n');
		char end[32];
		size_t n = (size_t)snprintf(end, sizeof(end), "\"i\":%lld}",
					    (long long)i);

		assert_true(line.n > n);
		assert_memory_equal(line.p + line.n - n, end, n);
	}
	assert_int_equal(rest.n, 0);
	close(fds[0]);
	tb_buf_fini(&reading.text);
}

/* Far more lines than the sink and the pipe hold. Nobody reads until they all
 * have been logged, which so waits for nobody. */
static void lines_without_room_are_counted_and_nobody_waits(void **state)
{
	struct reading reading;
	struct tb_log log;
	pthread_t reader;
	struct tb_str rest;
	int64_t n = 0, n_lost = 0;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reading.fd = fds[0];
	tb_buf_init(&reading.text, (size_t)16 << 20);
	tb_log_init(&log, fds[1], TB_LOG_INFO);
	assert_int_equal(tb_log_start(&log), TB_OK);
	for (int64_t i = 0; i < 10 * LINES; i++)
		tb_log_event(&log, TB_LOG_INFO, TIME_US, "line", NULL, 0);
	assert_int_equal(pthread_create(&reader, NULL, read_all, &reading), 0);
	tb_log_stop(&log);
	close(fds[1]);
	pthread_join(reader, NULL);
	rest = tb_buf_str(&reading.text);
	while (rest.n > 0) {
		struct tb_str line = tb_str_cut(&rest, '\n');
		const char *lost = memmem(line.p, line.n, LOST, strlen(LOST));

		if (lost)
			n_lost += strtoll(lost + strlen(LOST), NULL, 10);
		else
			n++;
	}
	assert_true(n_lost > 0);
	assert_int_equal(n + n_lost, 10 * LINES);
	close(fds[0]);
	tb_buf_fini(&reading.text);
}

/* That this test ends at all is what it shows. */
static void a_pipe_that_nobody_reads_does_not_hold_up_the_stop(void **state)
{
	struct tb_log log;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	tb_log_init(&log, fds[1], TB_LOG_INFO);
	assert_int_equal(tb_log_start(&log), TB_OK);
	for (int64_t i = 0; i < 10 * LINES; i++)
		tb_log_event(&log, TB_LOG_INFO, TIME_US, "line", NULL, 0);
	tb_log_stop(&log);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_all_its_members),
		cmocka_unit_test(the_status_gives_the_level),
		cmocka_unit_test(an_event_escapes_what_it_says),
		cmocka_unit_test(any_bytes_make_a_line_that_fits),
		cmocka_unit_test(
			gathered_lines_keep_their_order_and_none_is_lost),
		cmocka_unit_test(
			lines_without_room_are_counted_and_nobody_waits),
		cmocka_unit_test(
			a_pipe_that_nobody_reads_does_not_hold_up_the_stop),
		cmocka_unit_test(what_is_below_the_level_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
