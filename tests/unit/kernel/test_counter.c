/*
 * Counters: what was put is read, in the commit that puts it and behind it.
 */
#include "fixture.h"

#include "kernel/counter.h"

#define ORG 1
#define NOW_US 1700000000000000
#define NAME TB_STR("next_id/visits")

struct world {
	struct fixture f;
	struct tb_tx *tx;
	struct tb_view *view;
};

static void begin(struct world *w)
{
	w->tx = fixture_begin(&w->f, TB_TX_WRITE);
	MUST(tb_view_create(w->f.arena, w->tx, ORG, NOW_US, &w->view));
}

static void commit(struct world *w)
{
	MUST(tb_view_flush(w->view));
	MUST(w->f.ops->commit(w->tx));
}

static int setup(void **state)
{
	static struct world w;

	fixture_init(&w.f, tb_store_find(TB_STR("memory")));
	fixture_add_org(&w.f, ORG);
	begin(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fixture_fini(&w->f);
	return 0;
}

static uint64_t get(struct world *w)
{
	uint64_t value = 7;

	MUST(tb_counter_get(w->view, NAME, &value));
	return value;
}

static enum tb_err stored(struct world *w, uint64_t *ret)
{
	struct tb_tx *tx = fixture_begin(&w->f, TB_TX_READ);
	enum tb_err err = tb_counter_read(tx, w->f.arena, ORG, NAME, ret);

	w->f.ops->rollback(tx);
	return err;
}

static void what_was_put_is_read(void **state)
{
	struct world *w = *state;
	uint64_t value = 7;

	assert_int_equal(get(w), 0);
	MUST(tb_counter_put(w->view, NAME, UINT64_MAX));
	assert_true(get(w) == UINT64_MAX);
	MUST(tb_counter_put(w->view, NAME, 3));
	assert_int_equal(get(w), 3);
	MUST(stored(w, &value));
	assert_int_equal(value, 0);
	commit(w);
	MUST(stored(w, &value));
	assert_int_equal(value, 3);
}

static void what_is_no_number_is_damage(void **state)
{
	struct world *w = *state;
	uint64_t value = 7;

	MUST(tb_view_put_silent(w->view, TB_COLL_SETTING, NAME, TB_STR("{}")));
	assert_int_equal(tb_counter_get(w->view, NAME, &value), TB_ERR_CORRUPT);
	commit(w);
	assert_int_equal(stored(w, &value), TB_ERR_CORRUPT);
	assert_int_equal(value, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_read),
		TEST(what_is_no_number_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
