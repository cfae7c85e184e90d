/*
 * What was seen of sites' calls: added up in memory, written down, and kept
 * when it cannot be.
 */
#include "../base/torture.h"
#include "fleet.h"

#include <pthread.h>

#include "api/sites/activity.h"
#include "store/fail/fail.h"

struct fixture {
	struct centre centre;
	struct tb_store *fail;
	struct tb_activity *activity;
};

static int setup(void **state)
{
	static struct fixture f;

	assert_int_equal(tb_fail_create(memory_store(), &f.fail), TB_OK);
	centre_open(&f.centre, f.fail);
	centre_add_site(&f.centre, "63", false);
	centre_add_site(&f.centre, "64", false);
	f.activity = tb_activity_create();
	assert_non_null(f.activity);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_activity_destroy(f->activity);
	centre_close(&f->centre);
	return 0;
}

static struct tb_consumer stored(struct fixture *f, uint32_t site_id)
{
	struct tb_arena *arena = tb_arena_create((size_t)1 << 20);
	struct tb_consumer consumer;
	struct tb_tx *tx;

	assert_non_null(arena);
	assert_int_equal(tb_core_read(f->centre.core, &tx), TB_OK);
	assert_int_equal(
		tb_consumer_read(tx, arena, FLEET_ORG, site_id, &consumer),
		TB_OK);
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	return consumer;
}

static void note(struct fixture *f, struct tb_site_activity seen)
{
	tb_activity_note(f->activity, FLEET_ORG, &seen);
}

static const struct tb_site_activity push_63 = {
	.site_id = 63,
	.last_push_us = 100,
	.seen_us = 100,
	.has_skew = true,
	.clock_skew_us = -7,
};
static const struct tb_site_activity pull_63 = {
	.site_id = 63,
	.last_pull_us = 200,
	.seen_us = 200,
	.has_central = true,
	.central_to = 17,
};

static void test_what_is_seen_adds_up(void **state)
{
	struct fixture *f = *state;
	struct tb_site_activity seen;

	assert_false(tb_activity_get(f->activity, FLEET_ORG, 63, &seen));
	note(f, push_63);
	note(f, pull_63);
	assert_true(tb_activity_get(f->activity, FLEET_ORG, 63, &seen));
	assert_int_equal(seen.last_push_us, 100);
	assert_int_equal(seen.last_pull_us, 200);
	assert_int_equal(seen.seen_us, 200);
	assert_true(seen.has_skew);
	assert_int_equal(seen.clock_skew_us, -7);
	assert_int_equal(seen.central_to, 17);
	assert_false(tb_activity_get(f->activity, FLEET_ORG, 64, &seen));
	assert_false(tb_activity_get(f->activity, FLEET_ORG + 1, 63, &seen));
}

static void test_a_flush_writes_it_down(void **state)
{
	struct fixture *f = *state;
	struct tb_site_activity seen;

	note(f, push_63);
	note(f, pull_63);
	tb_activity_flush(f->activity, f->centre.core);
	assert_int_equal(stored(f, 63).last_push_us, 100);
	assert_int_equal(stored(f, 63).last_pull_us, 200);
	assert_int_equal(stored(f, 63).clock_skew_us, -7);
	assert_int_equal(stored(f, 63).central_to, 17);
	assert_false(tb_activity_get(f->activity, FLEET_ORG, 63, &seen));
}

static void test_no_clock_leaves_the_known_skew(void **state)
{
	struct fixture *f = *state;

	note(f, push_63);
	tb_activity_flush(f->activity, f->centre.core);
	note(f, pull_63);
	tb_activity_flush(f->activity, f->centre.core);
	assert_int_equal(stored(f, 63).clock_skew_us, -7);
}

static void test_what_cannot_be_written_is_kept(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .err = TB_ERR_BUSY };
	struct fixture *f = *state;
	struct tb_site_activity seen;

	note(f, push_63);
	tb_fail_set_plan(f->fail, &plan);
	tb_activity_flush(f->activity, f->centre.core);
	tb_fail_set_plan(f->fail, NULL);
	assert_true(tb_activity_get(f->activity, FLEET_ORG, 63, &seen));
	assert_int_equal(seen.last_push_us, 100);
	tb_activity_flush(f->activity, f->centre.core);
	assert_int_equal(stored(f, 63).last_push_us, 100);
}

static void test_many_sites_of_many_orgs_are_told_apart(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 20000; i++) {
		struct tb_site_activity seen = { .site_id = i / 10 + 1,
						 .seen_us = i + 1 };

		tb_activity_note(f->activity, i % 10 + 1, &seen);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		struct tb_site_activity seen;

		assert_true(tb_activity_get(f->activity, i % 10 + 1, i / 10 + 1,
					    &seen));
		assert_int_equal(seen.seen_us, i + 1);
	}
}

static void test_there_is_a_ceiling(void **state)
{
	struct fixture *f = *state;
	struct tb_site_activity seen;

	for (uint32_t i = 1; i <= TB_ACTIVITY_SITES_MAX + 1; i++)
		note(f,
		     (struct tb_site_activity) { .site_id = i, .seen_us = 1 });
	assert_true(tb_activity_get(f->activity, FLEET_ORG,
				    TB_ACTIVITY_SITES_MAX, &seen));
	assert_false(tb_activity_get(f->activity, FLEET_ORG,
				     TB_ACTIVITY_SITES_MAX + 1, &seen));
}

static void test_without_memory_nothing_is_noted(void **state)
{
	struct fixture *f = *state;
	struct tb_site_activity seen;

	tb_alloc_fail_at(1);
	note(f, push_63);
	tb_alloc_fail_at(0);
	assert_false(tb_activity_get(f->activity, FLEET_ORG, 63, &seen));
	note(f, push_63);
	tb_alloc_fail_at(1);
	tb_activity_flush(f->activity, f->centre.core);
	tb_alloc_fail_at(0);
	assert_true(tb_activity_get(f->activity, FLEET_ORG, 63, &seen));
}

#define THREADS 4
#define NOTES 2000

/* Each thread notes its own site, later each time. */
struct noting {
	pthread_t thread;
	struct fixture *f;
	uint32_t site_id;
};

static void *note_many(void *arg)
{
	const struct noting *noting = arg;

	for (int64_t i = 1; i <= NOTES; i++)
		note(noting->f,
		     (struct tb_site_activity) { .site_id = noting->site_id,
						 .seen_us = i });
	return NULL;
}

static void test_nothing_is_lost_between_notes_and_flushes(void **state)
{
	struct fixture *f = *state;
	struct noting notings[THREADS];

	for (uint32_t i = 0; i < THREADS; i++) {
		notings[i] = (struct noting) { .f = f, .site_id = 100 + i };
		assert_int_equal(pthread_create(&notings[i].thread, NULL,
						note_many, &notings[i]),
				 0);
	}
	for (int i = 0; i < 50; i++)
		tb_activity_flush(f->activity, f->centre.core);
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(notings[i].thread, NULL), 0);
	tb_activity_flush(f->activity, f->centre.core);
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(stored(f, 100 + i).seen_us, NOTES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_seen_adds_up),
		TEST(test_a_flush_writes_it_down),
		TEST(test_no_clock_leaves_the_known_skew),
		TEST(test_what_cannot_be_written_is_kept),
		TEST(test_many_sites_of_many_orgs_are_told_apart),
		TEST(test_there_is_a_ceiling),
		TEST(test_without_memory_nothing_is_noted),
		TEST(test_nothing_is_lost_between_notes_and_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
