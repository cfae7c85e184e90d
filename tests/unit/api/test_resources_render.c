/*
 * One record's text: which members, in which order, and that their values stay
 * as they were written. And ETags, which stand for all that decides it.
 */
#include "resources_fixture.h"

#include "api/resources/etag.h"
#include "api/resources/render.h"

struct rendering {
	struct tb_arena *arena;
	const struct tb_layout *layout;
	struct tb_render *render;
	struct tb_buf buf;
	enum tb_err lookup_err;
	unsigned n_lookups;
};

static const struct tb_declaration declaration = { .collections = clinic,
						   .n_collections =
							   N_COLLECTIONS };

/* Says what it was asked. */
static enum tb_err look_up(void *ctx, const struct tb_layout_member *member,
			   struct tb_str value, struct tb_str *ret)
{
	struct rendering *r = ctx;

	r->n_lookups++;
	if (r->lookup_err)
		return r->lookup_err;
	return tb_arena_printf(r->arena, ret, "<%.*s of %.*s>",
			       TB_STR_ARG(member->name), TB_STR_ARG(value));
}

static void begin(struct rendering *r, size_t collection)
{
	struct tb_render_options options = { .lookup = look_up,
					     .lookup_ctx = r };

	*r = (struct rendering) { .arena = tb_arena_create(1 << 20) };
	MUST(tb_digest_init());
	MUST(tb_layout_create(r->arena, &declaration, &clinic[collection],
			      &r->layout));
	options.layout = r->layout;
	r->render = tb_render_create(&options);
	assert_non_null(r->render);
	tb_buf_init(&r->buf, 1 << 20);
}

static void end(struct rendering *r)
{
	tb_buf_fini(&r->buf);
	tb_render_destroy(r->render);
	tb_arena_destroy(r->arena);
}

static enum tb_err render(struct rendering *r, const char *body)
{
	const struct tb_render_record record = {
		.id = 7,
		.key = TB_STR("k\"ey"),
		.body = tb_str_z(body),
		.created_us = 1000000,
		.updated_us = 1500000,
	};

	tb_buf_reset(&r->buf);
	return tb_render_put(r->render, &record, &r->buf);
}

static void assert_text(struct rendering *r, const char *body, const char *text)
{
	MUST(render(r, body));
	if (!tb_str_eq(tb_buf_str(&r->buf), tb_str_z(text)))
		fail_msg("%.*s", TB_STR_ARG(tb_buf_str(&r->buf)));
}

#define CREATED ",\"created_at\":\"1970-01-01T00:00:01Z\""
#define UPDATED ",\"updated_at\":\"1970-01-01T00:00:01.5Z\""
#define NO_TIMES CREATED UPDATED ",\"last_synced_at\":null}"

static void test_declared_members_come_first_and_times_last(void **state)
{
	struct rendering r;

	(void)state;
	begin(&r, DOCTORS);
	assert_text(&r, "{}", "{\"id\":7,\"specialization\":null" NO_TIMES);
	assert_text(&r,
		    " { \"b\" : 1.0e3 , \"specialization\" : \"\\u00e9\" , "
		    "\"a\" : { \"x\" : [ ] } } ",
		    "{\"id\":7,\"specialization\":\"\\u00e9\",\"b\":1.0e3,"
		    "\"a\":{ \"x\" : [ ] }" NO_TIMES);
	assert_text(&r,
		    "{\"last_synced_at\":\"x\",\"created_at\":1,\"id\":2,"
		    "\"updated_at\":3}",
		    "{\"id\":7,\"specialization\":null" CREATED UPDATED
		    ",\"last_synced_at\":null}");
	end(&r);
}

static void test_the_last_sync_is_the_records_own(void **state)
{
	const struct tb_render_record record = { .id = 7,
						 .body = TB_STR("{}"),
						 .created_us = 1000000,
						 .updated_us = 1500000,
						 .synced_us = 2000000 };
	struct rendering r;

	(void)state;
	begin(&r, DOCTORS);
	MUST(tb_render_put(r.render, &record, &r.buf));
	assert_true(tb_str_ends(
		tb_buf_str(&r.buf),
		TB_STR(UPDATED
		       ",\"last_synced_at\":\"1970-01-01T00:00:02Z\"}")));
	end(&r);
}

static void test_names_may_be_escaped(void **state)
{
	struct rendering r;

	(void)state;
	begin(&r, PATIENTS);
	assert_text(&r, "{\"\\u0070hone\":1,\"\\u0073ecret\":2,\"\\u0069d\":3}",
		    "{\"id\":7,\"phone\":1" NO_TIMES);
	assert_text(&r, "{\"phone\\u0000\":1}",
		    "{\"id\":7,\"phone\":null,\"phone\\u0000\":1" NO_TIMES);
	end(&r);
}

static void test_ids_are_shown_and_other_keys_looked_up(void **state)
{
	struct rendering r;

	(void)state;
	begin(&r, APPOINTMENTS);
	assert_text(&r, "{\"patient_id\":5,\"doctor_id\":\"6\"}",
		    "{\"id\":7,\"patient_id\":5,\"doctor_id\":6,"
		    "\"status\":null" NO_TIMES);
	assert_int_equal(r.n_lookups, 0);
	assert_text(&r, "{\"patient_id\":\"05\",\"doctor_id\":null}",
		    "{\"id\":7,\"patient_id\":<patient_id of \"05\">,"
		    "\"doctor_id\":null,\"status\":null" NO_TIMES);
	assert_int_equal(r.n_lookups, 1);
	assert_text(&r, "{\"patient_id\":-1,\"doctor_id\":\"\"}",
		    "{\"id\":7,\"patient_id\":<patient_id of -1>,"
		    "\"doctor_id\":<doctor_id of \"\">,"
		    "\"status\":null" NO_TIMES);
	end(&r);
}

static void test_members_of_others_are_shown(void **state)
{
	struct rendering r;

	(void)state;
	begin(&r, STOCK);
	assert_text(&r,
		    "{\"quantity\":1,\"pharmacy_name\":\"mine\","
		    "\"pharmacy_id\":5}",
		    "{\"id\":7,\"pharmacy_id\":5,"
		    "\"pharmacy_name\":<pharmacy_name of 5>,\"quantity\":1,"
		    "\"last_updated\":\"1970-01-01T00:00:01.5Z\"}");
	assert_text(&r, "{}",
		    "{\"id\":7,\"pharmacy_id\":null,\"pharmacy_name\":null,"
		    "\"quantity\":null,"
		    "\"last_updated\":\"1970-01-01T00:00:01.5Z\"}");
	r.lookup_err = TB_ERR_IO;
	assert_int_equal(render(&r, "{\"pharmacy_id\":5}"), TB_ERR_IO);
	end(&r);
}

static void test_text_ids_are_strings(void **state)
{
	const struct tb_render_record gone = { .key = TB_STR("k\"ey"),
					       .updated_us = 1500000 };
	struct rendering r;

	(void)state;
	begin(&r, NOTES);
	assert_text(&r, "{}", "{\"id\":\"k\\\"ey\",\"text\":null" UPDATED "}");
	tb_buf_reset(&r.buf);
	tb_render_put_gone(r.layout, &gone, &r.buf);
	assert_true(tb_str_eq(tb_buf_str(&r.buf),
			      TB_STR("{\"id\":\"k\\\"ey\","
				     "\"deleted\":true" UPDATED "}")));
	end(&r);
}

static void test_a_body_that_is_none_is_damaged(void **state)
{
	static const char *const bodies[] = { "",         "[]",        "{",
					      "{\"a\":1", "{\"a\" 1}", "null" };
	struct rendering r;

	(void)state;
	begin(&r, NOTES);
	for (size_t i = 0; i < TB_ARRAY_LEN(bodies); i++)
		if (render(&r, bodies[i]) != TB_ERR_CORRUPT)
			fail_msg("%s", bodies[i]);
	end(&r);
}

/* ---- what stands for it ---- */

static void test_the_hash_is_of_all_that_is_shown(void **state)
{
	const struct tb_layout *layout;
	struct tb_collection other = clinic[DOCTORS];
	struct tb_field field = doctor_fields[0];
	const struct tb_filter filter = { .field = doctor_fields[0].name };
	struct rendering r;

	(void)state;
	begin(&r, DOCTORS);
	MUST(tb_layout_create(r.arena, &declaration, &other, &layout));
	assert_int_equal(layout->hash, r.layout->hash);
	other.updated_name = TB_STR("changed");
	MUST(tb_layout_create(r.arena, &declaration, &other, &layout));
	assert_int_not_equal(layout->hash, r.layout->hash);
	other = clinic[DOCTORS];
	other.fields = &field;
	field.hidden = true;
	MUST(tb_layout_create(r.arena, &declaration, &other, &layout));
	assert_int_not_equal(layout->hash, r.layout->hash);
	/* With a filter the same address has another answer. */
	other = clinic[DOCTORS];
	other.filters = &filter;
	other.n_filters = 1;
	MUST(tb_layout_create(r.arena, &declaration, &other, &layout));
	assert_int_not_equal(layout->hash, r.layout->hash);
	end(&r);
}

static void test_a_tag_is_of_all_that_decides_an_answer(void **state)
{
	const uint64_t scopes[] = { 1, 2 }, nums[] = { 3, 4 };
	const uint64_t other_nums[] = { 3, 5 };
	const struct tb_resources_list_state base = {
		.epoch = 1,
		.layout = 2,
		.path = TB_STR("/a"),
		.query = TB_STR("b"),
		.scopes = scopes,
		.nums = nums,
		.n = 2,
	};
	struct tb_resources_list_state others[] = { base, base, base, base,
						    base, base, base };
	char a[TB_RESOURCES_ETAG_BYTES], b[TB_RESOURCES_ETAG_BYTES];
	struct tb_str tag = tb_resources_list_etag(&base, a);

	(void)state;
	MUST(tb_digest_init());
	others[0].epoch = 2;
	others[1].layout = 1;
	others[2].path = TB_STR("/ab");
	others[2].query = TB_STR("");
	others[3].is_gzip = true;
	others[4].with_deleted = true;
	others[5].nums = other_nums;
	others[6].n = 1;
	assert_int_equal(tag.n, TB_RESOURCES_ETAG_BYTES);
	assert_true(tb_str_eq(tag, tb_resources_list_etag(&base, b)));
	for (size_t i = 0; i < TB_ARRAY_LEN(others); i++)
		assert_false(
			tb_str_eq(tag, tb_resources_list_etag(&others[i], b)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_declared_members_come_first_and_times_last),
		cmocka_unit_test(test_the_last_sync_is_the_records_own),
		cmocka_unit_test(test_names_may_be_escaped),
		cmocka_unit_test(test_ids_are_shown_and_other_keys_looked_up),
		cmocka_unit_test(test_members_of_others_are_shown),
		cmocka_unit_test(test_text_ids_are_strings),
		cmocka_unit_test(test_a_body_that_is_none_is_damaged),
		cmocka_unit_test(test_the_hash_is_of_all_that_is_shown),
		cmocka_unit_test(test_a_tag_is_of_all_that_decides_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
