/*
 * The thread that sends what is stored: it comes to the end of each org's
 * events, whoever stored them, and goes on where the store failed.
 */
#include "../kernel/device_world.h"

#include <time.h>

#include "api/devices/live.h"
#include "api/devices/realtime_state.h"

#define WAIT_MS 10000
#define EVENTS 700 /* more than a page */

struct sending_world {
	struct world w;
	struct tb_hub *hub;
	struct tb_roster *roster;
	struct tb_live *live;
	struct tb_peer peer; /* somebody is there */
};

static void begin(struct sending_world *s, bool is_somebody_there)
{
	struct tb_hub_app app = { .ctx = NULL };

	*s = (struct sending_world) { .hub = NULL };
	world_init(&s->w, &tb_store_memory);
	MUST(tb_hub_create(&tb_hub_default_options, &app, &s->hub));
	s->roster = tb_roster_create();
	assert_non_null(s->roster);
	s->peer.org = s->w.org;
	if (is_somebody_there)
		tb_roster_add(s->roster, &s->peer);
	MUST(tb_live_start(s->w.ic.core, s->hub, s->roster, &s->live));
}

static void end(struct sending_world *s)
{
	tb_live_stop(s->live);
	tb_hub_stop(s->hub);
	tb_roster_remove(s->roster, &s->peer);
	tb_hub_destroy(s->hub);
	tb_live_destroy(s->live);
	tb_roster_destroy(s->roster);
	world_fini(&s->w);
}

static void wait_for_head(struct sending_world *s, uint32_t org, uint64_t head)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; tb_live_head(s->live, org) < head; i++) {
		assert_true(i < WAIT_MS);
		nanosleep(&ms, NULL);
	}
	assert_int_equal(tb_live_head(s->live, org), head);
}

static void push_some(struct sending_world *s, size_t n)
{
	while (n-- > 0)
		push_critical(&s->w, "a");
}

/* Nobody says that something was stored: the core does. */
static void comes_to_the_end(bool is_somebody_there)
{
	struct sending_world s;

	begin(&s, is_somebody_there);
	push_some(&s, EVENTS);
	wait_for_head(&s, s.w.org, EVENTS);
	push_plain(&s.w, "a");
	tb_live_wake(s.live, s.w.org);
	wait_for_head(&s, s.w.org, EVENTS + 1);
	end(&s);
}

static void test_it_comes_to_the_end(void **state)
{
	(void)state;
	comes_to_the_end(true);
}

static void test_it_passes_over_what_nobody_is_there_for(void **state)
{
	(void)state;
	comes_to_the_end(false);
}

static void test_what_was_stored_before_is_not_sent(void **state)
{
	struct sending_world s;
	struct tb_live *second;

	(void)state;
	begin(&s, true);
	push_some(&s, 3);
	wait_for_head(&s, s.w.org, 3);
	tb_live_stop(s.live);
	MUST(tb_live_start(s.w.ic.core, s.hub, s.roster, &second));
	assert_int_equal(tb_live_head(second, s.w.org), 3);
	tb_live_stop(second);
	tb_hub_stop(s.hub);
	tb_live_destroy(second);
	end(&s);
}

static void test_an_org_that_is_new(void **state)
{
	struct sending_world s;

	(void)state;
	begin(&s, true);
	s.w.org = inline_core_add_org(&s.w.ic, "another");
	push_some(&s, 2);
	wait_for_head(&s, s.w.org, 2);
	end(&s);
}

static void test_it_goes_on_when_the_store_reads_again(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_FEED_OPEN,
				     .first = 4,
				     .last = 5,
				     .err = TB_ERR_BUSY };
	struct sending_world s;

	(void)state;
	begin(&s, true);
	tb_live_stop(s.live);
	tb_live_destroy(s.live);
	tb_fail_set_plan(s.w.ic.store, &plan);
	MUST(tb_live_start(s.w.ic.core, s.hub, s.roster, &s.live));
	for (uint64_t head = 1; head <= plan.last; head++) {
		push_some(&s, 1);
		tb_live_wake(s.live, s.w.org);
		wait_for_head(&s, s.w.org, head);
	}
	assert_true(tb_fail_calls(s.w.ic.store, TB_FAIL_FEED_OPEN) > plan.last);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_comes_to_the_end),
		cmocka_unit_test(test_it_passes_over_what_nobody_is_there_for),
		cmocka_unit_test(test_what_was_stored_before_is_not_sent),
		cmocka_unit_test(test_an_org_that_is_new),
		cmocka_unit_test(test_it_goes_on_when_the_store_reads_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
