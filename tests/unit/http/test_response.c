#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "http/fail.h"
#include "http/later.h"
#include "http/response.h"
#include "http/route.h"
#include "http/source.h"

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	(void)req;
	tb_buf_printf(buf, "%u %s %.*s", error->status, error->code,
		      TB_STR_ARG(error->message));
}

static const struct tb_api api = { .put_error = put_error };

struct fixture {
	struct tb_request req;
	struct tb_response res;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .req.api = &api };
	f.req.arena = f.res.arena = tb_arena_create(1 << 16);
	*state = &f;
	return f.req.arena ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tb_response_empty(&f->res, 0);
	tb_arena_destroy(f->req.arena);
	return 0;
}

static struct tb_buf text(const char *z)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 1000);
	tb_buf_append_z(&buf, z);
	return buf;
}

static unsigned n_cancelled;

static void cancel_later(struct tb_later *later)
{
	assert_non_null(later);
	n_cancelled++;
}

static void cancel_takeover(struct tb_takeover *takeover)
{
	assert_non_null(takeover);
	n_cancelled++;
}

static void another_answer_cancels_what_was_handed_over(void **state)
{
	struct tb_later later = { .cancel = cancel_later };
	struct tb_takeover takeover = { .cancel = cancel_takeover };
	struct fixture *f = *state;

	n_cancelled = 0;
	tb_response_later(&f->res, &later);
	assert_int_equal(f->res.status, 0);
	assert_ptr_equal(f->res.later, &later);
	tb_response_takeover(&f->res, &takeover);
	assert_int_equal(n_cancelled, 1);
	assert_null(f->res.later);
	assert_int_equal(f->res.status, 101);
	assert_ptr_equal(f->res.takeover, &takeover);
	tb_response_later(&f->res, &later);
	assert_int_equal(n_cancelled, 2);
	assert_null(f->res.takeover);
	tb_response_fail(&f->res, &f->req, TB_ERR_BUSY);
	assert_int_equal(n_cancelled, 3);
	assert_null(f->res.later);
	tb_response_empty(&f->res, 204);
	assert_int_equal(n_cancelled, 3);
}

static void a_blob_lives_as_long_as_its_references(void **state)
{
	struct tb_buf buf = text("shared");
	struct tb_blob *blob = tb_blob_create(&buf);

	(void)state;
	assert_non_null(blob);
	assert_null(buf.p);
	assert_ptr_equal(tb_blob_ref(blob), blob);
	tb_blob_unref(blob);
	assert_true(tb_str_eq(tb_blob_str(blob), TB_STR("shared")));
	tb_blob_unref(blob);
	tb_blob_unref(NULL);
}

static void a_blob_without_memory_leaves_the_buffer(void **state)
{
	struct tb_buf buf = text("mine");

	(void)state;
	tb_alloc_fail_at(1);
	assert_null(tb_blob_create(&buf));
	tb_alloc_fail_at(0);
	assert_true(tb_str_eq(tb_buf_str(&buf), TB_STR("mine")));
	tb_buf_fini(&buf);
}

static void a_later_body_replaces_an_earlier_one(void **state)
{
	struct fixture *f = *state;
	struct tb_buf first = text("first"), second = text("second"),
		      third = text("third");

	tb_response_body(&f->res, 200, TB_JSON_TYPE, &first);
	assert_null(first.p);
	tb_response_blob(&f->res, 201, "text/plain", tb_blob_create(&second),
			 true);
	assert_null(f->res.body.p);
	assert_true(f->res.encoded);
	assert_int_equal(f->res.status, 201);
	tb_response_body(&f->res, 202, TB_JSON_TYPE, &third);
	assert_null(f->res.blob);
	assert_false(f->res.encoded);
	assert_true(tb_str_eq(tb_buf_str(&f->res.body), TB_STR("third")));
	tb_response_empty(&f->res, 204);
	assert_null(f->res.content_type);
	assert_int_equal(f->res.status, 204);
}

static void headers_are_copied_and_bounded(void **state)
{
	struct fixture *f = *state;
	char value[] = "one";
	int i;

	assert_int_equal(tb_response_header(&f->res, "A", tb_str_z(value)),
			 TB_OK);
	value[0] = 'x';
	assert_true(tb_str_eq(f->res.headers[0].value, TB_STR("one")));
	for (i = 1; i < TB_RESPONSE_HEADERS_MAX; i++)
		assert_int_equal(tb_response_header(&f->res, "A", TB_STR("b")),
				 TB_OK);
	assert_int_equal(tb_response_header(&f->res, "A", TB_STR("b")),
			 TB_ERR_NOMEM);
	assert_int_equal(f->res.n_headers, TB_RESPONSE_HEADERS_MAX);
}

static void an_error_has_the_shape_of_its_api(void **state)
{
	struct fixture *f = *state;
	struct tb_buf earlier = text("earlier");

	tb_response_body(&f->res, 200, "text/plain", &earlier);
	tb_response_error(&f->res, &f->req, 404, NULL, TB_STR("no such"));
	assert_true(tb_str_eq(tb_buf_str(&f->res.body),
			      TB_STR("404 not_found no such")));
	assert_int_equal(f->res.status, 404);
	assert_string_equal(f->res.error_code, "not_found");
	tb_response_error(&f->res, &f->req, 401, "own_code", TB_STR("x"));
	assert_string_equal(f->res.error_code, "own_code");
	assert_true(
		tb_str_eq(tb_buf_str(&f->res.body), TB_STR("401 own_code x")));
}

static void an_error_without_memory_keeps_its_status(void **state)
{
	struct fixture *f = *state;

	tb_alloc_fail_at(1);
	tb_response_error(&f->res, &f->req, 409, NULL, TB_STR("x"));
	tb_alloc_fail_at(0);
	assert_int_equal(f->res.status, 409);
	assert_null(f->res.content_type);
	assert_string_equal(f->res.error_code, "conflict");
}

static void
every_error_has_a_status_and_503_says_when_to_come_back(void **state)
{
	struct fixture *f = *state;
	int err;

	for (err = TB_OK + 1; err < TB_ERR_COUNT; err++) {
		f->res.n_headers = 0;
		tb_response_fail(&f->res, &f->req, (enum tb_err)err);
		assert_in_range(f->res.status, 400, 503);
		assert_int_equal(f->res.n_headers, f->res.status == 503);
		if (f->res.status == 503)
			assert_true(tb_str_eq(f->res.headers[0].name,
					      TB_STR("Retry-After")));
		assert_non_null(f->res.error_code);
	}
}

static void a_status_without_a_code_of_its_own_has_a_general_one(void **state)
{
	(void)state;
	assert_string_equal(tb_fail_status_code(418), "bad_request");
	assert_string_equal(tb_fail_status_code(502), "internal_error");
	assert_string_equal(tb_fail_status_words(404), "Not Found");
	assert_non_null(tb_fail_status_words(799));
}

static int n_destroyed;

static void count_destroyed(struct tb_source *source)
{
	(void)source;
	n_destroyed++;
}

static void a_source_is_owned_until_something_replaces_it(void **state)
{
	static const struct tb_source_ops ops = { .destroy = count_destroyed };
	struct tb_source first = { .ops = &ops }, second = { .ops = &ops };
	struct fixture *f = *state;
	struct tb_buf buf = text("body");

	n_destroyed = 0;
	tb_response_body(&f->res, 200, TB_JSON_TYPE, &buf);
	tb_response_source(&f->res, 201, TB_JSON_UTF8_TYPE, &first, 7);
	assert_null(f->res.body.p);
	assert_int_equal(f->res.status, 201);
	assert_string_equal(f->res.content_type, TB_JSON_UTF8_TYPE);
	assert_int_equal(f->res.source_bytes, 7);
	assert_int_equal(n_destroyed, 0);
	tb_response_source(&f->res, 200, TB_JSON_TYPE, &second,
			   TB_LENGTH_UNKNOWN);
	assert_int_equal(n_destroyed, 1);
	tb_response_fail(&f->res, &f->req, TB_ERR_IO);
	assert_int_equal(n_destroyed, 2);
	assert_null(f->res.source);
	assert_int_equal(f->res.status, 503);
}

static void what_fails_says_nothing_of_what_it_was_to_be(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tb_response_header(&f->res, "ETag", TB_STR("\"a\"")),
			 TB_OK);
	tb_response_fail(&f->res, &f->req, TB_ERR_BUSY);
	assert_int_equal(f->res.n_headers, 1);
	assert_true(tb_str_eq(f->res.headers[0].name, TB_STR("Retry-After")));
}

static void gzip_is_taken_by_those_who_say_so(void **state)
{
	struct fixture *f = *state;
	struct tb_header header = { TB_STR("accept-encoding"),
				    TB_STR("br, gzip") };

	assert_false(tb_request_accepts_gzip(&f->req));
	f->req.headers = &header;
	f->req.n_headers = 1;
	assert_true(tb_request_accepts_gzip(&f->req));
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(another_answer_cancels_what_was_handed_over),
		cmocka_unit_test(a_blob_lives_as_long_as_its_references),
		cmocka_unit_test(a_blob_without_memory_leaves_the_buffer),
		WITH(a_later_body_replaces_an_earlier_one),
		WITH(headers_are_copied_and_bounded),
		WITH(an_error_has_the_shape_of_its_api),
		WITH(an_error_without_memory_keeps_its_status),
		WITH(every_error_has_a_status_and_503_says_when_to_come_back),
		WITH(a_status_without_a_code_of_its_own_has_a_general_one),
		WITH(a_source_is_owned_until_something_replaces_it),
		WITH(what_fails_says_nothing_of_what_it_was_to_be),
		WITH(gzip_is_taken_by_those_who_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
