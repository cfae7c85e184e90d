/*
 * What devices acknowledge, on each engine: what is new by it and what is not,
 * who is waited for then, and how short the marks stay.
 */
#include "device_world.h"

#include "kernel/system.h"

static struct tb_device_marks marks_of(struct world *w, const char *device)
{
	struct tb_device_marks marks = { .critical = { .done = 0 } };
	struct tb_registration reg;

	MUST(find_registration(w, device, &reg, &marks));
	return marks;
}

static void scattered_on(struct world *w)
{
	const uint64_t ids[] = { 6, 2, 4, 2 };

	register_device(w, "b");
	register_device(w, "c");
	for (int i = 0; i < 6; i++)
		push_plain(w, "a");
	expect_pull(w, "b", "1 2 3 4 5 6");
	assert_int_equal(acknowledge(w, "b", ids, 4), 3);
	expect_pull(w, "b", "1 3 5");
	expect_pull(w, "c", "1 2 3 4 5 6");
	expect_status(w, 1, "pending 2");
	expect_status(w, 2, "pending 1");
	/* Again: nothing is new, and nothing waits less. */
	assert_int_equal(acknowledge(w, "b", ids, 4), 0);
	expect_status(w, 2, "pending 1");
	assert_int_equal(acknowledge(w, "c", ids, 2), 2);
	expect_status(w, 2, "synced");
	expect_status(w, 6, "synced");
	expect_tally(w, "a", NULL, "4/2/0");
	assert_int_equal(acknowledge_up_to(w, "b", 3), 2);
	expect_pull(w, "b", "5");
	assert_int_equal(acknowledge_up_to(w, "b", 100), 1);
	assert_int_equal(acknowledge_up_to(w, "b", 100), 0);
	expect_pull(w, "b", "");
	assert_int_equal(marks_of(w, "b").others.done, 6);
	assert_int_equal(marks_of(w, "b").others.n_islands, 0);
	expect_tally(w, "a", NULL, "4/2/0");
	expect_status(w, 4, "pending 1");
	expect_status(w, 5, "pending 1");
	check_store(w);
}

static void test_scattered_ids_and_up_to(void **unused)
{
	(void)unused;
	world_on_each_engine(scattered_on);
}

static void unknown_on(struct world *w)
{
	const uint64_t ids[] = { 3, 0, 1, 7, 7, UINT64_MAX };
	struct tb_device_ack ack = { .device = TB_STR("b"),
				     .ids = ids,
				     .n = 6 };

	push_plain(w, "a");
	push_plain(w, "b");
	MUST(try_acknowledge(w, &ack));
	assert_int_equal(ack.n_new, 1);
	assert_int_equal(ack.n_unknown, 4);
	assert_int_equal(ack.unknown[0], 0);
	assert_int_equal(ack.unknown[1], 3);
	assert_int_equal(ack.unknown[2], 7);
	assert_int_equal(ack.unknown[3], UINT64_MAX);
	/* Its own succeeds, and is not counted. */
	assert_int_equal(acknowledge_one(w, "b", 2), 0);
	assert_int_equal(acknowledge_up_to(w, "a", 1), 0);
	expect_status(w, 2, "pending 1");
	/* Nor was what is pushed later. */
	push_plain(w, "a");
	expect_pull(w, "b", "3");
}

static void test_ids_of_no_event_and_own_ones(void **unused)
{
	(void)unused;
	world_on_each_engine(unknown_on);
}

static void newcomer_on(struct world *w)
{
	struct tb_registration reg;
	uint64_t head;

	register_device(w, "b");
	push_plain(w, "a");
	push_plain(w, "a");
	/* It did not count for what it acknowledges. */
	assert_int_equal(acknowledge_one(w, "c", 1), 1);
	MUST(find_registration(w, "c", &reg, NULL));
	assert_int_equal(reg.first, 2);
	expect_status(w, 1, "pending 1");
	expect_pull(w, "c", "2");
	assert_int_equal(acknowledge_up_to(w, "d", 0), 0);
	MUST(find_registration(w, "d", &reg, NULL));
	/* Nothing to do costs no commit. */
	head = head_of(w);
	assert_int_equal(acknowledge_up_to(w, "d", 0), 0);
	assert_int_equal(acknowledge_up_to(w, "c", 1), 0);
	assert_int_equal(head_of(w), head);
	push_plain(w, "a");
	expect_status(w, 3, "pending 3");
}

static void test_acknowledging_registers(void **unused)
{
	(void)unused;
	world_on_each_engine(newcomer_on);
}

/* ---- marks stay short ---- */

/* Who acknowledges the critical ones only, as they come. */
static void critical_only_on(struct world *w)
{
	struct tb_device_query query = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_LIVE,
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
		.only_critical = true,
	};
	struct tb_device_marks marks;

	register_device(w, "b");
	for (int i = 0; i < 5; i++) {
		push_plain(w, "a");
		assert_int_equal(acknowledge_one(w, "b", push_critical(w, "a")),
				 1);
	}
	marks = marks_of(w, "b");
	assert_int_equal(marks.critical.done, 10);
	assert_int_equal(marks.critical.n_islands, 0);
	assert_int_equal(marks.others.done, 0);
	query.marks = &marks;
	expect_page(w, &query, "");
	expect_pull(w, "b", "1 3 5 7 9");
	/* One that is left out harms none after it. */
	push_critical(w, "a");
	for (int i = 0; i < 5; i++) {
		push_plain(w, "a");
		push_plain(w, "b");
		acknowledge_one(w, "b", push_critical(w, "a"));
	}
	marks = marks_of(w, "b");
	assert_int_equal(marks.critical.n_islands, 1);
	expect_page(w, &query, "11");
	query.only_critical = false;
	expect_page(w, &query, "11");
	acknowledge_one(w, "b", 11);
	assert_int_equal(marks_of(w, "b").critical.done, 26);
	/* And the others. */
	assert_int_equal(acknowledge_up_to(w, "b", UINT64_MAX), 10);
	marks = marks_of(w, "b");
	assert_int_equal(marks.others.done, 26);
	expect_status(w, 25, "pending 1");
	expect_tally(w, "a", NULL, "0/21/0");
}

static void test_the_other_kind_leaves_no_gaps(void **unused)
{
	(void)unused;
	world_on_each_engine(critical_only_on);
}

static void test_own_events_leave_no_gaps(void **unused)
{
	struct world world;
	struct world *w = &world;

	(void)unused;
	world_init(w, &tb_store_memory);
	register_device(w, "c");
	push_plain(w, "a");
	/* More of its own than are marked as they are pushed. */
	for (int i = 0; i < 80; i++) {
		push_plain(w, "a");
		push_plain(w, "b");
	}
	assert_int_equal(marks_of(w, "b").others.n_islands, 64);
	for (uint64_t id = 2; id <= 160; id += 2)
		assert_int_equal(acknowledge_one(w, "b", id), 1);
	assert_int_equal(marks_of(w, "b").others.n_islands, 1);
	assert_int_equal(marks_of(w, "b").others.done, 0);
	expect_pull(w, "b", "1");
	acknowledge_one(w, "b", 1);
	assert_int_equal(marks_of(w, "b").others.n_islands, 0);
	assert_int_equal(marks_of(w, "b").others.done, 161);
	world_fini(w);
}

/* ---- much at once ---- */

static void push_many(struct world *w, const char *device, size_t n)
{
	struct sending sending = { .device = device };
	struct tb_device_push_item item;
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
	item = item_of(&w->ic, &sending);
	for (size_t i = 0; i < n; i++)
		items[i] = item;
	MUST(tb_device_push_prepare(&push, w->org));
	MUST(tb_core_commit(w->ic.core, &push.commit));
}

static void test_many_gaps_are_too_many(void **unused)
{
	enum {
		N = TB_MARKS_ISLANDS_MAX + 1
	};
	static uint64_t ids[N];
	struct tb_device_ack ack = { .device = TB_STR("b"), .ids = ids };
	struct world w;
	uint64_t head;

	(void)unused;
	world_init(&w, &tb_store_memory);
	register_device(&w, "b");
	push_many(&w, "a", 2 * N);
	for (size_t i = 0; i < N; i++)
		ids[i] = 2 * i + 2;
	ack.n = N;
	assert_int_equal(try_acknowledge(&w, &ack), TB_ERR_TOO_LARGE);
	/* What went before is whole, and can be repeated. */
	expect_status(&w, 2, "synced");
	expect_status(&w, 1, "pending 1");
	expect_status(&w, ids[N - 1], "pending 1");
	ack.n = N - 1;
	MUST(try_acknowledge(&w, &ack));
	assert_int_equal(marks_of(&w, "b").others.n_islands,
			 TB_MARKS_ISLANDS_MAX);
	head = head_of(&w);
	ack.ids = &ids[N - 1];
	ack.n = 1;
	assert_int_equal(try_acknowledge(&w, &ack), TB_ERR_TOO_LARGE);
	assert_int_equal(head_of(&w), head);
	expect_status(&w, ids[N - 1], "pending 1");
	/* The older ones make room. */
	assert_int_equal(acknowledge_up_to(&w, "b", 5), 3);
	assert_int_equal(acknowledge_one(&w, "b", ids[N - 1]), 1);
	world_fini(&w);
}

static void test_up_to_goes_through_many_events(void **unused)
{
	struct tb_device_query query = {
		.feed = TB_DEVICE_FEED_OVERDUE,
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
	};
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	query.org = w.org;
	/* Only the last of them wait for anybody. */
	for (int i = 0; i < 23; i++) {
		push_many(&w, "a", 1000);
		tb_arena_reset(w.ic.arena);
	}
	register_device(&w, "b");
	register_device(&w, "c");
	for (int i = 0; i < 3; i++)
		push_many(&w, "a", 1000);
	tb_arena_reset(w.ic.arena);
	assert_int_equal(acknowledge_up_to(&w, "b", 25500), 25500);
	expect_tally(&w, "a", NULL, "3000/23000/0");
	expect_status(&w, 25500, "pending 1");
	expect_status(&w, 25501, "pending 2");
	assert_int_equal(acknowledge_up_to(&w, "c", 25500), 25500);
	expect_tally(&w, "a", NULL, "500/25500/0");
	assert_int_equal(acknowledge_up_to(&w, "b", 26000), 500);
	assert_int_equal(acknowledge_up_to(&w, "c", 26000), 500);
	expect_tally(&w, "a", NULL, "0/26000/0");
	expect_page(&w, &query, "");
	check_store(&w);
	world_fini(&w);
}

/* A lap of what tills do all day. */
static void test_many_devices_acknowledge_many_events(void **unused)
{
	enum {
		DEVICES = 20,
		EVENTS = 300
	};
	struct world w;
	char status[32];
	char name[16];

	(void)unused;
	world_init(&w, &tb_store_memory);
	for (int i = 0; i < DEVICES; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		register_device(&w, name);
	}
	push_many(&w, "a", EVENTS);
	for (int i = 0; i < DEVICES; i++) {
		uint64_t ids[EVENTS];

		(void)snprintf(name, sizeof(name), "d%d", i);
		for (uint64_t id = 0; id < EVENTS; id++)
			ids[id] = EVENTS - id;
		(void)snprintf(status, sizeof(status), "pending %d",
			       DEVICES - i);
		expect_status(&w, EVENTS, status);
		assert_int_equal(acknowledge(&w, name, ids, EVENTS), EVENTS);
		tb_arena_reset(w.ic.arena);
	}
	expect_tally(&w, "a", NULL, "0/300/0");
	world_fini(&w);
}

/* ---- giving up ---- */

static enum tb_err give_up(struct world *w, uint64_t id)
{
	return tb_device_give_up(w->ic.core, &w->ic.note, w->org, id);
}

static void give_up_on(struct world *w)
{
	struct tb_device_query overdue = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_OVERDUE,
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
	};

	register_device(w, "b");
	push_one(w, &(struct sending) { .kind = TB_DEVICE_EVENT_CRITICAL,
					.device = "a",
					.user = "u" });
	push_critical(w, "a");
	acknowledge_one(w, "b", 2);
	expect_page(w, &overdue, "1");
	assert_int_equal(give_up(w, 0), TB_ERR_NOT_FOUND);
	assert_int_equal(give_up(w, 3), TB_ERR_NOT_FOUND);
	assert_int_equal(give_up(w, 2), TB_ERR_CONFLICT);
	MUST(give_up(w, 1));
	expect_status(w, 1, "failed");
	assert_int_equal(give_up(w, 1), TB_ERR_CONFLICT);
	expect_tally(w, "a", NULL, "0/1/1");
	expect_tally(w, "a", "u", "0/0/1");
	expect_page(w, &overdue, "");
	/* It can be pulled and acknowledged, and stays failed. */
	expect_pull(w, "b", "1");
	assert_int_equal(acknowledge_one(w, "b", 1), 1);
	expect_pull(w, "b", "");
	expect_status(w, 1, "failed");
	check_store(w);
}

static void test_an_operator_gives_up(void **unused)
{
	(void)unused;
	world_on_each_engine(give_up_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scattered_ids_and_up_to),
		cmocka_unit_test(test_ids_of_no_event_and_own_ones),
		cmocka_unit_test(test_acknowledging_registers),
		cmocka_unit_test(test_the_other_kind_leaves_no_gaps),
		cmocka_unit_test(test_own_events_leave_no_gaps),
		cmocka_unit_test(test_many_gaps_are_too_many),
		cmocka_unit_test(test_up_to_goes_through_many_events),
		cmocka_unit_test(test_many_devices_acknowledge_many_events),
		cmocka_unit_test(test_an_operator_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
