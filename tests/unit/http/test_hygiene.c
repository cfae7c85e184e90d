#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "http/hygiene.h"

#define RAW_MAX 4096
#define HEADERS_MAX 16

/* A head in memory as the library leaves it, made from its parts. */
struct made {
	char raw[RAW_MAX];
	size_t n;
	struct tb_header headers[HEADERS_MAX];
	struct tb_head head;
};

static struct tb_str put(struct made *m, const char *text)
{
	struct tb_str s = { m->raw + m->n, strlen(text) };

	assert_true(m->n + s.n < RAW_MAX);
	memcpy(m->raw + m->n, text, s.n);
	m->n += s.n;
	return s;
}

static void put_nuls(struct made *m, size_t n)
{
	memset(m->raw + m->n, 0, n);
	m->n += n;
}

/* `lines` are name, value, ..., NULL. */
static void make(struct made *m, const char *method, const char *target,
		 const char *version, const char *const *lines)
{
	*m = (struct made) { .n = 0 };
	m->head.method = put(m, method);
	put_nuls(m, 1);
	put(m, target);
	m->head.target = tb_str_z(target);
	put_nuls(m, 1);
	m->head.version = put(m, version).p;
	put_nuls(m, 2);
	for (; *lines; lines += 2) {
		struct tb_header *header = &m->headers[m->head.n_headers++];

		header->name = put(m, lines[0]);
		put_nuls(m, 1);
		put(m, " ");
		header->value = put(m, lines[1]);
		put_nuls(m, 2);
	}
	put_nuls(m, 2);
	m->head.headers = m->headers;
	m->head.raw = tb_str(m->raw, m->n);
}

#define LINES(...) ((const char *const[]) { __VA_ARGS__, NULL })

static const char *check(const char *const *lines, struct tb_framing *framing)
{
	struct made m;

	make(&m, "POST", "/a?b=c", "HTTP/1.1", lines);
	return tb_hygiene_check(&m.head, framing);
}

static void a_proper_head_says_how_its_body_is_framed(void **state)
{
	struct tb_framing framing;

	(void)state;
	assert_null(check(LINES("Host", "x"), &framing));
	assert_int_equal(framing.kind, TB_FRAMING_NONE);
	assert_null(
		check(LINES("Host", "x", "content-length", "0012"), &framing));
	assert_int_equal(framing.kind, TB_FRAMING_LENGTH);
	assert_int_equal(framing.length_bytes, 12);
	assert_null(check(LINES("Host", "", "Transfer-Encoding", "CHUNKED"),
			  &framing));
	assert_int_equal(framing.kind, TB_FRAMING_CHUNKED);
	assert_null(check(LINES("Host", "x", "X-Empty", ""), &framing));
}

static void a_head_that_can_be_read_in_two_ways_is_refused(void **state)
{
	const char *const *const heads[] = {
		LINES("X", "y"),
		LINES("Host", "x", "Host", "x"),
		LINES("Host", "x", "Authorization", "Bearer a", "authorization",
		      "Bearer a"),
		LINES("Host", "x", "Content-Length", "1", "Content-Length",
		      "1"),
		LINES("Host", "x", "Content-Length", "1", "Transfer-Encoding",
		      "chunked"),
		LINES("Host", "x", "Transfer-Encoding", "chunked",
		      "Transfer-Encoding", "chunked"),
		LINES("Host", "x", "Transfer-Encoding", "gzip, chunked"),
		LINES("Host", "x", "Transfer-Encoding", "chunked "),
		LINES("Host", "x", "Transfer-Encoding", ""),
		LINES("Host", "x", "Content-Length", "+1"),
		LINES("Host", "x", "Content-Length", "-1"),
		LINES("Host", "x", "Content-Length", "1 "),
		LINES("Host", "x", "Content-Length", "0x1"),
		LINES("Host", "x", "Content-Length", ""),
		LINES("Host", "x", "Content-Length", "18446744073709551616"),
		LINES("Host", "x", "A ", "b"),
		LINES("Host", "x", "", "b"),
		LINES("Host", "x", "A\x01", "b"),
		LINES("Host", "x", "A", "b\x01"),
		LINES("Host", "x", "A", "b\rC: d"),
		LINES("Host", "x", "A", "\x7f"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(heads); i++) {
		struct tb_framing framing;

		assert_non_null(check(heads[i], &framing));
	}
}

static void http_1_0_needs_no_host_and_has_no_codings(void **state)
{
	struct tb_framing framing;
	struct made m;

	(void)state;
	make(&m, "GET", "/", "HTTP/1.0", LINES("X", "y"));
	assert_null(tb_hygiene_check(&m.head, &framing));
	make(&m, "GET", "/", "HTTP/1.0", LINES("Transfer-Encoding", "chunked"));
	assert_non_null(tb_hygiene_check(&m.head, &framing));
}

static void a_request_line_that_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *method;
		const char *target;
	} lines[] = {
		{ "", "/" },
		{ "G T", "/" },
		{ "G[T", "/" },
		{ "GET", "" },
		{ "GET", "*" },
		{ "GET", "a" },
		{ "GET", "http://x/" },
		{ "GET", "/%" },
		{ "GET", "/%4" },
		{ "GET", "/%zz" },
		{ "GET", "/%00" },
		{ "GET", "/a b" },
		{ "GET", "/\x01" },
		{ "GET", "/\xc3\xa4" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(lines); i++) {
		struct tb_framing framing;
		struct made m;

		make(&m, lines[i].method, lines[i].target, "HTTP/1.1",
		     LINES("Host", "x"));
		assert_non_null(tb_hygiene_check(&m.head, &framing));
	}
}

static void an_escape_in_the_query_is_not_the_heads_matter(void **state)
{
	struct tb_framing framing;
	struct made m;

	(void)state;
	make(&m, "GET", "/%41?%zz%00", "HTTP/1.1", LINES("Host", "x"));
	assert_null(tb_hygiene_check(&m.head, &framing));
}

/* Whatever byte between the slices is another one than it should be, or one
 * too many, the head is refused. */
static void a_gap_between_the_slices_is_found(void **state)
{
	struct tb_framing framing;
	struct made m;
	size_t i;

	(void)state;
	for (i = 0;; i++) {
		make(&m, "GET", "/", "HTTP/1.1", LINES("Host", "x", "A", "b"));
		if (i == m.n)
			break;
		if (m.raw[i] != '\0')
			continue;
		m.raw[i] = 'x';
		assert_non_null(tb_hygiene_check(&m.head, &framing));
	}
	make(&m, "GET", "/", "HTTP/1.1", LINES("Host", "x"));
	m.head.raw.n++;
	assert_non_null(tb_hygiene_check(&m.head, &framing));
	m.head.raw.n -= 2;
	assert_non_null(tb_hygiene_check(&m.head, &framing));
}

static void a_value_that_was_moved_is_found(void **state)
{
	struct tb_framing framing;
	struct made m;

	(void)state;
	/* As libmicrohttpd does with a folded line. */
	make(&m, "GET", "/", "HTTP/1.1", LINES("Host", "x", "A", "b c"));
	m.headers[1].value = TB_STR("b c");
	assert_non_null(tb_hygiene_check(&m.head, &framing));
	make(&m, "GET", "/", "HTTP/1.1", LINES("Host", "x", "A", "b"));
	m.head.n_headers = 1;
	assert_non_null(tb_hygiene_check(&m.head, &framing));
}

static void bytes_are_judged_by_their_whole_lines(void **state)
{
	static const struct {
		const char *bytes;
		bool refused;
	} cases[] = {
		{ "", false },
		{ "GET / HTTP/1.1", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\nno colon\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nno col", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n", true },
		{ "GET / HTTP/1.1\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: x\nA: b\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5 \r\n\r\n",
		  true },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\t5\r\n\r\n",
		  false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n",
		  true },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n",
		  false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++)
		assert_int_equal(tb_hygiene_scan(tb_str_z(cases[i].bytes)) !=
					 NULL,
				 cases[i].refused);
	assert_non_null(tb_hygiene_scan(
		TB_STR("GET / HTTP/1.1\r\nHost: x\r\nA: b\0\nB: c\r\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proper_head_says_how_its_body_is_framed),
		cmocka_unit_test(
			a_head_that_can_be_read_in_two_ways_is_refused),
		cmocka_unit_test(http_1_0_needs_no_host_and_has_no_codings),
		cmocka_unit_test(a_request_line_that_is_malformed_is_refused),
		cmocka_unit_test(
			an_escape_in_the_query_is_not_the_heads_matter),
		cmocka_unit_test(a_gap_between_the_slices_is_found),
		cmocka_unit_test(a_value_that_was_moved_is_found),
		cmocka_unit_test(bytes_are_judged_by_their_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
