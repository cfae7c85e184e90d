/* The pages of a source that is made up: numbers, which fail as they are told
 * to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "jobs/pages.h"

#define PAGES 5
#define MUST(call) assert_int_equal((call), TB_OK)

struct fake {
	struct tb_connection base;
	unsigned at; /* page it gives next */
	bool is_confirmed;
};

/* What the made-up source does and has seen; the thread that reads ahead has
 * it, until it is joined. */
static struct {
	unsigned failures[PAGES + 1]; /* so many times before page n */
	bool may_pass;
	uint32_t retry_after_s; /* that each failure asks for */
	unsigned asked;
	unsigned opened;
	unsigned confirmed;
} plan;

static enum tb_err fake_open(const struct tb_connector_task *task,
			     struct tb_arena *arena, struct tb_str cursor,
			     struct tb_connection **ret,
			     struct tb_connector_failure *ret_failure)
{
	struct fake *fake = tb_calloc(1, sizeof(*fake));

	(void)task;
	(void)arena;
	(void)ret_failure;
	if (!fake)
		return TB_ERR_NOMEM;
	plan.opened++;
	fake->at = cursor.n > 0 ? (unsigned)(cursor.p[0] - '0') : 0;
	fake->is_confirmed = true;
	*ret = &fake->base;
	return TB_OK;
}

static enum tb_err fail_as_told(struct tb_connector_failure *ret_failure)
{
	*ret_failure = (struct tb_connector_failure) {
		.code = "made_up",
		.message = TB_STR("as it was told to"),
		.may_pass = plan.may_pass,
		.retry_after_s = plan.retry_after_s,
	};
	return TB_ERR_IO;
}

static enum tb_err fake_next(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_page *ret,
			     struct tb_connector_failure *ret_failure)
{
	struct fake *fake = (struct fake *)connection;
	struct tb_connector_page page = { .position = fake->at + 1,
					  .total = PAGES };

	plan.asked++;
	if (plan.failures[fake->at] > 0) {
		plan.failures[fake->at]--;
		return fail_as_told(ret_failure);
	}
	assert_true(fake->is_confirmed);
	page.is_last = ++fake->at == PAGES;
	MUST(tb_arena_printf(arena, &page.cursor, "%u", fake->at));
	*ret = page;
	return TB_OK;
}

static enum tb_err fake_confirm(struct tb_connection *connection,
				struct tb_arena *arena,
				struct tb_connector_failure *ret_failure)
{
	struct fake *fake = (struct fake *)connection;

	(void)arena;
	if (plan.failures[PAGES] > 0) {
		plan.failures[PAGES]--;
		return fail_as_told(ret_failure);
	}
	plan.confirmed++;
	fake->is_confirmed = true;
	return TB_OK;
}

/* The same, but wants each page confirmed before the next. */
static enum tb_err fake_next_confirmed(struct tb_connection *connection,
				       struct tb_arena *arena,
				       struct tb_connector_page *ret,
				       struct tb_connector_failure *ret_failure)
{
	struct fake *fake = (struct fake *)connection;
	enum tb_err err = fake_next(connection, arena, ret, ret_failure);

	if (!err)
		fake->is_confirmed = false;
	return err;
}

static void fake_close(struct tb_connection *connection)
{
	tb_free(connection);
}

static const struct tb_connector ahead = {
	.type = "ahead",
	.open = fake_open,
	.next = fake_next,
	.close = fake_close,
};
static const struct tb_connector in_turn = {
	.type = "in_turn",
	.open = fake_open,
	.next = fake_next_confirmed,
	.confirm = fake_confirm,
	.close = fake_close,
};

static const struct tb_source source = { .page_max_bytes = 1000 };

static struct tb_pages *make(const struct tb_connector *connector,
			     struct tb_stop *stop, struct tb_str cursor)
{
	const struct tb_connector_task task = { .source = &source,
						.is_stopped = &stop->is_set };
	const struct tb_pages_options options = { .connector = connector,
						  .task = &task,
						  .cursor = cursor,
						  .stop = stop,
						  .tries = 3 };
	struct tb_pages *pages;

	MUST(tb_pages_create(&options, &pages));
	return pages;
}

static int set_up(void **state)
{
	static struct tb_stop stop;

	memset(&plan, 0, sizeof(plan));
	plan.may_pass = true;
	tb_stop_init(&stop);
	*state = &stop;
	return 0;
}

static int tear_down(void **state)
{
	tb_stop_fini(*state);
	return 0;
}

/* Takes all pages from `first` on and looks at each. */
static void take_all(struct tb_pages *pages, unsigned first)
{
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_page page;

	for (unsigned n = first; n < PAGES; n++) {
		MUST(tb_pages_next(pages, &page, &failure));
		assert_int_equal(page.position, n + 1);
		assert_int_equal(page.cursor.n, 1);
		assert_int_equal(page.cursor.p[0], '0' + (int)n + 1);
		assert_int_equal(page.is_last, n == PAGES - 1);
		MUST(tb_pages_confirm(pages, &failure));
	}
}

static void pages_come_in_order(void **state)
{
	struct tb_pages *pages = make(&ahead, *state, TB_STR_NONE);

	take_all(pages, 0);
	tb_pages_destroy(pages);
	assert_int_equal(plan.asked, PAGES);
	assert_int_equal(plan.opened, 1);
	assert_int_equal(plan.confirmed, 0);
}

static void reading_goes_on_at_a_cursor(void **state)
{
	struct tb_pages *pages = make(&ahead, *state, TB_STR("3"));

	take_all(pages, 3);
	tb_pages_destroy(pages);
	assert_int_equal(plan.asked, 2);
}

static void each_is_confirmed_before_the_next_where_that_is_wanted(void **state)
{
	struct tb_pages *pages = make(&in_turn, *state, TB_STR_NONE);

	take_all(pages, 0);
	tb_pages_destroy(pages);
	assert_int_equal(plan.confirmed, PAGES);
}

static void what_may_pass_is_tried_again(void **state)
{
	struct tb_pages *pages;

	plan.failures[0] = 2;
	plan.failures[3] = 1;
	pages = make(&ahead, *state, TB_STR_NONE);
	take_all(pages, 0);
	tb_pages_destroy(pages);
	assert_int_equal(plan.asked, PAGES + 3);
}

static void confirming_is_tried_again(void **state)
{
	struct tb_pages *pages;

	plan.failures[PAGES] = 2;
	pages = make(&in_turn, *state, TB_STR_NONE);
	take_all(pages, 0);
	tb_pages_destroy(pages);
	assert_int_equal(plan.confirmed, PAGES);
}

static void expect_failure(struct tb_stop *stop, unsigned asked)
{
	struct tb_pages *pages = make(&ahead, stop, TB_STR_NONE);
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_page page;

	MUST(tb_pages_next(pages, &page, &failure));
	assert_int_equal(tb_pages_next(pages, &page, &failure), TB_ERR_IO);
	assert_string_equal(failure.code, "made_up");
	tb_pages_destroy(pages);
	assert_int_equal(plan.asked, asked);
}

static void trying_ends(void **state)
{
	plan.failures[1] = 3;
	expect_failure(*state, 1 + 3);
}

static void what_cannot_pass_is_tried_once(void **state)
{
	plan.may_pass = false;
	plan.failures[1] = 1;
	expect_failure(*state, 1 + 1);
}

/* A worker is held for minutes, not for hours: who asks for those is asked
 * again in another attempt, which is told for how long. */
static void who_wants_long_to_be_left_alone_ends_the_attempt(void **state)
{
	struct tb_pages *pages = make(&ahead, *state, TB_STR_NONE);
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_page page;

	plan.failures[0] = 3;
	plan.retry_after_s = TB_PAGES_ASKED_MAX_S + 1;
	assert_int_equal(tb_pages_next(pages, &page, &failure), TB_ERR_IO);
	assert_true(failure.may_pass);
	assert_int_equal(failure.retry_after_s, TB_PAGES_ASKED_MAX_S + 1);
	tb_pages_destroy(pages);
	assert_int_equal(plan.asked, 1);
}

/* Whoever takes no more pages need not wait for those that are there. */
static void it_ends_with_a_page_read_ahead(void **state)
{
	struct tb_pages *pages = make(&ahead, *state, TB_STR_NONE);
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_page page;

	MUST(tb_pages_next(pages, &page, &failure));
	tb_pages_destroy(pages);
	assert_in_range(plan.asked, 1, 2);
}

static void *stop_it(void *stop)
{
	tb_stop_set(stop);
	return NULL;
}

/* Before it begins or meanwhile; else it would last longer than a test may. */
static void waiting_ends_when_it_is_stopped(void **state)
{
	struct tb_pages *pages = make(&ahead, *state, TB_STR_NONE);
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_page page;
	pthread_t thread;

	plan.failures[0] = 100;
	plan.retry_after_s = TB_PAGES_ASKED_MAX_S;
	assert_int_equal(pthread_create(&thread, NULL, stop_it, *state), 0);
	assert_int_equal(tb_pages_next(pages, &page, &failure), TB_ERR_IO);
	pthread_join(thread, NULL);
	tb_pages_destroy(pages);
	assert_int_equal(plan.asked, 1);
}

static void without_memory_there_are_none(void **state)
{
	struct tb_stop *stop = *state;
	const struct tb_connector_task task = { .source = &source,
						.is_stopped = &stop->is_set };
	const struct tb_pages_options options = {
		.connector = &in_turn, .task = &task, .stop = stop, .tries = 1
	};
	struct tb_pages *pages;
	enum tb_err err = TB_ERR_NOMEM;

	for (uint64_t n = 1; err; n++) {
		tb_alloc_fail_at(n);
		err = tb_pages_create(&options, &pages);
		tb_alloc_fail_at(0);
		assert_true(!err || err == TB_ERR_NOMEM);
	}
	tb_pages_destroy(pages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_come_in_order),
		TEST(reading_goes_on_at_a_cursor),
		TEST(each_is_confirmed_before_the_next_where_that_is_wanted),
		TEST(what_may_pass_is_tried_again),
		TEST(confirming_is_tried_again),
		TEST(trying_ends),
		TEST(what_cannot_pass_is_tried_once),
		TEST(who_wants_long_to_be_left_alone_ends_the_attempt),
		TEST(it_ends_with_a_page_read_ahead),
		TEST(waiting_ends_when_it_is_stopped),
		TEST(without_memory_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
