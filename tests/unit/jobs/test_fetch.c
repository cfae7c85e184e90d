/*
 * What fetch works out without a server: addresses, targets, what an answer's
 * headers say. The rest is tests/api/test_jobs_fetch.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "jobs/connectors/failure.h"
#include "jobs/fetch/fetch.h"
#include "jobs/fetch/fetch_url.h"

#define ARENA_MAX ((size_t)1 << 20)

static int make_arena(void **state)
{
	*state = tb_arena_create(ARENA_MAX);
	return *state == NULL;
}

static int end_arena(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static void plain_http_is_for_loopback_alone(void **state)
{
	static const char *const good[] = {
		"https://example.com", "https://10.0.0.1:8443/shop",
		"http://127.0.0.1",    "http://127.0.0.1:8000/x",
		"http://127.255.1.2",  "http://localhost:1",
		"http://LOCALHOST",    "http://[::1]:80",
		"http://127.1",        "http://2130706433",
		"HTTP://127.0.0.1",    "HTTPS://Example.com",
	};
	static const char *const bad[] = {
		"",
		"example.com",
		"http://example.com",
		"http://128.0.0.1",
		"http://10.0.0.1",
		"http://0.0.0.0",
		"http://127.0.0.1.example.com",
		"http://localhost.example.com",
		"http://xlocalhost",
		"http://[::2]",
		"http://[::ffff:127.0.0.1]",
		"http://user@127.0.0.1",
		"https://user:word@example.com",
		"http://127.0.0.1@example.com",
		"ftp://127.0.0.1",
		"file:///etc/passwd",
		"https://",
		"https://exa mple.com",
		"https://example.com:99999",
	};
	CURLU *url;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		if (tb_fetch_url_parse(good[i], &url) != TB_OK)
			fail_msg("%s", good[i]);
		curl_url_cleanup(url);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		if (tb_fetch_url_parse(bad[i], &url) != TB_ERR_INVALID)
			fail_msg("%s", bad[i]);
}

/* Where an address leads from https://shop.example/v1/list?x=1. */
static const struct {
	const char *text;
	const char *url; /* NULL: see err */
	enum tb_err err;
} steps[] = {
	{ "https://shop.example/y", "https://shop.example/y", TB_OK },
	{ "https://SHOP.example:443/y", "https://SHOP.example:443/y", TB_OK },
	{ "/y?z", "https://shop.example/y?z", TB_OK },
	{ "y", "https://shop.example/v1/y", TB_OK },
	{ "?page=2", "https://shop.example/v1/list?page=2", TB_OK },
	{ "//shop.example/y", "https://shop.example/y", TB_OK },
	{ "../../y", "https://shop.example/y", TB_OK },
	{ "/a b", "https://shop.example/a%20b", TB_OK },
	{ "https://shop.example.evil/y", NULL, TB_ERR_DENIED },
	{ "https://evil/y", NULL, TB_ERR_DENIED },
	{ "https://shop.example:444/y", NULL, TB_ERR_DENIED },
	{ "http://shop.example/y", NULL, TB_ERR_DENIED },
	{ "http://shop.example:443/y", NULL, TB_ERR_DENIED },
	{ "//evil/y", NULL, TB_ERR_DENIED },
	{ "ftp://shop.example/y", NULL, TB_ERR_DENIED },
	{ "https://user@shop.example/y", NULL, TB_ERR_DENIED },
	{ "https://shop.example@evil/y", NULL, TB_ERR_DENIED },
	{ "https://evil#@shop.example/", NULL, TB_ERR_DENIED },
	{ "https://shop.example:x/y", NULL, TB_ERR_INVALID },
	{ "", NULL, TB_ERR_INVALID },
};

static void an_address_elsewhere_is_denied(void **state)
{
	struct tb_arena *arena = *state;
	CURLU *from;

	assert_int_equal(
		tb_fetch_url_parse("https://shop.example/v1/list?x=1", &from),
		TB_OK);
	for (size_t i = 0; i < TB_ARRAY_LEN(steps); i++) {
		CURLU *to = NULL;
		struct tb_str text;

		if (tb_fetch_url_follow(from, tb_str_z(steps[i].text), &to) !=
		    steps[i].err)
			fail_msg("%s", steps[i].text);
		if (to == NULL)
			continue;
		assert_int_equal(tb_fetch_url_text(arena, to, &text), TB_OK);
		if (!tb_str_eq(text, tb_str_z(steps[i].url)))
			fail_msg("%s: %s", steps[i].text, text.p);
		curl_url_cleanup(to);
	}
	assert_int_equal(tb_fetch_url_follow(from, tb_str("/a\0b", 4),
					     &(CURLU *) { NULL }),
			 TB_ERR_INVALID);
	curl_url_cleanup(from);
}

static void parameters_are_encoded(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 1000);
	tb_buf_append_z(&buf, "/x");
	tb_fetch_put_param(&buf, TB_STR("a"), TB_STR("AZaz09-._~"));
	tb_fetch_put_param(&buf, TB_STR("b[]"), TB_STR("&=?#+ /%\n\xc3\xa9"));
	tb_fetch_put_param(&buf, TB_STR("c"), tb_str("\0", 1));
	tb_fetch_put_param(&buf, TB_STR("d"), TB_STR_NONE);
	tb_fetch_put_number(&buf, TB_STR("e"), UINT64_MAX);
	tb_buf_append_char(&buf, '\0');
	assert_string_equal(buf.p,
			    "/x?a=AZaz09-._~&b%5B%5D=%26%3D%3F%23%2B%20%2F%25"
			    "%0A%C3%A9&c=%00&d=&e=18446744073709551615");
	tb_buf_reset(&buf);
	tb_fetch_put_segment(&buf, TB_STR("a/b?c"));
	assert_true(tb_str_eq(tb_buf_str(&buf), TB_STR("a%2Fb%3Fc")));
	tb_buf_fini(&buf);
}

static void headers_are_found_in_any_case(void **state)
{
	static const struct tb_fetch_header headers[] = {
		{ TB_STR_INIT("Content-Type"), TB_STR_INIT("a") },
		{ TB_STR_INIT("content-type"), TB_STR_INIT("b") },
		{ TB_STR_INIT("X-Empty"), TB_STR_INIT("") },
	};
	struct tb_fetch_answer answer = { .headers = headers, .n_headers = 3 };

	(void)state;
	assert_true(tb_str_eq(tb_fetch_header(&answer, "CONTENT-TYPE"),
			      TB_STR("a")));
	assert_non_null(tb_fetch_header(&answer, "x-empty").p);
	assert_null(tb_fetch_header(&answer, "x").p);
}

static atomic_bool is_stopped;

static struct tb_fetch *open_fetch(struct tb_arena *arena)
{
	static const struct tb_source source = {
		.url = "https://shop.example",
		.timeout_s = 1,
		.page_max_bytes = 1,
	};
	struct tb_connector_failure failure;
	struct tb_fetch *fetch;

	assert_int_equal(
		tb_fetch_create(&source, arena, &is_stopped, &fetch, &failure),
		TB_OK);
	return fetch;
}

static void the_next_page_is_a_whole_url(void **state)
{
	static const struct tb_fetch_header headers[] = {
		{ TB_STR_INIT("Link"), TB_STR_INIT("</p>; rel=prev") },
		{ TB_STR_INIT("X"), TB_STR_INIT("</x>; rel=next") },
		{ TB_STR_INIT("link"), TB_STR_INIT("<?p=2>; rel=next") },
		{ TB_STR_INIT("Link"), TB_STR_INIT("</no>; rel=next") },
	};
	struct tb_arena *arena = *state;
	struct tb_fetch *fetch = open_fetch(arena);
	struct tb_connector_failure failure;
	struct tb_fetch_answer answer = {
		.headers = headers,
		.n_headers = TB_ARRAY_LEN(headers),
		.url = TB_STR("https://shop.example/moved/list?p=1"),
	};
	struct tb_str next;

	assert_int_equal(
		tb_fetch_next_link(fetch, arena, &answer, &next, &failure),
		TB_OK);
	assert_true(
		tb_str_eq(next, TB_STR("https://shop.example/moved/list?p=2")));
	answer.n_headers = 2;
	assert_int_equal(
		tb_fetch_next_link(fetch, arena, &answer, &next, &failure),
		TB_OK);
	assert_int_equal(next.n, 0);
	tb_fetch_destroy(fetch);
}

/* Everything in a request that could end a line of its head. */
static void a_request_with_control_characters_is_not_sent(void **state)
{
	static const struct tb_fetch_header bad[] = {
		{ TB_STR_INIT("A"), TB_STR_INIT("b\r\nC: d") },
		{ TB_STR_INIT("A"), TB_STR_INIT("b\n") },
		{ TB_STR_INIT("A\r\nB"), TB_STR_INIT("c") },
		{ TB_STR_INIT("A"), TB_STR_INIT("\x7f") },
		{ TB_STR_INIT("A"), { "b\0c", 3 } },
		{ TB_STR_INIT(""), TB_STR_INIT("c") },
	};
	static const struct tb_str targets[] = {
		TB_STR_INIT(""),        TB_STR_INIT("x"),
		TB_STR_INIT(".evil/x"), TB_STR_INIT("@evil/x"),
		TB_STR_INIT(":80/x"),   TB_STR_INIT("/x\r\ny"),
		TB_STR_INIT("?x"),
	};
	struct tb_arena *arena = *state;
	struct tb_fetch *fetch = open_fetch(arena);
	struct tb_connector_failure failure;
	struct tb_fetch_answer answer;

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_fetch_request request = {
			.target = TB_STR("/x"),
			.headers = &bad[i],
			.n_headers = 1,
		};

		assert_int_equal(tb_fetch_send(fetch, arena, &request, &answer,
					       &failure),
				 TB_ERR_INVALID);
		assert_string_equal(failure.code, "request");
		assert_false(failure.may_pass);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(targets); i++) {
		struct tb_fetch_request request = { .target = targets[i] };

		assert_int_equal(tb_fetch_send(fetch, arena, &request, &answer,
					       &failure),
				 TB_ERR_INVALID);
		assert_string_equal(failure.code, "request");
	}
	tb_fetch_destroy(fetch);
}

static void a_message_is_cut_at_a_character(void **state)
{
	struct tb_arena *arena = *state;
	struct tb_connector_failure failure;
	char text[701];

	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';
	for (size_t shift = 0; shift < 2; shift++) {
		assert_int_equal(tb_failure_set(&failure, arena, TB_ERR_IO, "x",
						true, "%s: %s",
						shift ? "ab" : "a", text),
				 TB_ERR_IO);
		assert_true(failure.message.n <= 500);
		assert_true(tb_str_starts(failure.message, TB_STR("a")));
		assert_int_equal(failure.message.p[failure.message.n - 1], ' ');
	}
	tb_failure_set(&failure, arena, TB_ERR_IO, "x", true, "short \xc3\xa9");
	assert_true(tb_str_eq(failure.message, TB_STR("short \xc3\xa9")));
}

static void what_the_other_side_says_is_made_plain(void **state)
{
	char plain[TB_FAILURE_PLAIN_MAX_BYTES + 1];
	char text[1000];

	(void)state;
	assert_string_equal(
		tb_failure_plain(tb_str("a\r\n\0\x1b[1m~\x7f\xc3\xa9 b", 14),
				 plain),
		"a????[1m~??? b");
	memset(text, 'x', sizeof(text));
	assert_int_equal(
		strlen(tb_failure_plain(tb_str(text, sizeof(text)), plain)),
		TB_FAILURE_PLAIN_MAX_BYTES);
	assert_string_equal(tb_failure_plain(TB_STR_NONE, plain), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, end_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_http_is_for_loopback_alone),
		TEST(an_address_elsewhere_is_denied),
		TEST(parameters_are_encoded),
		TEST(headers_are_found_in_any_case),
		TEST(the_next_page_is_a_whole_url),
		TEST(a_request_with_control_characters_is_not_sent),
		TEST(a_message_is_cut_at_a_character),
		TEST(what_the_other_side_says_is_made_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
