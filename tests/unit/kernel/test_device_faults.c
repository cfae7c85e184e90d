/*
 * Every call of the store and every allocation fails once, at each place of
 * what devices do: it says so or succeeds, nothing is half done, and asking
 * again gives what it would have given.
 */
#include "device_world.h"

#include "base/alloc.h"

#define STATE_MAX_BYTES ((size_t)64 << 10)

static const struct tb_device_ages ages = { .absent_us = DAY_US,
					    .pending_us = 10 * DAY_US,
					    .keep_us = 20 * DAY_US };

/* Some devices and events, of which some are acknowledged; `b` was not seen for
 * long, the first event is old, the second waits for too long. */
static void prepare(struct world *w)
{
	const struct tb_device_seen seen[] = { { TB_STR("a"), 0 },
					       { TB_STR("c"), 0 } };
	struct tb_device_seen now[2];

	register_device(w, "b");
	register_device(w, "c");
	push_one(w, &(struct sending) {
			    .device = "a", .user = "u", .client_id = "x" });
	acknowledge_one(w, "b", 1);
	acknowledge_one(w, "c", 1);
	w->ic.now_us += 10 * DAY_US;
	push_one(w, &(struct sending) { .kind = TB_DEVICE_EVENT_CRITICAL,
					.device = "a",
					.user = "u" });
	w->ic.now_us += 10 * DAY_US + MINUTE_US;
	push_plain(w, "c");
	push_critical(w, "a");
	push_plain(w, "a");
	acknowledge_one(w, "c", 5);
	for (size_t i = 0; i < 2; i++)
		now[i] = (struct tb_device_seen) { seen[i].device,
						   w->ic.now_us };
	MUST(tb_registration_note_seen(w->ic.core, w->org, now, 2));
}

/* ---- what can be seen of it ---- */

static void put_events(struct world *w, struct tb_tx *tx, struct tb_buf *buf)
{
	const struct tb_device_query query = { .org = w->org,
					       .feed = TB_DEVICE_FEED_ALL,
					       .until = UINT64_MAX,
					       .limit = SIZE_MAX,
					       .max_bytes = SIZE_MAX };
	struct tb_device_page page;

	MUST(tb_device_read(tx, w->ic.arena, &query, &page));
	for (size_t i = 0; i < page.n; i++)
		tb_buf_printf(
			buf, "%llu %s %u %.*s\n",
			(unsigned long long)page.events[i].id,
			tb_device_event_status_name(page.events[i].status),
			page.events[i].waiting_for,
			TB_STR_ARG(page.events[i].sent));
}

static void put_registration(struct world *w, struct tb_tx *tx,
			     const char *device, struct tb_buf *buf)
{
	struct tb_device_marks marks;
	struct tb_device_tally tally;
	struct tb_registration reg;
	enum tb_err err = tb_registration_read(tx, w->ic.arena, w->org,
					       tb_str_z(device), &reg, &marks);

	MUST(tb_device_tally_read(tx, w->ic.arena, w->org, tb_str_z(device),
				  TB_STR_NONE, &tally));
	tb_buf_printf(buf, "%s %d %llu/%llu/%llu\n", device, err,
		      (unsigned long long)tally.pending,
		      (unsigned long long)tally.synced,
		      (unsigned long long)tally.failed);
	if (err == TB_ERR_NOT_FOUND)
		return;
	MUST(err);
	tb_buf_printf(buf, "%.*s %s %lld %llu ", TB_STR_ARG(reg.role),
		      tb_registration_state_name(reg.state),
		      (long long)reg.seen_us,
		      (unsigned long long)reg.counts_from);
	tb_marks_encode(buf, &marks.critical);
	tb_marks_encode(buf, &marks.others);
	tb_buf_append_char(buf, '\n');
}

static void put_state(struct world *w, struct tb_buf *buf)
{
	static const char *const devices[] = { "a", "b", "c", "d", "e" };
	struct tb_tx *tx = inline_core_read(&w->ic);
	uint64_t floor;

	MUST(tb_device_floor(tx, w->ic.arena, w->org, &floor));
	tb_buf_printf(buf, "above %llu\n", (unsigned long long)floor);
	put_events(w, tx, buf);
	for (size_t i = 0; i < TB_ARRAY_LEN(devices); i++)
		put_registration(w, tx, devices[i], buf);
	tb_core_read_end(tx);
	MUST(tb_buf_err(buf));
}

/* ---- what is done ---- */

static enum tb_err push_work(struct world *w)
{
	const struct sending sendings[] = {
		{ .kind = TB_DEVICE_EVENT_CRITICAL,
		  .device = "d",
		  .user = "u",
		  .client_id = "1" },
		{ .device = "a", .client_id = "2" },
		{ .device = "a", .client_id = "x" },
	};
	struct tb_device_push_item items[TB_ARRAY_LEN(sendings)];

	return try_push(w, sendings, TB_ARRAY_LEN(sendings), items);
}

static enum tb_err ack_work(struct world *w)
{
	const uint64_t ids[] = { 5, 2, 4, 99 };
	struct tb_device_ack ack = { .device = TB_STR("b"),
				     .ids = ids,
				     .n = TB_ARRAY_LEN(ids) };
	enum tb_err err = try_acknowledge(w, &ack);

	if (err == TB_OK)
		assert_int_equal(ack.n_unknown, 1);
	return err;
}

static enum tb_err ack_new_work(struct world *w)
{
	struct tb_device_ack ack = { .device = TB_STR("e"), .up_to = 3 };

	return try_acknowledge(w, &ack);
}

static enum tb_err register_work(struct world *w)
{
	const struct tb_register what = { .device = TB_STR("e"),
					  .role = TB_STR("till") };
	struct tb_registration reg;

	return tb_registration_register(w->ic.core, w->ic.arena, &w->ic.note,
					w->org, &what, DEVICES_MAX, &reg);
}

static enum tb_err retire_work(struct world *w)
{
	return tb_registration_retire(w->ic.core, &w->ic.note, w->org,
				      TB_STR("b"), true);
}

static enum tb_err seen_work(struct world *w)
{
	const struct tb_device_seen seen = { TB_STR("b"), w->ic.now_us };

	return tb_registration_note_seen(w->ic.core, w->org, &seen, 1);
}

static enum tb_err upkeep_work(struct world *w)
{
	bool more;

	return tb_device_upkeep(w->ic.core, w->org, &ages, &more);
}

/* Once it is done it is refused. */
static enum tb_err give_up_work(struct world *w)
{
	enum tb_err err = tb_device_give_up(w->ic.core, &w->ic.note, w->org, 4);

	return err == TB_ERR_CONFLICT ? TB_OK : err;
}

static enum tb_err (*const works[])(struct world *w) = {
	push_work,   ack_work,  ack_new_work, register_work,
	retire_work, seen_work, upkeep_work,  give_up_work,
};
static size_t work;

/* The states before and after, by what does not fail. */
static void expect_states(struct tb_buf *before, struct tb_buf *after)
{
	struct world w;

	world_init(&w, &tb_store_memory);
	prepare(&w);
	put_state(&w, before);
	MUST(works[work](&w));
	put_state(&w, after);
	assert_false(tb_str_eq(tb_buf_str(before), tb_buf_str(after)));
	check_store(&w);
	world_fini(&w);
}

static struct tb_buf before;
static struct tb_buf after;

/* One run with a failure; false once it is not met any more. */
static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_buf state;
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	prepare(&w);
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = works[work](&w);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	assert_true(met || err == TB_OK);
	tb_buf_init(&state, STATE_MAX_BYTES);
	put_state(&w, &state);
	/* What is read back behind a commit may fail after it. */
	assert_true(tb_str_eq(tb_buf_str(&state), tb_buf_str(&after)) ||
		    (err != TB_OK &&
		     tb_str_eq(tb_buf_str(&state), tb_buf_str(&before))));
	MUST(works[work](&w));
	tb_buf_reset(&state);
	put_state(&w, &state);
	assert_true(tb_str_eq(tb_buf_str(&state), tb_buf_str(&after)));
	tb_buf_fini(&state);
	world_fini(&w);
	return met;
}

static void fail_each_work(void (*fail_each)(world_fail_once_fn *))
{
	for (work = 0; work < TB_ARRAY_LEN(works); work++) {
		tb_buf_init(&before, STATE_MAX_BYTES);
		tb_buf_init(&after, STATE_MAX_BYTES);
		expect_states(&before, &after);
		fail_each(fail_once);
		tb_buf_fini(&before);
		tb_buf_fini(&after);
	}
}

/* On the store in memory alone: what is done is the same, and much is. */
static void fail_each_store_call(world_fail_once_fn *once)
{
	uint64_t n = 1;

	while (once(&tb_store_memory, n, 0))
		assert_true(n++ < WORLD_CALLS_MAX);
	assert_true(n > 3);
}

static void test_nth_store_call_fails(void **unused)
{
	(void)unused;
	fail_each_work(fail_each_store_call);
}

static void test_nth_allocation_fails(void **unused)
{
	(void)unused;
	fail_each_work(world_fail_each_allocation);
}

/* ---- reading ---- */

static enum tb_err read_all(struct world *w, struct tb_device_page *ret)
{
	const struct tb_device_query query = { .org = w->org,
					       .feed = TB_DEVICE_FEED_SENDER,
					       .device = TB_STR("a"),
					       .user = TB_STR("u"),
					       .until = UINT64_MAX,
					       .limit = SIZE_MAX,
					       .max_bytes = SIZE_MAX,
					       .backwards = true };
	struct tb_registration regs[4];
	struct tb_device_marks marks;
	struct tb_device_query pull = { .org = w->org,
					.feed = TB_DEVICE_FEED_ALL,
					.until = UINT64_MAX,
					.limit = SIZE_MAX,
					.max_bytes = SIZE_MAX,
					.marks = &marks };
	uint64_t next;
	size_t n;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(w->ic.core, &tx);

	if (err != TB_OK)
		return err;
	err = tb_registration_list(tx, w->ic.arena, w->org, 0, regs, 4, &n,
				   &next);
	if (err == TB_OK)
		err = tb_device_read(tx, w->ic.arena, &query, ret);
	if (err == TB_OK)
		err = tb_registration_read(tx, w->ic.arena, w->org, TB_STR("c"),
					   regs, &marks);
	if (err == TB_OK)
		err = tb_device_read(tx, w->ic.arena, &pull, ret);
	tb_core_read_end(tx);
	return err;
}

static bool fail_read_once(const struct tb_store_ops *ops, uint64_t store_call,
			   uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_device_page page = { .n = 0 };
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	prepare(&w);
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	tb_alloc_fail_at(allocation);
	err = read_all(&w, &page);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	if (err == TB_OK) {
		assert_int_equal(page.n, 2);
		assert_int_equal(page.events[0].id, 2);
		assert_int_equal(page.events[1].id, 4);
	}
	world_fini(&w);
	return met;
}

static void test_reading_fails(void **unused)
{
	uint64_t n = 1;

	(void)unused;
	while (fail_read_once(&tb_store_memory, n, 0))
		assert_true(n++ < WORLD_CALLS_MAX);
	assert_true(n > 3);
	for (n = 1; n < 4; n++)
		(void)fail_read_once(&tb_store_memory, 0, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
		cmocka_unit_test(test_reading_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
