/*
 * Registered devices, on each engine: what they say of themselves, how they are
 * listed, retired and taken back, and when it is written down that they were
 * seen.
 */
#include "device_world.h"

#include "kernel/system.h"

static enum tb_err try_register(struct world *w, const struct tb_register *what,
				struct tb_registration *ret)
{
	return tb_registration_register(w->ic.core, w->ic.arena, &w->ic.note,
					w->org, what, 3, ret);
}

static struct tb_registration registration_of(struct world *w,
					      const char *device)
{
	struct tb_registration reg = { .priority = 0 };

	MUST(find_registration(w, device, &reg, NULL));
	return reg;
}

static void says_on(struct world *w)
{
	struct tb_register what = { .device = TB_STR("till\"\x01 1"),
				    .role = TB_STR("till\n"),
				    .has_priority = true,
				    .priority = TB_REGISTRATION_PRIORITY_MAX };
	struct tb_registration reg;
	uint64_t head;

	push_plain(w, "a");
	MUST(try_register(w, &what, &reg));
	assert_true(tb_str_eq(reg.device, what.device));
	assert_true(tb_str_eq(reg.role, what.role));
	assert_int_equal(reg.priority, TB_REGISTRATION_PRIORITY_MAX);
	assert_int_equal(reg.state, TB_REGISTRATION_ACTIVE);
	assert_int_equal(reg.registered_us, w->ic.now_us);
	assert_int_equal(reg.seen_us, w->ic.now_us);
	assert_int_equal(reg.first, 1);
	/* The same again costs no commit. */
	head = head_of(w);
	MUST(try_register(w, &what, &reg));
	what.has_priority = false;
	what.role = TB_STR_NONE;
	MUST(try_register(w, &what, &reg));
	assert_int_equal(head_of(w), head);
	assert_true(tb_str_eq(reg.role, TB_STR("till\n")));
	/* What is sent changes, and nothing else. */
	w->ic.now_us += MINUTE_US;
	what.role = TB_STR("");
	MUST(try_register(w, &what, &reg));
	assert_int_equal(reg.role.n, 0);
	assert_int_equal(reg.priority, TB_REGISTRATION_PRIORITY_MAX);
	assert_int_equal(reg.registered_us, w->ic.now_us - MINUTE_US);
	assert_int_equal(reg.seen_us, w->ic.now_us);
	assert_int_equal(reg.first, 1);
	check_store(w);
}

static void test_what_a_device_says_is_kept(void **unused)
{
	(void)unused;
	world_on_each_engine(says_on);
}

static void ceiling_on(struct world *w)
{
	struct tb_register what = { .device = TB_STR("d") };
	struct tb_device_ack ack = { .device = TB_STR("d"), .up_to = 1 };
	struct tb_registration reg;
	uint64_t head;

	register_device(w, "a");
	push_plain(w, "b");
	register_device(w, "c");
	head = head_of(w);
	assert_int_equal(try_register(w, &what, &reg), TB_ERR_CONFLICT);
	ack.devices_max = 3;
	assert_int_equal(tb_device_acknowledge(w->ic.core, w->ic.arena,
					       &w->ic.note, w->org, &ack),
			 TB_ERR_CONFLICT);
	assert_int_equal(head_of(w), head);
	assert_int_equal(find_registration(w, "d", &reg, NULL),
			 TB_ERR_NOT_FOUND);
	/* Retired ones are registered, too. */
	MUST(tb_registration_retire(w->ic.core, &w->ic.note, w->org,
				    TB_STR("a"), true));
	assert_int_equal(try_register(w, &what, &reg), TB_ERR_CONFLICT);
	what.device = TB_STR("c");
	what.role = TB_STR("x");
	MUST(try_register(w, &what, &reg));
}

static void test_there_are_only_so_many(void **unused)
{
	(void)unused;
	world_on_each_engine(ceiling_on);
}

/* The devices from `after` on, two at a time: "a b | c". */
static void expect_list(struct world *w, const char *expected)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_registration regs[2];
	char text[256] = "";
	struct tb_buf buf;
	uint64_t next = 0;
	size_t n = 2;

	tb_buf_init_fixed(&buf, text, sizeof(text) - 1);
	while (n == 2) {
		MUST(tb_registration_list(tx, w->ic.arena, w->org, next, regs,
					  2, &n, &next));
		for (size_t i = 0; i < n; i++)
			tb_buf_printf(&buf, "%.*s ",
				      TB_STR_ARG(regs[i].device));
		tb_buf_append_z(&buf, "|");
	}
	tb_core_read_end(tx);
	text[buf.n] = '\0';
	assert_string_equal(text, expected);
}

static void list_on(struct world *w)
{
	struct tb_register what = { .device = TB_STR("a"),
				    .role = TB_STR("x") };
	struct tb_registration reg;

	expect_list(w, "|");
	register_device(w, "a");
	register_device(w, "b");
	register_device(w, "c");
	expect_list(w, "a b |c |");
	MUST(try_register(w, &what, &reg));
	expect_list(w, "b c |a |");
	/* What it pushes and acknowledges does not change it. */
	push_plain(w, "b");
	acknowledge_up_to(w, "c", 1);
	expect_list(w, "b c |a |");
}

static void test_they_are_listed_in_the_order_of_their_changes(void **unused)
{
	(void)unused;
	world_on_each_engine(list_on);
}

/* ---- retiring ---- */

static void retire(struct world *w, const char *device, bool retired)
{
	MUST(tb_registration_retire(w->ic.core, &w->ic.note, w->org,
				    tb_str_z(device), retired));
}

static void retire_on(struct world *w)
{
	uint64_t head;

	register_device(w, "a");
	register_device(w, "b");
	register_device(w, "c");
	assert_int_equal(push_plain(w, "a"), 1);
	assert_int_equal(push_critical(w, "b"), 2);
	assert_int_equal(push_plain(w, "c"), 3);
	acknowledge_one(w, "b", 3);
	expect_status(w, 3, "pending 1");
	/* It waits no longer for b: not for what b has, nor for its own. */
	retire(w, "b", true);
	expect_status(w, 1, "pending 1");
	expect_status(w, 2, "pending 2");
	expect_status(w, 3, "pending 1");
	assert_int_equal(registration_of(w, "b").state,
			 TB_REGISTRATION_RETIRED);
	head = head_of(w);
	retire(w, "b", true);
	assert_int_equal(head_of(w), head);
	assert_int_equal(push_plain(w, "a"), 4);
	expect_status(w, 4, "pending 1");
	/* It may push and acknowledge all the same, and changes nothing. */
	assert_int_equal(acknowledge_up_to(w, "b", 4), 2);
	assert_int_equal(push_plain(w, "b"), 5);
	expect_status(w, 1, "pending 1");
	expect_status(w, 4, "pending 1");
	expect_status(w, 5, "pending 2");
	assert_int_equal(registration_of(w, "b").state,
			 TB_REGISTRATION_RETIRED);
	/* Taken back, it counts for what comes from now on. */
	retire(w, "b", false);
	assert_int_equal(registration_of(w, "b").state, TB_REGISTRATION_ACTIVE);
	assert_int_equal(push_plain(w, "c"), 6);
	expect_status(w, 6, "pending 2");
	expect_status(w, 1, "pending 1");
	acknowledge_one(w, "c", 1);
	expect_status(w, 1, "synced");
	head = head_of(w);
	retire(w, "b", false);
	assert_int_equal(head_of(w), head);
	assert_int_equal(tb_registration_retire(w->ic.core, &w->ic.note, w->org,
						TB_STR("d"), true),
			 TB_ERR_NOT_FOUND);
	expect_tally(w, "a", NULL, "1/1/0");
	check_store(w);
}

static void test_retired_ones_do_not_count(void **unused)
{
	(void)unused;
	world_on_each_engine(retire_on);
}

static void synced_by_retiring_on(struct world *w)
{
	register_device(w, "a");
	register_device(w, "b");
	push_one(w, &(struct sending) { .device = "a", .user = "u" });
	expect_tally(w, "a", "u", "1/0/0");
	retire(w, "b", true);
	expect_status(w, 1, "synced");
	expect_tally(w, "a", "u", "0/1/0");
	expect_tally(w, NULL, "u", "0/1/0");
	expect_pull(w, "b", "1");
}

static void test_what_waits_for_a_retired_one_alone_is_synced(void **unused)
{
	(void)unused;
	world_on_each_engine(synced_by_retiring_on);
}

/* ---- being seen ---- */

static void see(struct world *w, const char *device, int64_t seen_us)
{
	const struct tb_device_seen seen[] = {
		{ .device = TB_STR("nobody"), .seen_us = seen_us },
		{ .device = tb_str_z(device), .seen_us = seen_us },
	};

	MUST(tb_registration_note_seen(w->ic.core, w->org, seen, 2));
}

static void seen_on(struct world *w)
{
	uint64_t head;
	int64_t first_us = w->ic.now_us;

	register_device(w, "a");
	head = head_of(w);
	w->ic.now_us += HOUR_US;
	see(w, "a", first_us + HOUR_US - 1);
	assert_int_equal(head_of(w), head);
	see(w, "a", first_us + HOUR_US);
	assert_true(head_of(w) > head);
	assert_int_equal(registration_of(w, "a").seen_us, first_us + HOUR_US);
	/* Nobody was seen later than now. */
	w->ic.now_us += HOUR_US;
	see(w, "a", first_us + DAY_US);
	assert_int_equal(registration_of(w, "a").seen_us,
			 first_us + 2 * HOUR_US);
	MUST(tb_registration_note_seen(w->ic.core, w->org, NULL, 0));
	assert_int_equal(registration_of(w, "a").seen_us,
			 first_us + 2 * HOUR_US);
}

static void test_that_they_were_seen_is_written_once_an_hour(void **unused)
{
	(void)unused;
	world_on_each_engine(seen_on);
}

static void test_many_are_seen_at_once(void **unused)
{
	enum {
		N = 600
	};
	struct tb_device_seen seen[N];
	struct tb_str names[N];
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	for (size_t i = 0; i < N; i++) {
		MUST(tb_arena_printf(w.ic.arena, &names[i], "d%zu", i));
		register_device(&w, names[i].p);
	}
	w.ic.now_us += HOUR_US;
	for (size_t i = 0; i < N; i++)
		seen[i] = (struct tb_device_seen) { names[i], w.ic.now_us };
	MUST(tb_registration_note_seen(w.ic.core, w.org, seen, N));
	for (size_t i = 0; i < N; i++)
		assert_int_equal(registration_of(&w, names[i].p).seen_us,
				 w.ic.now_us);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_device_says_is_kept),
		cmocka_unit_test(test_there_are_only_so_many),
		cmocka_unit_test(
			test_they_are_listed_in_the_order_of_their_changes),
		cmocka_unit_test(test_retired_ones_do_not_count),
		cmocka_unit_test(
			test_what_waits_for_a_retired_one_alone_is_synced),
		cmocka_unit_test(
			test_that_they_were_seen_is_written_once_an_hour),
		cmocka_unit_test(test_many_are_seen_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
