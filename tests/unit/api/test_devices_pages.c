/*
 * What of live events one client is to get out of the store, page by page,
 * also when the store or memory fails.
 */
#include "../kernel/device_world.h"

#include "api/devices/live_json.h"
#include "api/devices/pages.h"
#include "base/alloc.h"

#define ROOM 100
#define ANY_BYTES ((size_t)1 << 20)

/* ---- a world ---- */

static uint64_t push_update(struct world *w, const char *device,
			    uint64_t connection)
{
	struct tb_live_update update = { .device = tb_str_z(device),
					 .data = TB_STR("1"),
					 .connection = connection };
	struct tb_device_push_item item = { .kind = TB_DEVICE_EVENT_UPDATE,
					    .device = update.device,
					    .type = TB_LIVE_UPDATE_TYPE };
	struct tb_device_push push = {
		.commit = { .note = w->ic.note },
		.items = &item,
		.n = 1,
		.devices_max = DEVICES_MAX,
		.arena = w->ic.arena,
	};

	MUST(tb_live_json_store_update(w->ic.arena, &update, &item.sent,
				       &item.payload));
	MUST(tb_device_push_prepare(&push, w->org));
	MUST(tb_core_commit(w->ic.core, &push.commit));
	MUST(item.err);
	return item.id;
}

static struct tb_pages_reader reader_of(struct world *w, const char *device)
{
	return (struct tb_pages_reader) {
		.core = w->ic.core,
		.arena = w->ic.arena,
		.org = w->org,
		.device = tb_str_z(device),
		.has_token = true,
		.max_bytes = ANY_BYTES,
	};
}

static struct tb_pages_page read_of(const struct tb_pages_reader *reader,
				    uint64_t after, uint64_t joined,
				    size_t room)
{
	struct tb_flow_page want = { .after = after,
				     .joined = joined,
				     .room = room };
	struct tb_pages_page page;

	MUST(tb_pages_read(reader, &want, NULL, 0, &page));
	return page;
}

/* "1! 3 4!": ids, those that wait with a mark. */
static void expect(const struct tb_pages_page *page, const char *expected)
{
	char text[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < page->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u%s",
				      i > 0 ? " " : "",
				      (unsigned)page->events[i].id,
				      page->events[i].waits ? "!" : "");
	assert_string_equal(text, expected);
}

/* Events 1 to 8: critical ones of a and b, an update, a plain one. */
static void fill(struct world *w)
{
	register_device(w, "a");
	register_device(w, "b");
	push_critical(w, "a");   /* 1 */
	push_critical(w, "b");   /* 2 */
	push_plain(w, "a");      /* 3 */
	push_update(w, "a", 77); /* 4 */
	push_critical(w, "a");   /* 5 */
	push_critical(w, "b");   /* 6 */
	push_critical(w, "a");   /* 7 */
	push_update(w, "b", 78); /* 8 */
}

/* ---- cases ---- */

static void a_device_gets_what_it_lacks_of_others(struct world *w)
{
	struct tb_pages_reader reader = reader_of(w, "b");
	struct tb_pages_page page;

	fill(w);
	page = read_of(&reader, 0, 8, ROOM);
	expect(&page, "1! 5! 7!");
	assert_true(page.is_all);
	assert_int_equal(page.last, 8);
	acknowledge_one(w, "b", 5);
	page = read_of(&reader, 0, 8, ROOM);
	expect(&page, "1! 7!");
	page = read_of(&reader, 1, 8, ROOM);
	expect(&page, "7!");
}

static void test_a_device_gets_what_it_lacks_of_others(void **state)
{
	(void)state;
	world_on_each_engine(a_device_gets_what_it_lacks_of_others);
}

static void what_came_since_it_joined_is_live_flow(struct world *w)
{
	struct tb_pages_reader reader = reader_of(w, "b");
	struct tb_pages_page page;

	fill(w);
	acknowledge_one(w, "b", 7);
	page = read_of(&reader, 0, 3, ROOM);
	expect(&page, "1! 4 5! 6 8");
	reader.connection = 78;
	page = read_of(&reader, 0, 3, ROOM);
	expect(&page, "1! 4 5! 6");
	reader.has_token = false;
	page = read_of(&reader, 0, 1, ROOM);
	expect(&page, "1! 2 5! 6");
}

static void test_what_came_since_it_joined_is_live_flow(void **state)
{
	(void)state;
	world_on_each_engine(what_came_since_it_joined_is_live_flow);
}

static void who_is_no_device_gets_everything(struct world *w)
{
	struct tb_pages_reader reader = reader_of(w, "");
	struct tb_pages_page page;

	fill(w);
	page = read_of(&reader, 1, 1, SIZE_MAX);
	expect(&page, "2 4 5 6 7 8");
	assert_true(page.is_all);
	page = read_of(&reader, 8, 8, SIZE_MAX);
	expect(&page, "");
	assert_true(page.is_all);
	assert_int_equal(page.last, 8);
}

static void test_who_is_no_device_gets_everything(void **state)
{
	(void)state;
	world_on_each_engine(who_is_no_device_gets_everything);
}

static void pages_have_ends(struct world *w)
{
	struct tb_pages_reader reader = reader_of(w, "b");
	struct tb_pages_page page;

	fill(w);
	page = read_of(&reader, 0, 5, 2);
	expect(&page, "1! 5!");
	assert_false(page.is_all);
	page = read_of(&reader, page.last, 5, 2);
	expect(&page, "6 7!");
	page = read_of(&reader, page.last, 5, 2);
	expect(&page, "8");
	assert_true(page.is_all);
	reader.max_bytes = 1; /* one always fits */
	page = read_of(&reader, 0, 5, ROOM);
	expect(&page, "1!");
	assert_false(page.is_all);
}

static void test_pages_have_ends(void **state)
{
	(void)state;
	world_on_each_engine(pages_have_ends);
}

static void what_waits_is_looked_at_again(struct world *w)
{
	const uint64_t waiting[] = { 1, 5, 7 };
	struct tb_pages_reader reader = reader_of(w, "b");
	struct tb_flow_page want = { .after = 7,
				     .joined = 8,
				     .has_others = true };
	struct tb_pages_page page;

	fill(w);
	acknowledge_one(w, "b", 5);
	MUST(tb_pages_read(&reader, &want, waiting, 3, &page));
	expect(&page, "");
	assert_false(page.is_all);
	assert_int_equal(page.n_kept, 2);
	assert_int_equal(page.kept[0], 1);
	assert_int_equal(page.kept[1], 7);
}

static void test_what_waits_is_looked_at_again(void **state)
{
	(void)state;
	world_on_each_engine(what_waits_is_looked_at_again);
}

static void what_is_sent_again_is_what_it_lacks(struct world *w)
{
	struct tb_pages_reader reader = reader_of(w, "b");
	struct tb_pages_page page;

	fill(w);
	acknowledge_one(w, "b", 1);
	MUST(tb_pages_read_again(&reader, 0, 7, ROOM, &page));
	expect(&page, "5! 7!");
	assert_int_equal(page.last, 7);
	MUST(tb_pages_read_again(&reader, 0, 6, ROOM, &page));
	expect(&page, "5!");
	assert_int_equal(page.last, 6);
	MUST(tb_pages_read_again(&reader, 0, 7, 1, &page));
	expect(&page, "5!");
	assert_int_equal(page.last, 5);
}

static void test_what_is_sent_again_is_what_it_lacks(void **state)
{
	(void)state;
	world_on_each_engine(what_is_sent_again_is_what_it_lacks);
}

static void test_a_device_that_is_not_registered_has_nothing(void **state)
{
	struct tb_pages_reader reader;
	struct tb_pages_page page;
	struct world w;

	(void)state;
	world_init(&w, &tb_store_memory);
	fill(&w);
	reader = reader_of(&w, "c");
	page = read_of(&reader, 0, 8, ROOM);
	expect(&page, "1! 2! 5! 6! 7!");
	world_fini(&w);
}

/* ---- failures ---- */

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .err = TB_ERR_IO };
	struct tb_flow_page want = { .joined = 3,
				     .room = ROOM,
				     .has_others = true };
	const uint64_t waiting[] = { 1, 2 };
	struct tb_pages_reader reader;
	struct tb_pages_page page;
	struct world w;
	bool is_met;
	enum tb_err err;

	world_init(&w, ops);
	fill(&w);
	reader = reader_of(&w, "b");
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	tb_alloc_fail_at(allocation);
	err = tb_pages_read(&reader, &want, waiting, 2, &page);
	is_met = allocation > 0
			 ? tb_alloc_calls() >= allocation
			 : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	if (err == TB_OK)
		expect(&page, "1! 4 5! 6 7! 8");
	else
		assert_true(err == TB_ERR_NOMEM || err == TB_ERR_IO);
	MUST(tb_pages_read(&reader, &want, waiting, 2, &page));
	expect(&page, "1! 4 5! 6 7! 8");
	world_fini(&w);
	return is_met;
}

static void test_each_call_of_the_store_may_fail(void **state)
{
	(void)state;
	world_fail_each_store_call(fail_once);
}

static void test_each_allocation_may_fail(void **state)
{
	(void)state;
	world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_device_gets_what_it_lacks_of_others),
		cmocka_unit_test(test_what_came_since_it_joined_is_live_flow),
		cmocka_unit_test(test_who_is_no_device_gets_everything),
		cmocka_unit_test(test_pages_have_ends),
		cmocka_unit_test(test_what_waits_is_looked_at_again),
		cmocka_unit_test(test_what_is_sent_again_is_what_it_lacks),
		cmocka_unit_test(
			test_a_device_that_is_not_registered_has_nothing),
		cmocka_unit_test(test_each_call_of_the_store_may_fail),
		cmocka_unit_test(test_each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
