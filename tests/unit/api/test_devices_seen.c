/*
 * Which devices were seen: noted in memory, written down, and kept when it
 * cannot be.
 */
#include "../kernel/inline_core.h"

#include <stdio.h>

#include "api/devices/seen.h"
#include "base/assert.h"
#include "kernel/device_event.h"
#include "kernel/registration.h"

#define DEVICES_MAX 1000
#define HOUR_US (3600 * 1000000ll)

struct world {
	struct inline_core ic;
	struct tb_seen *seen;
	uint32_t org;
};

static void add(struct world *w, const char *device)
{
	struct tb_register what = { .device = tb_str_z(device) };
	struct tb_registration registration;

	MUST(tb_registration_register(w->ic.core, w->ic.arena, &w->ic.note,
				      w->org, &what, DEVICES_MAX,
				      &registration));
}

static int set_up(void **state)
{
	static struct world w;

	inline_core_init(&w.ic);
	w.org = inline_core_add_org(&w.ic, "shops");
	w.seen = tb_seen_create();
	assert_non_null(w.seen);
	add(&w, "till-1");
	add(&w, "till-2");
	w.ic.now_us += 10 * HOUR_US;
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	tb_seen_destroy(w->seen);
	inline_core_fini(&w->ic);
	return 0;
}

static int64_t stored(struct world *w, const char *device)
{
	struct tb_registration registration;
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_registration_read(tx, w->ic.arena, w->org, tb_str_z(device),
				  &registration, NULL));
	tb_core_read_end(tx);
	return registration.seen_us;
}

static void note(struct world *w, const char *device, int64_t hours)
{
	tb_seen_note(w->seen, w->org, tb_str_z(device),
		     INLINE_CORE_NOW_US + hours * HOUR_US);
}

static void a_flush_writes_the_latest_down(void **state)
{
	struct world *w = *state;
	int64_t before = stored(w, "till-2");

	note(w, "till-1", 5);
	note(w, "till-1", 9);
	note(w, "till-1", 7);
	assert_true(stored(w, "till-1") < INLINE_CORE_NOW_US + 5 * HOUR_US);
	tb_seen_flush(w->seen, w->ic.core);
	assert_true(stored(w, "till-1") == INLINE_CORE_NOW_US + 9 * HOUR_US);
	assert_true(stored(w, "till-2") == before);
}

static void what_is_not_registered_is_left_out(void **state)
{
	struct tb_registration registration;
	struct world *w = *state;
	char text[TB_DEVICE_TEXT_MAX_BYTES + 2];
	struct tb_tx *tx;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	note(w, "till-9", 5);
	note(w, "", 5);
	note(w, text, 5);
	note(w, "till-2", 5);
	tb_seen_flush(w->seen, w->ic.core);
	assert_true(stored(w, "till-2") == INLINE_CORE_NOW_US + 5 * HOUR_US);
	tx = inline_core_read(&w->ic);
	assert_int_equal(tb_registration_read(tx, w->ic.arena, w->org,
					      TB_STR("till-9"), &registration,
					      NULL),
			 TB_ERR_NOT_FOUND);
	tb_core_read_end(tx);
}

static void what_cannot_be_written_is_kept(void **state)
{
	static const struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
						  .first = 1,
						  .err = TB_ERR_IO };
	struct world *w = *state;

	note(w, "till-1", 5);
	note(w, "till-2", 5);
	tb_fail_set_plan(w->ic.store, &plan);
	tb_seen_flush(w->seen, w->ic.core);
	tb_fail_set_plan(w->ic.store, NULL);
	note(w, "till-2", 6);
	tb_seen_flush(w->seen, w->ic.core);
	assert_true(stored(w, "till-1") == INLINE_CORE_NOW_US + 5 * HOUR_US);
	assert_true(stored(w, "till-2") == INLINE_CORE_NOW_US + 6 * HOUR_US);
}

static void the_same_name_in_two_orgs_is_two_devices(void **state)
{
	struct world *w = *state;
	uint32_t other = inline_core_add_org(&w->ic, "other");

	tb_seen_note(w->seen, other, TB_STR("till-1"),
		     INLINE_CORE_NOW_US + 9 * HOUR_US);
	note(w, "till-1", 5);
	tb_seen_flush(w->seen, w->ic.core);
	assert_true(stored(w, "till-1") == INLINE_CORE_NOW_US + 5 * HOUR_US);
}

static void many_are_noted(void **state)
{
	struct world *w = *state;
	char device[32];

	for (int i = 0; i < DEVICES_MAX; i++) {
		snprintf(device, sizeof(device), "many-%d", i);
		note(w, device, 5);
	}
	note(w, "till-1", 5);
	tb_seen_flush(w->seen, w->ic.core);
	assert_true(stored(w, "till-1") == INLINE_CORE_NOW_US + 5 * HOUR_US);
	/* Nothing is left, so nothing is asked. */
	tb_fail_set_plan(w->ic.store, NULL);
	tb_seen_flush(w->seen, w->ic.core);
	assert_int_equal(tb_fail_calls(w->ic.store, TB_FAIL_BEGIN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_flush_writes_the_latest_down),
		TEST(what_is_not_registered_is_left_out),
		TEST(what_cannot_be_written_is_kept),
		TEST(the_same_name_in_two_orgs_is_two_devices),
		TEST(many_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
