/*
 * Where the last run of a name that was completed ended, for the next one to go
 * on there.
 */
#include "job_world.h"

#include "kernel/job_name.h"

static void expect_kept(struct world *w, const char *name, const char *place)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_job_name value;

	MUST(tb_job_name_read(tx, w->ic.arena, w->org, tb_str_z(name), &value));
	expect_str(value.cursor, place);
	tb_core_read_end(tx);
}

static void expect_told(struct world *w, uint64_t id, const char *place)
{
	expect_str(read_job(w, id, NULL).last_cursor, place);
}

/* A page of an entity, behind which it is at `cursor`. */
static void stand_at(struct world *w, uint64_t id, uint64_t token,
		     const char *entity, const char *cursor)
{
	struct tb_job_checkpoint page = page_of(w, id, token);

	page.entity = tb_str_z(entity);
	page.cursor = tb_str_z(cursor);
	MUST(try_checkpoint(w, &page));
}

/* A job that is queued, taken under the token 1, and is at `cursor`. */
static uint64_t begin(struct world *w, const char *name, const char *cursor)
{
	uint64_t id = queue_named(w, name);

	assert_int_equal(take_one(w, 1), id);
	stand_at(w, id, 1, "products", cursor);
	return id;
}

static void run(struct world *w, const char *name, const char *cursor)
{
	end_job(w, begin(w, name, cursor), 1, TB_JOB_END_COMPLETED, 0);
}

static void what_was_completed_is_told_on(struct world *w)
{
	run(w, "a", "p1");
	expect_kept(w, "a", "p1");
	/* Of this name alone, and until another one was completed. */
	run(w, "b", "p2");
	expect_told(w, 2, "");
	assert_int_equal(begin(w, "a", "p3"), 3);
	expect_told(w, 3, "p1");
	expect_kept(w, "a", "p1");
	end_job(w, 3, 1, TB_JOB_END_COMPLETED, 0);
	expect_kept(w, "a", "p3");
	check_jobs(w);
}
JOB_TEST(what_was_completed_is_told)

/* The other streams' places mean nothing, whichever was begun first. */
static void the_place_is_of_one_entity_on(struct world *w)
{
	uint64_t id = queue_named(w, "a");

	assert_int_equal(take_one(w, 1), id);
	stand_at(w, id, 1, "others", "o1");
	stand_at(w, id, 1, "products", "p1");
	stand_at(w, id, 1, "more", "m1");
	end_job(w, id, 1, TB_JOB_END_COMPLETED, 0);
	expect_kept(w, "a", "p1");
	/* One of which nothing was read has none. */
	id = queue_named(w, "a");
	assert_int_equal(take_one(w, 1), id);
	stand_at(w, id, 1, "others", "o2");
	end_job(w, id, 1, TB_JOB_END_COMPLETED, 0);
	expect_kept(w, "a", "");
}
JOB_TEST(the_place_is_of_one_entity)

static void who_does_not_ask_for_it_keeps_none_on(struct world *w)
{
	struct tb_job_end end;

	run(w, "a", "p1");
	end = end_of(w, begin(w, "a", "p2"), 1, TB_JOB_END_COMPLETED, 0);
	end.keeps_cursor_of = TB_STR_NONE;
	MUST(tb_job_end(w->ic.core, &end));
	expect_kept(w, "a", "");
	begin(w, "a", "p3");
	expect_told(w, 3, "");
	assert_int_not_equal(read_job(w, 3, NULL).since_us, 0);
	check_jobs(w);
}
JOB_TEST(who_does_not_ask_for_it_keeps_none)

static void what_was_not_completed_keeps_none_on(struct world *w)
{
	int64_t due_us = w->ic.now_us + DAY_US;
	uint64_t id;

	run(w, "a", "p1");
	end_job(w, begin(w, "a", "p2"), 1, TB_JOB_END_FAILED, 0);
	expect_kept(w, "a", "p1");
	MUST(cancel_job(w, begin(w, "a", "p3")));
	expect_kept(w, "a", "p1");
	id = begin(w, "a", "p4");
	expect_told(w, id, "p1");
	end_job(w, id, 1, TB_JOB_END_SKIPPED, due_us);
	expect_kept(w, "a", "p1");
	/* There is no run of which it could be. */
	expect_told(w, id, "");
	w->ic.now_us = due_us;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 1), id);
	expect_told(w, id, "p1");
	check_jobs(w);
}
JOB_TEST(what_was_not_completed_keeps_none)

/* Whatever becomes of the run, it is told the same until it is over, also if
 * another one of its name is completed meanwhile. */
static void a_run_is_told_the_same_on(struct world *w)
{
	int64_t due_us = w->ic.now_us + DAY_US;
	uint64_t id;

	run(w, "a", "p1");
	id = begin(w, "a", "p2");
	end_job(w, id, 1, TB_JOB_END_RELEASED, 0);
	assert_int_equal(take_one(w, 2), id);
	expect_told(w, id, "p1");
	MUST(pause_job(w, "a"));
	assert_int_equal(try_end(w, id, 2, TB_JOB_END_COMPLETED, 0),
			 TB_ERR_CONFLICT);
	MUST(resume_job(w, "a"));
	assert_int_equal(take_one(w, 3), id);
	expect_told(w, id, "p1");
	end_job(w, id, 3, TB_JOB_END_RETRY, due_us);
	w->ic.now_us = due_us;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 4), id);
	expect_told(w, id, "p1");
	end_job(w, id, 4, TB_JOB_END_FAILED, 0);
	run(w, "a", "p5");
	MUST(retry_job(w, id));
	assert_int_equal(take_one(w, 5), id);
	expect_told(w, id, "p1");
	end_job(w, id, 5, TB_JOB_END_COMPLETED, 0);
	expect_kept(w, "a", "p2");
	check_jobs(w);
}
JOB_TEST(a_run_is_told_the_same)

static void the_next_occurrence_is_told_on(struct world *w)
{
	int64_t due_us = w->ic.now_us + DAY_US;
	uint64_t id = begin(w, "a", "p1");

	end_job(w, id, 1, TB_JOB_END_COMPLETED, due_us);
	expect_told(w, id, "");
	w->ic.now_us = due_us;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 2), id);
	expect_told(w, id, "p1");
	stand_at(w, id, 2, "products", "p2");
	end_job(w, id, 2, TB_JOB_END_FAILED, due_us + DAY_US);
	w->ic.now_us = due_us + DAY_US;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 3), id);
	expect_told(w, id, "p1");
	check_jobs(w);
}
JOB_TEST(the_next_occurrence_is_told)

/* It is of the name, and goes with it. */
static void a_purge_leaves_the_place_on(struct world *w)
{
	const struct tb_job_ages ages = { DAY_US, 3 * DAY_US };
	struct tb_job_purged purged;
	bool more;

	run(w, "a", "p1");
	MUST(tb_job_purge(w->ic.core, &w->ic.note, w->org, &purged));
	assert_int_equal(purged.completed, 1);
	expect_kept(w, "a", "p1");
	w->ic.now_us += 2 * DAY_US;
	MUST(tb_job_upkeep(w->ic.core, w->org, &ages, &more));
	expect_kept(w, "a", "p1");
	MUST(cancel_job(w, begin(w, "a", "p2")));
	w->ic.now_us += 2 * DAY_US;
	MUST(tb_job_upkeep(w->ic.core, w->org, &ages, &more));
	expect_kept(w, "a", "p1");
	w->ic.now_us += 2 * DAY_US;
	MUST(tb_job_upkeep(w->ic.core, w->org, &ages, &more));
	expect_kept(w, "a", "");
	assert_int_equal(begin(w, "a", "p3"), 3);
	expect_told(w, 3, "");
	check_jobs(w);
}
JOB_TEST(a_purge_leaves_the_place)

/* The longest one is kept, also if each byte of it is written as six. */
static void a_place_may_be_long_on(struct world *w)
{
	char place[TB_JOB_CURSOR_MAX_BYTES + 1];

	memset(place, '\1', sizeof(place));
	place[TB_JOB_CURSOR_MAX_BYTES] = '\0';
	run(w, "a", place);
	expect_kept(w, "a", place);
	begin(w, "a", place);
	expect_told(w, 2, place);
	check_jobs(w);
}
JOB_TEST(a_place_may_be_long)

/* Names with long places are forgotten in parts, as jobs are purged. */
static void many_long_places_on(struct world *w)
{
	const struct tb_job_ages ages = { 0, DAY_US };
	char place[TB_JOB_CURSOR_MAX_BYTES + 1];
	char name[16];
	bool more = true;
	int commits = 0;

	memset(place, '\1', sizeof(place));
	place[TB_JOB_CURSOR_MAX_BYTES] = '\0';
	for (int i = 0; i < 400; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		run(w, name, place);
		tb_arena_reset(w->ic.arena);
	}
	w->ic.now_us += 2 * DAY_US;
	for (; more; commits++)
		MUST(tb_job_upkeep(w->ic.core, w->org, &ages, &more));
	assert_int_equal(commits, 2);
	expect_kept(w, "n0", "");
	expect_kept(w, "n399", "");
	check_jobs(w);
}
JOB_TEST_IN_MEMORY(many_long_places)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_completed_is_told),
		cmocka_unit_test(the_place_is_of_one_entity),
		cmocka_unit_test(who_does_not_ask_for_it_keeps_none),
		cmocka_unit_test(what_was_not_completed_keeps_none),
		cmocka_unit_test(a_run_is_told_the_same),
		cmocka_unit_test(the_next_occurrence_is_told),
		cmocka_unit_test(a_purge_leaves_the_place),
		cmocka_unit_test(a_place_may_be_long),
		cmocka_unit_test(many_long_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
