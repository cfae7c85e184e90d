/*
 * The feed "jobs" as it is followed live: who follows page by page gets the
 * last state of every job that changed, in the order of the changes, and is
 * told when there is more than that to get.
 */
#include "follow_torture.h"
#include "jobs_fixture.h"

#define PAGE_MAX_BYTES ((size_t)1 << 20)

static int set_up(void **state)
{
	static struct jobs_world w;

	jobs_set_up(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	jobs_tear_down(*state);
	return 0;
}

static struct tb_follow_query make_query(struct jobs_world *w,
					 struct tb_str after, size_t limit)
{
	return (struct tb_follow_query) {
		.principal = &w->caller,
		.name = TB_STR("jobs"),
		.after = after,
		.limit = limit,
		.max_bytes = PAGE_MAX_BYTES,
		.arena = w->ic.arena,
	};
}

static struct tb_follow_page follow(struct jobs_world *w, struct tb_str after,
				    size_t limit)
{
	struct tb_follow_query query = make_query(w, after, limit);
	struct tb_follow_page page;

	MUST(tb_jobs_follow(w->jobs, &query, &page));
	return page;
}

static bool peek(struct jobs_world *w, struct tb_str after)
{
	struct tb_follow_query query = make_query(w, after, 1);

	return tb_jobs_follow_peek(w->jobs, &query);
}

static void assert_change(const struct tb_follow_page *page, size_t i,
			  const char *name, const char *status)
{
	struct tb_str change;
	struct tb_arena *arena = tb_arena_create(1 << 20);
	struct tb_json_value job;
	struct tb_json json;

	assert_non_null(arena);
	assert_true(i < page->n);
	MUST(tb_arena_printf(arena, &change, "{%.*s}",
			     TB_STR_ARG(page->changes[i])));
	MUST(tb_json_parse(arena, change, NULL, &json, NULL));
	job = tb_json_get(tb_json_root(&json), TB_STR("job"));
	assert_true(tb_json_string_is(tb_json_get(job, TB_STR("name")),
				      tb_str_z(name)));
	assert_true(tb_json_string_is(tb_json_get(job, TB_STR("status")),
				      tb_str_z(status)));
	tb_arena_destroy(arena);
}

static void each_change_is_seen_and_of_several_the_last(void **state)
{
	struct jobs_world *w = *state;
	struct tb_follow_page page = follow(w, TB_STR_NONE, 0);
	struct tb_job_lease lease;

	assert_int_equal(page.n, 0);
	assert_false(page.has_more);
	assert_false(peek(w, page.cursor));
	jobs_queue(w, "a", "");
	jobs_queue(w, "b", "");
	assert_true(peek(w, page.cursor));
	page = follow(w, page.cursor, 10);
	assert_int_equal(page.n, 2);
	assert_change(&page, 0, "a", "queued");
	assert_change(&page, 1, "b", "queued");
	assert_false(page.has_more);
	assert_false(peek(w, page.cursor));
	/* What is passed over needs no look. */
	assert_int_equal(follow(w, page.cursor, 10).n, 0);
	lease = jobs_take(w);
	jobs_send(w, &lease, 50, 50);
	page = follow(w, page.cursor, 10);
	assert_int_equal(page.n, 1);
	assert_change(&page, 0, "a", "active");
	jobs_end(w, &lease, TB_JOB_END_COMPLETED);
	page = follow(w, page.cursor, 10);
	assert_change(&page, 0, "a", "completed");
	/* "A job that is purged is not announced." */
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_purge });
	page = follow(w, page.cursor, 10);
	assert_int_equal(page.n, 0);
	assert_false(peek(w, page.cursor));
}

static void a_page_goes_on_where_the_last_one_ended(void **state)
{
	struct jobs_world *w = *state;
	struct tb_str cursor = follow(w, TB_STR_NONE, 0).cursor;
	struct tb_str start = cursor;
	size_t seen = 0;

	for (int i = 0; i < 40; i++) {
		struct tb_str name;

		MUST(tb_arena_printf(w->ic.arena, &name, "j%d", i));
		jobs_queue(w, name.p, "");
	}
	for (bool more = true; more;) {
		struct tb_follow_page page = follow(w, cursor, 7);

		for (size_t i = 0; i < page.n; i++) {
			struct tb_str name;

			MUST(tb_arena_printf(w->ic.arena, &name, "j%zu",
					     seen++));
			assert_change(&page, i, name.p, "queued");
		}
		assert_true(page.n == 7 || !page.has_more);
		/* Behind each change, too, it can be gone on from. */
		if (page.n == 7)
			assert_true(tb_str_eq(page.cursors[6], page.cursor));
		cursor = page.cursor;
		more = page.has_more;
	}
	assert_int_equal(seen, 40);
	/* All at once, it is read in batches. */
	assert_int_equal(follow(w, start, 100).n, 40);
	assert_int_equal(follow(w, start, 33).n, 33);
	assert_true(follow(w, start, 33).has_more);
}

static void a_page_is_no_longer_than_it_may_be(void **state)
{
	struct jobs_world *w = *state;
	struct tb_str start = follow(w, TB_STR_NONE, 0).cursor;
	struct tb_follow_query query = make_query(w, start, 100);
	struct tb_follow_page page;

	for (int i = 0; i < 20; i++) {
		struct tb_str name;

		MUST(tb_arena_printf(w->ic.arena, &name, "j%d", i));
		jobs_queue(w, name.p, "");
	}
	query.max_bytes = 1000;
	MUST(tb_jobs_follow(w->jobs, &query, &page));
	assert_in_range(page.n, 1, 5);
	assert_true(page.has_more);
	assert_true(tb_str_eq(page.cursor, page.cursors[page.n - 1]));
	query.max_bytes = 1;
	MUST(tb_jobs_follow(w->jobs, &query, &page));
	assert_int_equal(page.n, 1);
}

static void a_cursor_of_another_store_starts_over(void **state)
{
	static const char *const bad[] = { "x",  "1",   "-",    "1-",
					   "-1", "1-x", "77--1" };
	struct jobs_world *w = *state;
	struct tb_follow_query query = make_query(w, TB_STR_NONE, 10);
	struct tb_follow_page page;

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		query.after = tb_str_z(bad[i]);
		assert_int_equal(tb_jobs_follow(w->jobs, &query, &page),
				 TB_ERR_INVALID);
	}
	/* inline_core_add_org gives the epoch. */
	query.after = TB_STR("78-0");
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page), TB_ERR_RESYNC);
	assert_true(tb_jobs_follow_peek(w->jobs, &query));
	query.after = TB_STR("77-1000000");
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page), TB_ERR_RESYNC);
	assert_true(tb_jobs_follow_peek(w->jobs, &query));
	query.after = TB_STR("77-0");
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page), TB_OK);
}

static void who_may_not_read_jobs_knows_no_such_feed(void **state)
{
	struct jobs_world *w = *state;
	struct tb_str role = TB_STR("Guest");
	struct tb_follow_query query = make_query(w, TB_STR_NONE, 0);
	struct tb_follow_page page;

	query.name = TB_STR("job");
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page),
			 TB_ERR_NOT_FOUND);
	assert_false(tb_jobs_follow_peek(w->jobs, &query));
	query.name = TB_STR("jobs");
	query.is_collection = true;
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page),
			 TB_ERR_NOT_FOUND);
	query.is_collection = false;
	w->caller.is_admin = false;
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page),
			 TB_ERR_NOT_FOUND);
	w->caller.roles = &role;
	w->caller.n_roles = 1;
	MUST(tb_jobs_follow(w->jobs, &query, &page));
	w->caller.kind = TB_PRINCIPAL_SITE;
	assert_int_equal(tb_jobs_follow(w->jobs, &query, &page),
			 TB_ERR_NOT_FOUND);
}

static void each_failure_is_an_error_or_nothing(void **state)
{
	struct jobs_world *w = *state;
	struct tb_str start = follow(w, TB_STR_NONE, 0).cursor;
	struct follow_torture torture = {
		.follow = tb_jobs_follow,
		.state = w->jobs,
		.query = make_query(w, start, 10),
		.store = w->ic.store,
	};

	jobs_queue(w, "a", "");
	jobs_queue(w, "b", "");
	follow_torture(&torture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(each_change_is_seen_and_of_several_the_last),
		TEST(a_page_goes_on_where_the_last_one_ended),
		TEST(a_page_is_no_longer_than_it_may_be),
		TEST(a_cursor_of_another_store_starts_over),
		TEST(who_may_not_read_jobs_knows_no_such_feed),
		TEST(each_failure_is_an_error_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
