/*
 * What time does to devices and their events, on each engine: who is not seen
 * is written off, what waits for too long fails, what is old goes.
 */
#include "device_world.h"

#include "kernel/system.h"

#define AGES                                                                   \
	{                                                                      \
		.absent_us = 10 * DAY_US, .pending_us = 30 * DAY_US,           \
		.keep_us = 100 * DAY_US                                        \
	}
static const struct tb_device_ages ages = AGES;

static enum tb_registration_state state_of(struct world *w, const char *device)
{
	struct tb_registration reg;

	MUST(find_registration(w, device, &reg, NULL));
	return reg.state;
}

static void see(struct world *w, const char *device)
{
	const struct tb_device_seen seen = { tb_str_z(device), w->ic.now_us };

	MUST(tb_registration_note_seen(w->ic.core, w->org, &seen, 1));
}

static void expect_nothing_to_do(struct world *w)
{
	uint64_t head = head_of(w);

	assert_int_equal(keep_up_all(w, &ages), 0);
	assert_int_equal(head_of(w), head);
}

/* ---- devices that are not seen ---- */

static void away_on(struct world *w)
{
	register_device(w, "a");
	register_device(w, "b");
	register_device(w, "c");
	assert_int_equal(push_plain(w, "a"), 1);
	assert_int_equal(push_plain(w, "b"), 2);
	acknowledge_one(w, "c", 1);
	expect_nothing_to_do(w);
	w->ic.now_us += 10 * DAY_US;
	see(w, "c");
	expect_nothing_to_do(w);
	/* When they were seen is known but for an hour. */
	w->ic.now_us += HOUR_US - MINUTE_US;
	expect_nothing_to_do(w);
	w->ic.now_us += 2 * MINUTE_US;
	see(w, "a");
	keep_up_all(w, &ages);
	assert_int_equal(state_of(w, "a"), TB_REGISTRATION_ACTIVE);
	assert_int_equal(state_of(w, "b"), TB_REGISTRATION_AWAY);
	assert_int_equal(state_of(w, "c"), TB_REGISTRATION_ACTIVE);
	expect_status(w, 1, "synced");
	expect_status(w, 2, "pending 2");
	assert_int_equal(push_plain(w, "a"), 3);
	expect_status(w, 3, "pending 1");
	expect_nothing_to_do(w);
	/* What it was not waited for it gets all the same. */
	expect_pull(w, "b", "1 3");
	see(w, "b");
	assert_int_equal(state_of(w, "b"), TB_REGISTRATION_ACTIVE);
	assert_int_equal(push_plain(w, "a"), 4);
	expect_status(w, 3, "pending 1");
	expect_status(w, 4, "pending 2");
	assert_int_equal(acknowledge_up_to(w, "b", 4), 3);
	expect_status(w, 3, "pending 1");
	expect_status(w, 4, "pending 1");
	check_store(w);
}

static void test_who_is_not_seen_is_not_waited_for(void **unused)
{
	(void)unused;
	world_on_each_engine(away_on);
}

/* Each of these is being seen. */
static void back_by_push(struct world *w)
{
	push_plain(w, "b");
}
static void back_by_ack(struct world *w)
{
	acknowledge_up_to(w, "b", 1);
}
static void back_by_register(struct world *w)
{
	register_device(w, "b");
}
static void back_by_see(struct world *w)
{
	see(w, "b");
}
static void (*const backs[])(struct world *w) = {
	back_by_push,
	back_by_ack,
	back_by_register,
	back_by_see,
};

static void back_on(struct world *w)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(backs); i++) {
		uint64_t id;

		register_device(w, "a");
		register_device(w, "b");
		push_plain(w, "a");
		w->ic.now_us += 11 * DAY_US;
		see(w, "a");
		keep_up_all(w, &ages);
		assert_int_equal(state_of(w, "b"), TB_REGISTRATION_AWAY);
		backs[i](w);
		assert_int_equal(state_of(w, "b"), TB_REGISTRATION_ACTIVE);
		id = push_plain(w, "a");
		expect_status(w, id, "pending 1");
		expect_nothing_to_do(w);
	}
}

static void test_who_comes_back_counts_again(void **unused)
{
	(void)unused;
	world_on_each_engine(back_on);
}

/* ---- more than one commit takes ---- */

#define MANY (2 * TB_DEVICE_UPKEEP_MAX + 500)

static void push_many(struct world *w, const char *device, size_t n)
{
	struct sending sending = { .device = device };
	struct tb_device_push_item item = item_of(&w->ic, &sending);
	struct tb_device_push_item *items =
		tb_arena_calloc(w->ic.arena, n, sizeof(*items));
	struct tb_device_push push = {
		.commit = { .note = w->ic.note },
		.items = items,
		.n = n,
		.devices_max = DEVICES_MAX,
		.arena = w->ic.arena,
	};

	assert_non_null(items);
	for (size_t i = 0; i < n; i++)
		items[i] = item;
	MUST(tb_device_push_prepare(&push, w->org));
	MUST(tb_core_commit(w->ic.core, &push.commit));
}

static void test_writing_off_goes_on_in_pieces(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	register_device(&w, "b");
	register_device(&w, "c");
	push_many(&w, "a", MANY);
	acknowledge_one(&w, "b", 7);
	acknowledge_one(&w, "b", MANY);
	MUST(tb_registration_retire(w.ic.core, &w.ic.note, w.org, TB_STR("b"),
				    true));
	expect_status(&w, 7, "pending 1");
	expect_status(&w, TB_DEVICE_UPKEEP_MAX, "pending 1");
	expect_status(&w, TB_DEVICE_UPKEEP_MAX + 1, "pending 2");
	/* Meanwhile it acknowledges what is written off, and what is not. */
	assert_int_equal(acknowledge_one(&w, "b", 8), 1);
	assert_int_equal(acknowledge_one(&w, "b", MANY - 1), 1);
	expect_status(&w, 8, "pending 1");
	expect_status(&w, MANY - 1, "pending 1");
	assert_int_equal(keep_up_all(&w, &ages), 1);
	for (uint64_t id = 1; id <= MANY; id += 333)
		expect_status(&w, id, "pending 1");
	expect_status(&w, MANY - 1, "pending 1");
	expect_status(&w, MANY, "pending 1");
	expect_nothing_to_do(&w);
	assert_int_equal(acknowledge_up_to(&w, "c", MANY), MANY);
	expect_tally(&w, "a", NULL, "0/2500/0");
	check_store(&w);
	world_fini(&w);
}

static void test_who_is_back_early_counts_when_it_is_written_off(void **unused)
{
	struct world w;
	uint64_t id;

	(void)unused;
	world_init(&w, &tb_store_memory);
	register_device(&w, "b");
	push_many(&w, "a", MANY);
	MUST(tb_registration_retire(w.ic.core, &w.ic.note, w.org, TB_STR("b"),
				    true));
	MUST(tb_registration_retire(w.ic.core, &w.ic.note, w.org, TB_STR("b"),
				    false));
	assert_int_equal(state_of(&w, "b"), TB_REGISTRATION_AWAY);
	see(&w, "b");
	assert_int_equal(acknowledge_up_to(&w, "b", 1500), 1500);
	id = push_plain(&w, "a");
	expect_status(&w, id, "synced");
	assert_int_equal(keep_up_all(&w, &ages), 1);
	assert_int_equal(state_of(&w, "b"), TB_REGISTRATION_ACTIVE);
	expect_tally(&w, "a", NULL, "0/2501/0");
	id = push_plain(&w, "a");
	expect_status(&w, id, "pending 1");
	expect_nothing_to_do(&w);
	/* Retired again while it is written off: it does not come back. */
	push_many(&w, "a", MANY);
	for (int i = 0; i < 3; i++)
		MUST(tb_registration_retire(w.ic.core, &w.ic.note, w.org,
					    TB_STR("b"), i != 1));
	keep_up_all(&w, &ages);
	assert_int_equal(state_of(&w, "b"), TB_REGISTRATION_RETIRED);
	expect_tally(&w, "a", NULL, "0/5002/0");
	world_fini(&w);
}

static void test_many_fail_and_go_in_pieces(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	register_device(&w, "b");
	push_many(&w, "a", MANY);
	w.ic.now_us += 30 * DAY_US + MINUTE_US;
	see(&w, "b");
	see(&w, "a");
	assert_int_equal(keep_up_all(&w, &ages), 2);
	expect_tally(&w, "a", NULL, "0/0/2500");
	w.ic.now_us += 80 * DAY_US;
	see(&w, "b");
	see(&w, "a");
	assert_int_equal(keep_up_all(&w, &ages), 2);
	expect_tally(&w, "a", NULL, "0/0/0");
	expect_pull(&w, "b", "");
	check_store(&w);
	world_fini(&w);
}

/* ---- events ---- */

static void failed_on(struct world *w)
{
	register_device(w, "b");
	push_one(w, &(struct sending) { .device = "a", .user = "u" });
	push_critical(w, "a");
	acknowledge_one(w, "b", 2);
	w->ic.now_us += 30 * DAY_US - 1;
	see(w, "b");
	see(w, "a");
	expect_nothing_to_do(w);
	push_plain(w, "a");
	w->ic.now_us += MINUTE_US;
	keep_up_all(w, &ages);
	expect_status(w, 1, "failed");
	expect_status(w, 2, "synced");
	expect_status(w, 3, "pending 1");
	expect_tally(w, "a", NULL, "1/1/1");
	expect_tally(w, "a", "u", "0/0/1");
	expect_tally(w, NULL, "u", "0/0/1");
	expect_nothing_to_do(w);
	assert_int_equal(acknowledge_up_to(w, "b", 3), 2);
	expect_status(w, 1, "failed");
	check_store(w);
}

static void test_what_waits_for_too_long_fails(void **unused)
{
	(void)unused;
	world_on_each_engine(failed_on);
}

static void expect_floor(struct world *w, uint64_t expected)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	uint64_t floor;

	MUST(tb_device_floor(tx, w->ic.arena, w->org, &floor));
	tb_core_read_end(tx);
	assert_int_equal(floor, expected);
}

static bool is_there(struct world *w, uint64_t id)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_device_event event;
	enum tb_err err = tb_device_find(tx, w->ic.arena, w->org, id, &event);

	tb_core_read_end(tx);
	assert_true(err == TB_OK || err == TB_ERR_NOT_FOUND);
	return err == TB_OK;
}

static void dropped_on(struct world *w)
{
	const uint64_t ids[] = { 1, 2, 3 };
	struct tb_device_query query = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_SENDER,
		.user = TB_STR("u"),
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
	};
	struct sending s = { .kind = TB_DEVICE_EVENT_CRITICAL,
			     .device = "a",
			     .user = "u",
			     .client_id = "x" };
	struct tb_device_push_item item;
	struct tb_registration reg;
	struct tb_device_marks marks;

	register_device(w, "b");
	assert_int_equal(push_one(w, &s), 1);
	assert_int_equal(push_one(w, &s), 1);
	assert_int_equal(push_plain(w, "a"), 2);
	w->ic.now_us += DAY_US;
	assert_int_equal(push_plain(w, "a"), 3);
	w->ic.now_us += 29 * DAY_US + MINUTE_US;
	see(w, "b");
	see(w, "a");
	keep_up_all(w, &ages);
	w->ic.now_us += 70 * DAY_US;
	see(w, "b");
	see(w, "a");
	keep_up_all(w, &ages);
	assert_false(is_there(w, 1));
	assert_false(is_there(w, 2));
	assert_true(is_there(w, 3));
	expect_floor(w, 2);
	expect_pull(w, "b", "3");
	expect_page(w, &query, "");
	expect_tally(w, "a", NULL, "0/0/1");
	expect_tally(w, NULL, "u", "0/0/0");
	MUST(find_registration(w, "b", &reg, &marks));
	assert_int_equal(tb_device_marks_missed(&marks, 2), 2);
	/* They are known, and done. */
	assert_int_equal(acknowledge(w, "b", ids, 3), 1);
	MUST(find_registration(w, "b", &reg, &marks));
	assert_int_equal(tb_device_marks_missed(&marks, 2), 0);
	assert_int_equal(marks.others.done, 3);
	assert_int_equal(acknowledge_one(w, "b", 1), 0);
	/* What named it names a new one, in a feed that begins with it. */
	MUST(try_push(w, &s, 1, &item));
	assert_int_equal(item.id, 4);
	assert_false(item.is_repeated);
	expect_page(w, &query, "4");
	expect_nothing_to_do(w);
	/* One that comes now has missed nothing. */
	register_device(w, "c");
	MUST(find_registration(w, "c", &reg, &marks));
	assert_int_equal(tb_device_marks_missed(&marks, 2), 0);
	expect_pull(w, "c", "3 4");
	check_store(w);
}

static void test_old_events_go_and_are_forgotten(void **unused)
{
	(void)unused;
	world_on_each_engine(dropped_on);
}

static void in_the_way_on(struct world *w)
{
	const struct tb_device_ages patient = { .absent_us = 1000 * DAY_US,
						.pending_us = 1000 * DAY_US,
						.keep_us = DAY_US };
	uint64_t head;

	register_device(w, "b");
	for (int i = 0; i < 4; i++)
		push_plain(w, "a");
	acknowledge_one(w, "b", 1);
	acknowledge_one(w, "b", 3);
	w->ic.now_us += DAY_US;
	keep_up_all(w, &patient);
	expect_floor(w, 0);
	w->ic.now_us += MINUTE_US;
	keep_up_all(w, &patient);
	expect_floor(w, 1);
	assert_true(is_there(w, 3));
	/* It costs no commit to find that out. */
	head = head_of(w);
	assert_int_equal(keep_up_all(w, &patient), 0);
	assert_int_equal(head_of(w), head);
	acknowledge_one(w, "b", 2);
	keep_up_all(w, &patient);
	expect_floor(w, 3);
	assert_int_equal(acknowledge_up_to(w, "b", 4), 1);
	keep_up_all(w, &patient);
	expect_floor(w, 4);
	/* The next one is another, though nothing is left. */
	assert_int_equal(push_plain(w, "a"), 5);
	expect_status(w, 5, "pending 1");
	check_store(w);
}

static void test_one_that_waits_is_not_passed_by(void **unused)
{
	(void)unused;
	world_on_each_engine(in_the_way_on);
}

static void test_large_events_go_a_few_at_a_time(void **unused)
{
	enum {
		SIZE = 1 << 20
	};
	const struct tb_device_ages none = { .absent_us = 1000 * DAY_US,
					     .pending_us = 1000 * DAY_US,
					     .keep_us = 0 };
	char *payload = calloc(SIZE + 1, 1);
	struct world w;
	size_t n;

	(void)unused;
	assert_non_null(payload);
	memset(payload, '1', SIZE);
	world_init(&w, &tb_store_memory);
	for (int i = 0; i < 20; i++) {
		push_one(&w, &(struct sending) { .device = "a",
						 .payload = payload });
		tb_arena_reset(w.ic.arena);
	}
	w.ic.now_us += MINUTE_US;
	n = keep_up_all(&w, &none);
	assert_in_range(n, 2, 3);
	expect_floor(&w, 20);
	world_fini(&w);
	free(payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_not_seen_is_not_waited_for),
		cmocka_unit_test(test_who_comes_back_counts_again),
		cmocka_unit_test(test_writing_off_goes_on_in_pieces),
		cmocka_unit_test(
			test_who_is_back_early_counts_when_it_is_written_off),
		cmocka_unit_test(test_many_fail_and_go_in_pieces),
		cmocka_unit_test(test_what_waits_for_too_long_fails),
		cmocka_unit_test(test_old_events_go_and_are_forgotten),
		cmocka_unit_test(test_one_that_waits_is_not_passed_by),
		cmocka_unit_test(test_large_events_go_a_few_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
