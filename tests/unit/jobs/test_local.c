/* The org's own collections as a source: bounded pages, and going on from
 * wherever it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/time.h"
#include "fleet.h"
#include "jobs/connectors/connector.h"

#define ARENA_MAX ((size_t)64 << 20)
#define RECORDS 25
/* As many as are looked at for one page. */
#define LOOKS 10000
#define MUST(call) assert_int_equal((call), TB_OK)

struct local_world {
	struct centre centre;
	struct tb_source_entity entity;
	struct tb_source target;
	struct tb_connector_task task;
	struct tb_arena *arena;
	struct tb_connection *connection;
	struct tb_connector_page page;
	struct tb_connector_failure failure;
};

static int set_up(void **state)
{
	static struct local_world w;

	w = (struct local_world) { .arena = tb_arena_create(ARENA_MAX) };
	assert_non_null(w.arena);
	centre_open(&w.centre, memory_store());
	w.entity = (struct tb_source_entity) { .name = TB_STR("items"),
					       .collection = TB_STR("item") };
	w.target = (struct tb_source) { .page_size = 10,
					.page_max_bytes = 1u << 20 };
	w.task = (struct tb_connector_task) { .source = &w.target,
					      .entity = &w.entity,
					      .core = w.centre.core,
					      .org = FLEET_ORG };
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct local_world *w = *state;

	tb_connector_local.close(w->connection);
	centre_close(&w->centre);
	tb_arena_destroy(w->arena);
	return 0;
}

static void put(struct local_world *w, int n, const char *body)
{
	struct tb_str key;
	struct tb_push_item item;

	MUST(tb_arena_printf(w->arena, &key, "k%02d", n));
	item = centre_push(&w->centre, TB_ORIGIN_CENTRE, true, TB_PUSH_UPSERT,
			   "item", key.p, body);
	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

static void fill(struct local_world *w)
{
	for (int i = 0; i < RECORDS; i++)
		put(w, i, "{\"n\": 1.0}");
}

static enum tb_err open_at(struct local_world *w, struct tb_str cursor)
{
	tb_connector_local.close(w->connection);
	w->connection = NULL;
	return tb_connector_local.open(&w->task, w->arena, cursor,
				       &w->connection, &w->failure);
}

static void next(struct local_world *w)
{
	MUST(tb_connector_local.next(w->connection, w->arena, &w->page,
				     &w->failure));
}

static void pages_are_bounded_and_lead_on(void **state)
{
	struct local_world *w = *state;
	size_t n = 0;

	fill(w);
	MUST(open_at(w, TB_STR_NONE));
	do {
		next(w);
		assert_true(w->page.n <= 10);
		for (size_t i = 0; i < w->page.n; i++, n++) {
			const struct tb_connector_record *r =
				&w->page.records[i];
			struct tb_str key;

			MUST(tb_arena_printf(w->arena, &key, "k%02zu", n));
			assert_true(tb_str_eq(r->key, key));
			assert_true(tb_str_eq(r->body, TB_STR("{\"n\": 1.0}")));
			assert_false(r->deleted);
		}
		assert_int_equal(w->page.total, RECORDS);
		assert_int_equal(w->page.position, n);
		/* Each page over a connection of its own. */
		MUST(open_at(w, w->page.cursor));
	} while (!w->page.is_last);
	assert_int_equal(n, RECORDS);
}

static void a_page_is_bounded_in_bytes(void **state)
{
	struct local_world *w = *state;
	size_t n = 0;

	fill(w);
	w->target.page_max_bytes = 25;
	MUST(open_at(w, TB_STR_NONE));
	do {
		next(w);
		assert_true(w->page.n <= 2);
		n += w->page.n;
	} while (!w->page.is_last);
	assert_int_equal(n, RECORDS);
	/* One always fits. */
	w->target.page_max_bytes = 1;
	MUST(open_at(w, TB_STR_NONE));
	next(w);
	assert_int_equal(w->page.n, 1);
}

/* A page of all that was looked at does not know yet that it was the last one;
 * the one behind it is empty, and at the same place. */
static void the_last_page_may_be_empty(void **state)
{
	struct local_world *w = *state;
	struct tb_str cursor;

	w->target.page_size = 2 * LOOKS;
	for (int i = 0; i < LOOKS; i++)
		put(w, i, "{}");
	MUST(open_at(w, TB_STR_NONE));
	next(w);
	assert_int_equal(w->page.n, LOOKS);
	assert_false(w->page.is_last);
	cursor = w->page.cursor;
	next(w);
	assert_int_equal(w->page.n, 0);
	assert_true(w->page.is_last);
	assert_true(tb_str_eq(w->page.cursor, cursor));
}

static void what_changed_at_the_time_is_among_it(void **state)
{
	struct local_world *w = *state;
	struct tb_buf text;

	fill(w);
	w->centre.now_us += 1000000;
	tb_buf_init(&text, 64);
	tb_time_put(&text, w->centre.now_us);
	w->task.since = tb_buf_str(&text);
	put(w, 7, "{\"n\":2}");
	MUST(open_at(w, TB_STR_NONE));
	next(w);
	assert_int_equal(w->page.n, 1);
	assert_true(tb_str_eq(w->page.records[0].key, TB_STR("k07")));
	assert_true(w->page.is_last);
	tb_buf_fini(&text);
}

static void what_cannot_be_read_is_told(void **state)
{
	static const char *const bad[] = { "x", "1 2 3", "1 2 3 x",
					   "1 2 3 4 5" };
	struct local_world *w = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		assert_int_equal(open_at(w, tb_str_z(bad[i])), TB_ERR_INVALID);
		assert_string_equal(w->failure.code, "cursor_invalid");
	}
	w->entity.collection = TB_STR("never");
	MUST(open_at(w, TB_STR_NONE));
	assert_int_equal(tb_connector_local.next(w->connection, w->arena,
						 &w->page, &w->failure),
			 TB_ERR_NOT_FOUND);
	assert_string_equal(w->failure.code, "collection_unknown");
	assert_false(w->failure.may_pass);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_are_bounded_and_lead_on,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_page_is_bounded_in_bytes,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_last_page_may_be_empty,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_changed_at_the_time_is_among_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_told,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
