#include "inline_core.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/consumer.h"
#include "kernel/system.h"

struct fixture {
	struct inline_core ic;
	uint32_t org;
};

static int setup(void **state)
{
	static struct fixture f;

	inline_core_init(&f.ic);
	f.org = inline_core_add_org(&f.ic, "clinics");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	inline_core_fini(&f->ic);
	return 0;
}

/* A commit that saves marks, or a body as it is given. */
struct save {
	struct tb_commit commit;
	const struct tb_consumer *consumer;
	struct tb_str body;
};

static enum tb_err save_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct save *save = (struct save *)commit;

	if (save->consumer != NULL)
		return tb_consumer_save(view, save->consumer);
	return tb_view_put_silent(view, TB_COLL_CONSUMER, TB_STR("63"),
				  save->body);
}

static const struct tb_commit_kind save_kind = { .name = "save",
						 .decide = save_decide };

static enum tb_err save(struct fixture *f, const struct tb_consumer *consumer)
{
	struct save s = { .commit = { .kind = &save_kind, .org = f->org },
			  .consumer = consumer };

	return tb_core_commit(f->ic.core, &s.commit);
}

static void save_body(struct fixture *f, const char *body)
{
	struct save s = { .commit = { .kind = &save_kind, .org = f->org },
			  .body = tb_str_z(body) };

	MUST(tb_core_commit(f->ic.core, &s.commit));
}

static enum tb_err read_marks(struct fixture *f, uint32_t site_id,
			      struct tb_consumer *ret)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	enum tb_err err =
		tb_consumer_read(tx, f->ic.arena, f->org, site_id, ret);

	tb_core_read_end(tx);
	return err;
}

static struct tb_str stored_body(struct fixture *f)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	struct tb_key key = { .org = f->org,
			      .coll = TB_COLL_CONSUMER,
			      .key = TB_STR("63") };
	struct tb_record *record = NULL;

	MUST(tx->store->ops->find(tx, f->ic.arena, &key, 1, &record));
	tb_core_read_end(tx);
	assert_non_null(record);
	return record->body;
}

static void test_a_site_without_marks_has_zeroed_ones(void **state)
{
	struct fixture *f = *state;
	struct tb_consumer consumer;

	MUST(read_marks(f, 63, &consumer));
	assert_int_equal(consumer.site_id, 63);
	assert_int_equal(consumer.n_subs, 0);
	assert_int_equal(consumer.init, TB_INIT_NEW);
	assert_int_equal(consumer.last_push_us, 0);
}

static void test_marks_are_read_back_as_they_were_saved(void **state)
{
	struct fixture *f = *state;
	struct tb_range ranges[] = { { 12, 12 }, { 20, UINT64_MAX } };
	struct tb_subscription subs[] = {
		{ .scope = 5, .acked = 3 },
		{ .scope = UINT64_MAX,
		  .acked = 10,
		  .delivered = 30,
		  .own_above = 7,
		  .ranges = ranges,
		  .n_ranges = 2 },
	};
	struct tb_consumer saved = {
		.site_id = 63,
		.subs = subs,
		.n_subs = 2,
		.init = TB_INIT_STARTED,
		.central_to = UINT64_MAX,
		.quarantined = 2,
		.quarantined_bytes = 300,
		.last_push_us = 1,
		.last_pull_us = 2,
		.clock_skew_us = INT64_MIN,
		.seen_us = 4,
	};
	struct tb_consumer read;

	MUST(save(f, &saved));
	MUST(read_marks(f, 63, &read));
	assert_int_equal(read.n_subs, 2);
	assert_int_equal(read.init, TB_INIT_STARTED);
	assert_true(read.central_to == UINT64_MAX);
	assert_int_equal(read.quarantined, 2);
	assert_int_equal(read.quarantined_bytes, 300);
	assert_int_equal(read.last_push_us, 1);
	assert_int_equal(read.last_pull_us, 2);
	assert_true(read.clock_skew_us == INT64_MIN);
	assert_int_equal(read.seen_us, 4);
	assert_int_equal(read.subs[0].scope, 5);
	assert_int_equal(read.subs[0].acked, 3);
	assert_int_equal(read.subs[0].n_ranges, 0);
	assert_true(read.subs[1].scope == UINT64_MAX);
	assert_int_equal(read.subs[1].delivered, 30);
	assert_int_equal(read.subs[1].own_above, 7);
	assert_int_equal(read.subs[1].n_ranges, 2);
	assert_int_equal(read.subs[1].ranges[0].last, 12);
	assert_true(read.subs[1].ranges[1].last == UINT64_MAX);
}

static void test_the_body_is_short_and_readable(void **state)
{
	struct fixture *f = *state;
	struct tb_range range = { 9, 11 };
	struct tb_subscription sub = { .scope = 80,
				       .acked = 4,
				       .delivered = 12,
				       .ranges = &range,
				       .n_ranges = 1 };
	struct tb_consumer consumer = { .site_id = 63,
					.subs = &sub,
					.n_subs = 1,
					.init = TB_INIT_COMPLETED,
					.clock_skew_us = -5 };
	struct tb_str body;

	MUST(save(f, &consumer));
	body = stored_body(f);
	assert_true(tb_str_eq(
		body,
		TB_STR("{\"init\":\"completed\",\"clock_skew_us\":-5,"
		       "\"subs\":[{\"scope\":80,\"acked\":4,\"delivered\":12,"
		       "\"ranges\":[9,11]}]}")));
}

static void test_damaged_marks_are_said_to_be(void **state)
{
	static const char *const damaged[] = {
		"",
		"[]",
		"{\"init\":\"other\"}",
		"{\"central_to\":-1}",
		"{\"seen_us\":\"1\"}",
		"{\"subs\":{}}",
		"{\"subs\":[1]}",
		"{\"subs\":[{\"scope\":2},{\"scope\":1}]}",
		"{\"subs\":[{\"scope\":2},{\"scope\":2}]}",
		"{\"subs\":[{\"scope\":1,\"ranges\":[5]}]}",
		"{\"subs\":[{\"scope\":1,\"ranges\":[5,4]}]}",
		"{\"subs\":[{\"scope\":1,\"ranges\":[5,6,6,7]}]}",
		"{\"subs\":[{\"scope\":1,\"acked\":5,\"ranges\":[5,6]}]}",
		"{\"subs\":[{\"scope\":1,\"ranges\":{}}]}",
	};
	struct fixture *f = *state;
	struct tb_consumer consumer;

	for (size_t i = 0; i < TB_ARRAY_LEN(damaged); i++) {
		save_body(f, damaged[i]);
		assert_int_equal(read_marks(f, 63, &consumer), TB_ERR_CORRUPT);
	}
	/* What a later version adds is no damage. */
	save_body(f, "{\"later\":[1,{}],\"subs\":[{\"scope\":1,\"x\":null}]}");
	MUST(read_marks(f, 63, &consumer));
	assert_int_equal(consumer.n_subs, 1);
}

static void test_subscriptions_stand_in_the_order_of_their_scopes(void **state)
{
	struct fixture *f = *state;
	struct tb_consumer c = { .site_id = 63 };
	const uint64_t scopes[] = { 50, 10, 90, 30, 10, 90 };

	for (size_t i = 0; i < TB_ARRAY_LEN(scopes); i++)
		MUST(tb_consumer_subscribe(f->ic.arena, &c, scopes[i]));
	assert_int_equal(c.n_subs, 4);
	for (size_t i = 1; i < c.n_subs; i++)
		assert_true(c.subs[i - 1].scope < c.subs[i].scope);
	assert_int_equal(tb_consumer_subscription(&c, 30)->scope, 30);
	assert_null(tb_consumer_subscription(&c, 31));
}

static void test_subscribing_again_keeps_the_marks(void **state)
{
	struct fixture *f = *state;
	struct tb_consumer c = { .site_id = 63 };

	MUST(tb_consumer_subscribe(f->ic.arena, &c, 10));
	tb_consumer_subscription(&c, 10)->acked = 5;
	MUST(tb_consumer_subscribe(f->ic.arena, &c, 20));
	MUST(tb_consumer_subscribe(f->ic.arena, &c, 10));
	assert_int_equal(tb_consumer_subscription(&c, 10)->acked, 5);
	tb_consumer_unsubscribe(&c, 10);
	tb_consumer_unsubscribe(&c, 11);
	assert_int_equal(c.n_subs, 1);
	MUST(tb_consumer_subscribe(f->ic.arena, &c, 10));
	assert_int_equal(tb_consumer_subscription(&c, 10)->acked, 0);
}

static void test_subscriptions_have_a_ceiling(void **state)
{
	struct fixture *f = *state;
	struct tb_consumer c = { .site_id = 63 };

	for (uint64_t i = 1; i <= TB_SUBSCRIPTIONS_MAX; i++)
		MUST(tb_consumer_subscribe(f->ic.arena, &c, i));
	assert_int_equal(tb_consumer_subscribe(f->ic.arena, &c, 9999),
			 TB_ERR_TOO_LARGE);
	MUST(tb_consumer_subscribe(f->ic.arena, &c, 5));
	MUST(save(f, &c));
	MUST(read_marks(f, 63, &c));
	assert_int_equal(c.n_subs, TB_SUBSCRIPTIONS_MAX);
}

static void test_as_many_islands_as_are_kept_are_read_back(void **state)
{
	static struct tb_range ranges[TB_RANGES_MAX];
	struct fixture *f = *state;
	struct tb_subscription sub = { .scope = 1,
				       .ranges = ranges,
				       .n_ranges = TB_RANGES_MAX };
	struct tb_consumer c = { .site_id = 63, .subs = &sub, .n_subs = 1 };

	for (uint64_t i = 0; i < TB_RANGES_MAX; i++)
		ranges[i] = (struct tb_range) { 3 * i + 1, 3 * i + 2 };
	MUST(save(f, &c));
	MUST(read_marks(f, 63, &c));
	assert_int_equal(c.subs[0].n_ranges, TB_RANGES_MAX);
	assert_memory_equal(c.subs[0].ranges, ranges, sizeof(ranges));
}

static void test_what_is_acknowledged_and_what_is_not(void **state)
{
	struct tb_range ranges[] = { { 12, 14 }, { 15, 15 }, { 20, 30 } };
	struct tb_subscription sub = { .acked = 10,
				       .ranges = ranges,
				       .n_ranges = 3 };
	const uint64_t yes[] = { 0, 1, 10, 12, 13, 14, 15, 20, 25, 30 };
	const uint64_t no[] = { 11, 16, 19, 31, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(yes); i++)
		assert_true(tb_subscription_is_acked(&sub, yes[i]));
	for (size_t i = 0; i < TB_ARRAY_LEN(no); i++)
		assert_false(tb_subscription_is_acked(&sub, no[i]));
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	struct tb_subscription sub = { .scope = 1, .acked = 2 };
	struct tb_consumer c = { .site_id = 63, .subs = &sub, .n_subs = 1 };
	enum tb_err err = TB_ERR_NOMEM;

	for (uint64_t n = 1; err != TB_OK; n++) {
		assert_true(n < 1000);
		tb_alloc_fail_at(n);
		err = save(f, &c);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
	}
	MUST(read_marks(f, 63, &c));
	assert_int_equal(c.subs[0].acked, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_site_without_marks_has_zeroed_ones),
		TEST(test_marks_are_read_back_as_they_were_saved),
		TEST(test_the_body_is_short_and_readable),
		TEST(test_damaged_marks_are_said_to_be),
		TEST(test_subscriptions_stand_in_the_order_of_their_scopes),
		TEST(test_subscribing_again_keeps_the_marks),
		TEST(test_subscriptions_have_a_ceiling),
		TEST(test_as_many_islands_as_are_kept_are_read_back),
		TEST(test_what_is_acknowledged_and_what_is_not),
		TEST(test_any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
