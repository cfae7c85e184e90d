/* Copying an entity from a source that is made up: pages and places are stored,
 * and what ends that is told. */
#include "../kernel/job_world.h"

#include "base/alloc.h"
#include "jobs/copy.h"

#define PAGES 3

struct fake {
	struct tb_connection base;
	unsigned at; /* page it gives next */
};

/* Of how many pages, of one record each; 0: of an empty one. */
static unsigned n_pages;

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
	fake->at = cursor.n > 0 ? (unsigned)(cursor.p[0] - '0') : 0;
	*ret = &fake->base;
	return TB_OK;
}

static enum tb_err fake_next(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_page *ret,
			     struct tb_connector_failure *ret_failure)
{
	static struct tb_connector_record record = { .key = { "k", 1 },
						     .body = { "{}", 2 } };
	struct fake *fake = (struct fake *)connection;
	struct tb_connector_page page = { .records = &record,
					  .n = n_pages > 0 };

	(void)ret_failure;
	page.is_last = ++fake->at >= n_pages;
	MUST(tb_arena_printf(arena, &page.cursor, "%u", fake->at));
	*ret = page;
	return TB_OK;
}

static void fake_close(struct tb_connection *connection)
{
	tb_free(connection);
}

static const struct tb_connector fake_connector = {
	.type = "fake",
	.open = fake_open,
	.next = fake_next,
	.close = fake_close,
};

/* A job that is taken under token 100, and what is copied of it. */
struct copy_world {
	struct world w;
	struct tb_source_entity entity;
	struct tb_source source;
	struct tb_stop stop;
	struct tb_copy copy;
	struct tb_connector_failure failure;
};

static void begin(struct copy_world *c, struct world *w)
{
	struct tb_job job;

	*c = (struct copy_world) {
		.entity = { .name = TB_STR("things"),
			    .collection = TB_STR("thing") },
		.source = { .page_max_bytes = 1000 },
	};
	n_pages = PAGES;
	tb_stop_init(&c->stop);
	queue_named(w, "a");
	assert_int_equal(take_jobs(w, 1, &job), 1);
	c->copy = (struct tb_copy) {
		.core = w->ic.core,
		.lease = { w->org, job.id, job.token },
		.connector = &fake_connector,
		.task = { .source = &c->source,
			  .entity = &c->entity,
			  .entities = &c->entity,
			  .n_entities = 1,
			  .core = w->ic.core,
			  .org = w->org,
			  .is_stopped = &c->stop.is_set },
		.stop = &c->stop,
		.tries = 1,
		.n_entities = 1,
	};
}

static enum tb_copy_outcome run(struct copy_world *c, struct world *w)
{
	return tb_copy_run(&c->copy, w->ic.arena, &c->failure);
}

/* Whether the others that copy are told, and how far it came. */
static void end(struct copy_world *c, struct world *w, bool is_stopped,
		unsigned pages)
{
	struct tb_job job = read_job(w, 1, NULL);

	assert_int_equal(atomic_load(&c->stop.is_set), is_stopped);
	tb_stop_fini(&c->stop);
	assert_int_equal(job.n_streams, pages > 0);
	if (pages == 0)
		return;
	assert_int_equal(job.streams[0].read, pages);
	assert_int_equal(job.streams[0].is_done, pages == PAGES);
	assert_int_equal(job.streams[0].cursor.p[0], '0' + (int)pages);
	check_jobs(w);
}

static void each_page_is_stored_with_its_place_on(struct world *w)
{
	struct copy_world c;

	begin(&c, w);
	assert_int_equal(run(&c, w), TB_COPY_DONE);
	end(&c, w, false, PAGES);
}
JOB_TEST(each_page_is_stored_with_its_place)

static void what_is_empty_leaves_no_trace_on(struct world *w)
{
	struct copy_world c;

	begin(&c, w);
	n_pages = 0;
	assert_int_equal(run(&c, w), TB_COPY_DONE);
	end(&c, w, false, 0);
}
JOB_TEST(what_is_empty_leaves_no_trace)

/* "`memory`, `store`, ...: of this server; may pass" */
static void a_store_that_fails_is_told_on(struct world *w)
{
	const struct tb_fail_plan plan = {
		.call = TB_FAIL_COMMIT, .first = 2, .last = 2, .err = TB_ERR_IO
	};
	struct copy_world c;

	begin(&c, w);
	tb_fail_set_plan(w->ic.store, &plan);
	assert_int_equal(run(&c, w), TB_COPY_FAILED);
	tb_fail_set_plan(w->ic.store, NULL);
	assert_string_equal(c.failure.code, "store");
	assert_true(c.failure.may_pass);
	expect_str(c.failure.message, tb_err_text(TB_ERR_IO));
	end(&c, w, true, 1);
}
JOB_TEST(a_store_that_fails_is_told)

static void a_store_that_is_busy_is_asked_again_on(struct world *w)
{
	const struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
					   .first = 1,
					   .last = 1,
					   .err = TB_ERR_BUSY };
	struct copy_world c;

	begin(&c, w);
	tb_fail_set_plan(w->ic.store, &plan);
	assert_int_equal(run(&c, w), TB_COPY_DONE);
	tb_fail_set_plan(w->ic.store, NULL);
	end(&c, w, false, PAGES);
}
JOB_TEST_IN_MEMORY(a_store_that_is_busy_is_asked_again)

static void without_the_lease_nothing_is_stored_on(struct world *w)
{
	struct copy_world c;

	begin(&c, w);
	MUST(pause_job(w, "a"));
	assert_int_equal(run(&c, w), TB_COPY_LOST);
	end(&c, w, true, 0);
}
JOB_TEST(without_the_lease_nothing_is_stored)

static void what_is_stopped_stores_nothing_more_on(struct world *w)
{
	struct copy_world c;

	begin(&c, w);
	tb_stop_set(&c.stop);
	assert_int_equal(run(&c, w), TB_COPY_STOPPED);
	end(&c, w, true, 0);
}
JOB_TEST(what_is_stopped_stores_nothing_more)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_page_is_stored_with_its_place),
		cmocka_unit_test(what_is_empty_leaves_no_trace),
		cmocka_unit_test(a_store_that_fails_is_told),
		cmocka_unit_test(a_store_that_is_busy_is_asked_again),
		cmocka_unit_test(without_the_lease_nothing_is_stored),
		cmocka_unit_test(what_is_stopped_stores_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
