#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "http/body.h"

#define MIB (1u << 20)

static struct tb_budget budget;

static int set_up(void **state)
{
	(void)state;
	tb_budget_init(&budget, 4 * MIB);
	return 0;
}

/* Whatever happened, all of it is given back. */
static int tear_down(void **state)
{
	(void)state;
	return tb_budget_has(&budget, 4 * MIB) ? 0 : -1;
}

static struct tb_body begin(uint64_t max_bytes, bool is_gzip, bool is_ignored)
{
	struct tb_body body;

	assert_int_equal(
		tb_body_init(&body, &budget, max_bytes, is_gzip, is_ignored),
		TB_OK);
	return body;
}

static void the_budget_is_shared_and_given_back(void **state)
{
	(void)state;
	assert_true(tb_budget_take(&budget, 3 * MIB));
	assert_false(tb_budget_take(&budget, 2 * MIB));
	assert_true(tb_budget_has(&budget, MIB));
	assert_false(tb_budget_has(&budget, MIB + 1));
	assert_false(tb_budget_take(&budget, UINT64_MAX));
	tb_budget_give(&budget, 3 * MIB);
	assert_true(tb_budget_take(&budget, 4 * MIB));
	tb_budget_give(&budget, 4 * MIB);
}

static void pieces_come_together(void **state)
{
	struct tb_body body = begin(10, false, false);

	(void)state;
	assert_int_equal(tb_body_feed(&body, TB_STR("hello ")), TB_OK);
	assert_int_equal(tb_body_feed(&body, TB_STR("you!")), TB_OK);
	assert_int_equal(tb_body_end(&body), TB_OK);
	assert_true(tb_str_eq(tb_buf_str(&body.buf), TB_STR("hello you!")));
	assert_int_equal(body.received_bytes, 10);
	assert_false(tb_budget_has(&budget, 4 * MIB));
	tb_body_fini(&body);
}

static void one_byte_over_the_ceiling_is_too_large(void **state)
{
	struct tb_body body = begin(10, false, false);

	(void)state;
	assert_int_equal(tb_body_feed(&body, TB_STR("0123456789")), TB_OK);
	assert_int_equal(tb_body_feed(&body, TB_STR("x")), TB_ERR_TOO_LARGE);
	tb_body_fini(&body);
}

static void an_ignored_body_is_counted_and_not_kept(void **state)
{
	struct tb_body body = begin(10, true, true);

	(void)state;
	assert_int_equal(tb_body_feed(&body, TB_STR("not gzip")), TB_OK);
	assert_int_equal(tb_body_end(&body), TB_OK);
	assert_int_equal(body.buf.n, 0);
	assert_int_equal(tb_body_feed(&body, TB_STR("more")), TB_ERR_TOO_LARGE);
	tb_body_fini(&body);
}

static void a_body_waits_for_its_share_of_the_budget(void **state)
{
	struct tb_body body = begin(10, false, false);

	(void)state;
	assert_true(tb_budget_take(&budget, 4 * MIB - 5));
	assert_int_equal(tb_body_feed(&body, TB_STR("01234")), TB_OK);
	assert_int_equal(tb_body_feed(&body, TB_STR("5")), TB_ERR_BUSY);
	tb_body_fini(&body);
	tb_budget_give(&budget, 4 * MIB - 5);
}

static struct tb_buf packed(size_t n)
{
	struct tb_buf plain, buf;

	tb_buf_init(&plain, n);
	tb_buf_init(&buf, n + 1000);
	memset(tb_buf_reserve(&plain, n), 'x', n);
	plain.n = n;
	assert_int_equal(tb_gzip_compress(tb_buf_str(&plain), 9, &buf), TB_OK);
	tb_buf_fini(&plain);
	return buf;
}

static void gzip_is_unpacked_piece_by_piece(void **state)
{
	struct tb_body body = begin(MIB, true, false);
	struct tb_buf gz = packed(MIB);
	size_t i;

	(void)state;
	for (i = 0; i < gz.n; i++)
		assert_int_equal(tb_body_feed(&body, tb_str(gz.p + i, 1)),
				 TB_OK);
	assert_int_equal(tb_body_end(&body), TB_OK);
	assert_int_equal(body.buf.n, MIB);
	assert_int_equal(body.received_bytes, gz.n);
	assert_false(tb_budget_has(&budget, 3 * MIB + 1));
	tb_buf_fini(&gz);
	tb_body_fini(&body);
}

static void gzip_ends_at_the_ceiling_or_the_budget(void **state)
{
	struct tb_buf gz = packed(3 * MIB);
	struct tb_body body = begin(3 * MIB - 1, true, false);

	(void)state;
	assert_int_equal(tb_body_feed(&body, tb_buf_str(&gz)),
			 TB_ERR_TOO_LARGE);
	assert_true(body.buf.cap <= 3 * MIB);
	tb_body_fini(&body);
	assert_true(tb_budget_take(&budget, 2 * MIB));
	body = begin(3 * MIB, true, false);
	assert_int_equal(tb_body_feed(&body, tb_buf_str(&gz)), TB_ERR_BUSY);
	assert_true(body.buf.n < 3 * MIB);
	tb_body_fini(&body);
	tb_budget_give(&budget, 2 * MIB);
	tb_buf_fini(&gz);
}

static void gzip_that_is_cut_off_or_none_is_invalid(void **state)
{
	struct tb_buf gz = packed(1000);
	struct tb_body body;
	size_t n;

	(void)state;
	for (n = 0; n < gz.n; n++) {
		body = begin(MIB, true, false);
		assert_int_equal(tb_body_feed(&body, tb_str(gz.p, n)), TB_OK);
		assert_int_equal(tb_body_end(&body), TB_ERR_INVALID);
		tb_body_fini(&body);
	}
	body = begin(MIB, true, false);
	assert_int_equal(tb_body_feed(&body, TB_STR("[1,2,3]")),
			 TB_ERR_INVALID);
	tb_body_fini(&body);
	tb_buf_fini(&gz);
}

static void no_memory_is_said_and_nothing_is_kept(void **state)
{
	struct tb_body body;

	(void)state;
	tb_alloc_fail_at(1);
	assert_int_equal(tb_body_init(&body, &budget, 10, true, false),
			 TB_ERR_NOMEM);
	body = begin(10, false, false);
	tb_alloc_fail_at(1);
	assert_int_equal(tb_body_feed(&body, TB_STR("x")), TB_ERR_NOMEM);
	tb_alloc_fail_at(0);
	tb_body_fini(&body);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(the_budget_is_shared_and_given_back),
		WITH(pieces_come_together),
		WITH(one_byte_over_the_ceiling_is_too_large),
		WITH(an_ignored_body_is_counted_and_not_kept),
		WITH(a_body_waits_for_its_share_of_the_budget),
		WITH(gzip_is_unpacked_piece_by_piece),
		WITH(gzip_ends_at_the_ceiling_or_the_budget),
		WITH(gzip_that_is_cut_off_or_none_is_invalid),
		WITH(no_memory_is_said_and_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
