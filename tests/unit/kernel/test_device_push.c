/*
 * What devices push, on each engine: numbers and times, what is known again,
 * for whom an event waits, who is registered by it, and what is read of it.
 */
#include "device_world.h"

#include "kernel/device_tally.h"

static void numbers_on(struct world *w)
{
	struct tb_device_event first;
	struct tb_device_event second;

	assert_int_equal(
		push_one(w,
			 &(struct sending) { .device = "till\"1",
					     .user = "u1",
					     .payload = "{ \"a\":1.0 }",
					     .timestamp = "\"2025-07-25\"" }),
		1);
	assert_int_equal(push_critical(w, "till-2"), 2);
	first = event_of(w, 1);
	second = event_of(w, 2);
	assert_true(second.arrived_us > first.arrived_us);
	assert_true(tb_str_eq(first.device, TB_STR("till\"1")));
	assert_true(tb_str_eq(first.user, TB_STR("u1")));
	assert_true(tb_str_eq(first.type, TB_STR("sale")));
	assert_true(tb_str_eq(first.payload, TB_STR("{ \"a\":1.0 }")));
	assert_true(tb_str_eq(first.timestamp, TB_STR("\"2025-07-25\"")));
	assert_int_equal(first.kind, TB_DEVICE_EVENT_PLAIN);
	assert_int_equal(second.kind, TB_DEVICE_EVENT_CRITICAL);
	assert_int_equal(second.user.n, 0);
	assert_int_equal(second.timestamp.n, 0);
	assert_true(tb_str_starts(second.sent, TB_STR("{\"event_type\": ")));
	check_store(w);
}

static void test_events_are_numbered_and_kept_as_they_came(void **unused)
{
	(void)unused;
	world_on_each_engine(numbers_on);
}

/* ---- for whom they wait ---- */

static void waiting_on(struct world *w)
{
	struct tb_registration reg;

	/* The only device is the sender, whom the push registers. */
	assert_int_equal(push_plain(w, "a"), 1);
	expect_status(w, 1, "synced");
	MUST(find_registration(w, "a", &reg, NULL));
	assert_int_equal(reg.first, 0);
	register_device(w, "b");
	register_device(w, "c");
	assert_int_equal(push_critical(w, "a"), 2);
	expect_status(w, 2, "pending 2");
	/* A new one waits for none of what was there before it. */
	assert_int_equal(push_plain(w, "d"), 3);
	expect_status(w, 3, "pending 3");
	MUST(find_registration(w, "d", &reg, NULL));
	assert_int_equal(reg.first, 2);
	expect_status(w, 2, "pending 2");
	expect_pull(w, "a", "3");
	expect_pull(w, "b", "1 2 3");
	expect_pull(w, "d", "1 2");
	expect_pull(w, "nobody", "1 2 3");
}

static void test_an_event_waits_for_all_devices_but_its_sender(void **unused)
{
	(void)unused;
	world_on_each_engine(waiting_on);
}

static void update_on(struct world *w)
{
	const struct sending sendings[] = {
		{ .kind = TB_DEVICE_EVENT_UPDATE, .device = "user/1" },
		{ .kind = TB_DEVICE_EVENT_UPDATE, .device = "a" },
		{ .device = "b" },
		{ .kind = TB_DEVICE_EVENT_UPDATE, .device = "b" },
	};
	struct tb_device_push_item items[TB_ARRAY_LEN(sendings)];
	struct tb_registration reg;

	register_device(w, "a");
	MUST(try_push(w, sendings, TB_ARRAY_LEN(sendings), items));
	expect_status(w, 1, "pending 1");
	expect_status(w, 2, "synced");
	expect_status(w, 4, "pending 1");
	assert_int_equal(find_registration(w, "user/1", &reg, NULL),
			 TB_ERR_NOT_FOUND);
	expect_pull(w, "user/1", "2 3 4");
	expect_tally(w, "user/1", NULL, "1/0/0");
}

static void test_an_update_registers_nobody(void **unused)
{
	(void)unused;
	world_on_each_engine(update_on);
}

static void too_many_on(struct world *w)
{
	struct sending sendings[] = { { .device = "a" },
				      { .device = "b" },
				      { .device = "c" },
				      { .device = "a", .client_id = "1" },
				      { .device = "b", .client_id = "1" } };
	struct tb_device_push_item items[TB_ARRAY_LEN(sendings)];
	struct tb_device_push push = {
		.commit = { .note = w->ic.note },
		.items = items,
		.n = TB_ARRAY_LEN(items),
		.devices_max = 2,
		.arena = w->ic.arena,
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(items); i++)
		items[i] = item_of(&w->ic, &sendings[i]);
	MUST(tb_device_push_prepare(&push, w->org));
	MUST(tb_core_commit(w->ic.core, &push.commit));
	MUST(items[0].err);
	MUST(items[1].err);
	assert_int_equal(items[2].err, TB_ERR_CONFLICT);
	MUST(items[3].err);
	assert_int_equal(items[4].id, 4);
	assert_int_equal(push.n_stored, 4);
	assert_true(tb_str_eq(push.commit.note.detail,
			      TB_STR("\"events\":5,\"stored\":4")));
	/* Of the same push: `a` was alone when its first one came. */
	expect_status(w, 1, "synced");
	expect_status(w, 3, "pending 1");
	check_store(w);
}

static void test_what_one_device_may_not_harms_no_other(void **unused)
{
	(void)unused;
	world_on_each_engine(too_many_on);
}

/* ---- known again ---- */

/* The same id as an event before, or a new one. */
static void expect_repeated(struct world *w, const struct sending *s,
			    uint64_t id)
{
	struct tb_device_push_item item;

	MUST(try_push(w, s, 1, &item));
	assert_int_equal(item.id, id);
	assert_true(item.is_repeated);
	assert_int_equal(item.arrived_us, event_of(w, id).arrived_us);
}

static void expect_new(struct world *w, const struct sending *s, uint64_t id)
{
	struct tb_device_push_item item;

	MUST(try_push(w, s, 1, &item));
	assert_int_equal(item.id, id);
	assert_false(item.is_repeated);
}

static void by_client_id_on(struct world *w)
{
	struct sending s = { .device = "a", .client_id = "x" };

	expect_new(w, &s, 1);
	expect_repeated(w, &s, 1);
	s.payload = "17";
	s.timestamp = "\"2025-07-25\"";
	s.kind = TB_DEVICE_EVENT_CRITICAL;
	s.user = "u";
	expect_repeated(w, &s, 1);
	s.device = "b";
	expect_new(w, &s, 2);
	s.client_id = "y";
	expect_new(w, &s, 3);
	expect_tally(w, "a", NULL, "0/1/0");
	expect_tally(w, "b", "u", "2/0/0");
}

static void test_events_are_known_by_their_devices_id(void **unused)
{
	(void)unused;
	world_on_each_engine(by_client_id_on);
}

static void by_content_on(struct world *w)
{
	struct sending s = { .device = "a",
			     .payload = "{\"a\":1,\"b\":[true,\"x\"]}",
			     .timestamp = "\"2025-07-25\"" };

	expect_new(w, &s, 1);
	s.payload = "{ \"b\" : [true, \"\\u0078\"], \"a\":1}";
	s.timestamp = "\"2025-07-\\u00325\"";
	expect_repeated(w, &s, 1);
	s.user = "u";
	expect_repeated(w, &s, 1);
	s.payload = "{\"a\":1,\"b\":[true,\"y\"]}";
	expect_new(w, &s, 2);
	s.timestamp = "\"2025-07-26\"";
	expect_new(w, &s, 3);
	s.device = "b";
	expect_new(w, &s, 4);
	/* What its device names is not known by what it says. */
	s.client_id = "x";
	expect_new(w, &s, 5);
	s.client_id = NULL;
	expect_repeated(w, &s, 4);
}

static void test_events_with_a_timestamp_are_known_by_content(void **unused)
{
	(void)unused;
	world_on_each_engine(by_content_on);
}

static void nameless_on(struct world *w)
{
	struct sending s = { .device = "a" };

	expect_new(w, &s, 1);
	expect_new(w, &s, 2);
}

static void test_others_are_new_each_time(void **unused)
{
	(void)unused;
	world_on_each_engine(nameless_on);
}

static void within_on(struct world *w)
{
	const struct sending sendings[] = {
		{ .device = "a", .client_id = "x" },
		{ .device = "b", .client_id = "x" },
		{ .device = "a", .client_id = "x", .payload = "2" },
	};
	struct tb_device_push_item items[3];

	MUST(try_push(w, sendings, 3, items));
	assert_int_equal(items[0].id, 1);
	assert_int_equal(items[1].id, 2);
	assert_int_equal(items[2].id, 1);
	assert_true(items[2].is_repeated);
	assert_int_equal(items[2].arrived_us, items[0].arrived_us);
}

static void test_one_push_may_hold_an_event_twice(void **unused)
{
	(void)unused;
	world_on_each_engine(within_on);
}

static void test_a_payload_that_is_no_json_is_refused(void **unused)
{
	const struct sending s = { .device = "a",
				   .payload = "{",
				   .timestamp = "\"2025-07-25\"" };
	struct tb_device_push_item item;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	assert_int_equal(try_push(&w, &s, 1, &item), TB_ERR_CORRUPT);
	world_fini(&w);
}

/* ---- reading ---- */

static void senders_on(struct world *w)
{
	struct tb_device_query query = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_SENDER,
		.device = TB_STR("a"),
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
	};

	register_device(w, "ab");
	push_one(w, &(struct sending) { .device = "a", .user = "bc" });
	push_one(w, &(struct sending) { .device = "ab", .user = "c" });
	push_one(w, &(struct sending) { .device = "a", .user = "c" });
	push_one(w, &(struct sending) { .device = "a" });
	expect_page(w, &query, "1 3 4");
	query.user = TB_STR("c");
	expect_page(w, &query, "3");
	query.user = TB_STR("bc");
	expect_page(w, &query, "1");
	query.device = TB_STR_NONE;
	query.user = TB_STR("c");
	expect_page(w, &query, "2 3");
	query.user = TB_STR("a");
	expect_page(w, &query, "");
	assert_int_equal(read_page(w, &query).last, UINT64_MAX);
	expect_tally(w, "a", NULL, "3/0/0");
	expect_tally(w, "a", "c", "1/0/0");
	expect_tally(w, NULL, "c", "2/0/0");
	expect_tally(w, NULL, "a", "0/0/0");
	expect_tally(w, "c", NULL, "0/0/0");
}

static void test_events_are_read_by_who_sent_them(void **unused)
{
	(void)unused;
	world_on_each_engine(senders_on);
}

static void history_on(struct world *w)
{
	struct tb_device_query query = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_SENDER,
		.device = TB_STR("a"),
		.until = UINT64_MAX,
		.backwards = true,
		.limit = 2,
		.max_bytes = SIZE_MAX,
	};
	struct tb_device_page page;

	for (int i = 0; i < 3; i++) {
		push_plain(w, "a");
		push_plain(w, "b");
	}
	expect_page(w, &query, "5 3+");
	page = read_page(w, &query);
	assert_int_equal(page.events[0].status, TB_DEVICE_EVENT_PENDING);
	query.until = page.last - 1;
	expect_page(w, &query, "1");
	assert_int_equal(read_page(w, &query).last, 0);
	assert_int_equal(read_page(w, &query).events[0].status,
			 TB_DEVICE_EVENT_SYNCED);
	query.limit = 0;
	expect_page(w, &query, "+");
	query.limit = SIZE_MAX;
	query.until = UINT64_MAX;
	query.max_bytes = 0;
	expect_page(w, &query, "5+");
}

static void test_a_history_is_read_backwards(void **unused)
{
	(void)unused;
	world_on_each_engine(history_on);
}

static void live_on(struct world *w)
{
	struct tb_device_query query = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_LIVE,
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
	};

	push_plain(w, "a");
	push_critical(w, "a");
	push_one(w, &(struct sending) { .kind = TB_DEVICE_EVENT_UPDATE,
					.device = "b" });
	push_critical(w, "b");
	push_plain(w, "a");
	expect_page(w, &query, "2 3 4");
	query.not_device = TB_STR("b");
	expect_page(w, &query, "2");
	query.not_device = TB_STR("a");
	query.only_critical = true;
	expect_page(w, &query, "4");
	query.feed = TB_DEVICE_FEED_ALL;
	expect_page(w, &query, "4");
	query.only_critical = false;
	expect_page(w, &query, "3 4");
	query.not_device = TB_STR("b\"");
	query.limit = 3;
	expect_page(w, &query, "1 2 3+");
	assert_int_equal(read_page(w, &query).last, 3);
	query.after = 3;
	query.until = 4;
	expect_page(w, &query, "4");
	assert_int_equal(read_page(w, &query).last, 4);
	query.after = 2;
	query.limit = SIZE_MAX;
	query.until = UINT64_MAX;
	query.max_bytes = 2 * (event_of(w, 3).sent.n + 90);
	expect_page(w, &query, "3 4+");
	query.max_bytes = 1;
	expect_page(w, &query, "3+");
	/* Those that wait, and only the critical ones: `a` for 3 and 4. */
	query.feed = TB_DEVICE_FEED_OVERDUE;
	query.not_device = TB_STR_NONE;
	query.after = 0;
	query.max_bytes = SIZE_MAX;
	expect_page(w, &query, "4");
	assert_int_equal(read_page(w, &query).events[0].waiting_for, 1);
}

static void test_feeds_of_kinds_and_pages(void **unused)
{
	(void)unused;
	world_on_each_engine(live_on);
}

static void times_on(struct world *w)
{
	struct tb_tx *tx;
	uint64_t num;
	int64_t us;

	for (int i = 0; i < 3; i++)
		push_plain(w, "a");
	us = event_of(w, 2).arrived_us;
	tx = inline_core_read(&w->ic);
	MUST(tb_device_head(tx, w->org, &num));
	assert_int_equal(num, 3);
	MUST(tb_device_floor(tx, w->ic.arena, w->org, &num));
	assert_int_equal(num, 0);
	MUST(tb_device_find_time(tx, w->org, us, &num));
	assert_int_equal(num, 2);
	MUST(tb_device_find_time(tx, w->org, us - 1, &num));
	assert_int_equal(num, 1);
	MUST(tb_device_find_time(tx, w->org, INT64_MAX, &num));
	assert_int_equal(num, 3);
	MUST(tb_device_find_time(tx, w->org, 0, &num));
	assert_int_equal(num, 0);
	tb_core_read_end(tx);
}

static void test_a_time_is_found_as_an_id(void **unused)
{
	(void)unused;
	world_on_each_engine(times_on);
}

/* ---- marks ---- */

static void test_who_only_pushes_leaves_no_gaps(void **unused)
{
	struct tb_registration reg;
	struct tb_device_marks marks;
	struct world world;
	struct world *w = &world;

	(void)unused;
	world_init(w, &tb_store_memory);
	register_device(w, "b");
	for (int i = 0; i < 100; i++)
		(void)(i % 2 ? push_plain(w, "a") : push_critical(w, "a"));
	MUST(find_registration(w, "a", &reg, &marks));
	assert_int_equal(marks.critical.n_islands, 0);
	assert_int_equal(marks.others.n_islands, 0);
	assert_int_equal(marks.others.done, 100);
	/* Where others push, too, its own are marked so far and no further. */
	for (int i = 0; i < 200; i++)
		push_plain(w, i % 2 ? "a" : "b");
	MUST(find_registration(w, "a", &reg, &marks));
	assert_int_equal(marks.others.n_islands, 64);
	assert_int_equal(marks.others.done, 100);
	world_fini(w);
}

static void test_many_events_that_are_left_out_end_a_page(void **unused)
{
	struct sending sendings[1000];
	struct tb_device_push_item items[1000];
	struct tb_device_query query = {
		.feed = TB_DEVICE_FEED_ALL,
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
		.not_device = TB_STR("a"),
	};
	struct tb_device_page page;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	query.org = w.org;
	for (size_t i = 0; i < TB_ARRAY_LEN(sendings); i++)
		sendings[i] = (struct sending) { .device = "a" };
	for (int i = 0; i < 21; i++) {
		MUST(try_push(&w, sendings, TB_ARRAY_LEN(sendings), items));
		tb_arena_reset(w.ic.arena);
	}
	push_plain(&w, "b");
	page = read_page(&w, &query);
	assert_int_equal(page.n, 0);
	assert_true(page.has_more);
	assert_in_range(page.last, 1, 21000);
	query.after = page.last;
	expect_page(&w, &query, "21001");
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_events_are_numbered_and_kept_as_they_came),
		cmocka_unit_test(
			test_an_event_waits_for_all_devices_but_its_sender),
		cmocka_unit_test(test_an_update_registers_nobody),
		cmocka_unit_test(test_what_one_device_may_not_harms_no_other),
		cmocka_unit_test(test_events_are_known_by_their_devices_id),
		cmocka_unit_test(
			test_events_with_a_timestamp_are_known_by_content),
		cmocka_unit_test(test_others_are_new_each_time),
		cmocka_unit_test(test_one_push_may_hold_an_event_twice),
		cmocka_unit_test(test_a_payload_that_is_no_json_is_refused),
		cmocka_unit_test(test_events_are_read_by_who_sent_them),
		cmocka_unit_test(test_a_history_is_read_backwards),
		cmocka_unit_test(test_feeds_of_kinds_and_pages),
		cmocka_unit_test(test_a_time_is_found_as_an_id),
		cmocka_unit_test(test_who_only_pushes_leaves_no_gaps),
		cmocka_unit_test(test_many_events_that_are_left_out_end_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
