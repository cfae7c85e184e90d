/*
 * Edits as clients send them: what of them is stored, what is ignored and
 * named, and the words for what is wrong, type by type and role by role.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/resources/edit.h"
#include "api/resources/edit_value.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "http/route.h"

#define MUST(call) assert_int_equal((call), TB_OK)
#define ARENA_MAX ((size_t)16 << 20)
#define TRIES_MAX 1000
#define S TB_STR_INIT

static const struct tb_str any[] = { S("any") };
static const struct tb_str doctors[] = { S("doctor") };
static const struct tb_str states[] = { S("NEW"), S("DONE") };

#define ALL .writers = any, .n_writers = 1, .nullable = true

static const struct tb_field fields[] = {
	{ .name = S("name"),
	  .type = TB_FIELD_STRING,
	  .required = true,
	  .writers = any,
	  .n_writers = 1 },
	{ .name = S("text"), .type = TB_FIELD_TEXT, ALL },
	{ .name = S("count"), .type = TB_FIELD_INTEGER, ALL },
	{ .name = S("price"), .type = TB_FIELD_DECIMAL, ALL },
	{ .name = S("open"), .type = TB_FIELD_BOOLEAN, ALL },
	{ .name = S("at"), .type = TB_FIELD_DATETIME, ALL },
	{ .name = S("day"), .type = TB_FIELD_DATE, ALL },
	{ .name = S("state"),
	  .type = TB_FIELD_ENUM,
	  .values = states,
	  .n_values = 2,
	  ALL },
	{ .name = S("extra"), .type = TB_FIELD_JSON, ALL },
	{ .name = S("number"),
	  .type = TB_FIELD_INTEGER,
	  .references = S("numbered"),
	  ALL },
	{ .name = S("label"),
	  .type = TB_FIELD_STRING,
	  .references = S("labelled"),
	  ALL },
	{ .name = S("diagnosis"),
	  .type = TB_FIELD_TEXT,
	  .nullable = true,
	  .writers = doctors,
	  .n_writers = 1 },
	{ .name = S("code"),
	  .type = TB_FIELD_STRING,
	  .read_only = true,
	  .writers = any,
	  .n_writers = 1 },
	{ .name = S("secret"),
	  .type = TB_FIELD_STRING,
	  .hidden = true,
	  .writers = any,
	  .n_writers = 1 },
	{ .name = S("label_name"),
	  .type = TB_FIELD_STRING,
	  .from = S("label"),
	  .show = S("name") },
};
static const struct tb_str writers[] = { S("staff") };
static const struct tb_collection collections[] = {
	{ .name = S("things"),
	  .path = S("things"),
	  .id_type = TB_ID_INTEGER,
	  .fields = fields,
	  .n_fields = TB_ARRAY_LEN(fields),
	  .writers = writers,
	  .n_writers = 1 },
	{ .name = S("numbered"),
	  .path = S("numbered"),
	  .id_type = TB_ID_INTEGER },
	{ .name = S("labelled"),
	  .path = S("labelled"),
	  .id_type = TB_ID_STRING },
};
static const struct tb_declaration declaration = {
	.collections = collections,
	.n_collections = TB_ARRAY_LEN(collections),
};

/* Of the numbered ones 7 is a site's, and 9 is not there; no label is `none`.
 */
static enum tb_err find(void *ctx, const struct tb_collection *target,
			struct tb_str id, struct tb_str *ret_key)
{
	(void)ctx;
	if (target->id_type == TB_ID_STRING)
		*ret_key = id;
	else if (tb_str_eq(id, TB_STR("7")))
		*ret_key = TB_STR("A-7");
	else
		*ret_key = id;
	return tb_str_eq(id, TB_STR("9")) || tb_str_eq(id, TB_STR("none"))
		       ? TB_ERR_NOT_FOUND
		       : TB_OK;
}

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	(void)req;
	tb_buf_append_str(buf, error->message);
}

struct reading {
	struct tb_arena *arena;
	struct tb_resources_form form;
	struct tb_edit_changes changes;
	enum tb_err err;
};

static void read_edit(struct reading *r, enum tb_resource_action action,
		      const char *role, const char *body)
{
	static const struct tb_api api = { .put_error = put_error };
	struct tb_str roles[] = { tb_str_z(role) };
	struct tb_edit_rules rules = { .declaration = &declaration,
				       .collection = &collections[0],
				       .action = action,
				       .roles = roles,
				       .n_roles = 1,
				       .find = find };
	struct tb_request req = { .api = &api,
				  .arena = r->arena,
				  .body = tb_str_z(body) };
	struct tb_response res = { .arena = r->arena };

	r->err = TB_ERR_INVALID;
	r->form.n_errors = 0;
	r->form.err = TB_OK;
	if (tb_resources_form_open(&r->form, &req, &res))
		r->err = tb_edit_read(&rules, &r->form, &r->changes);
	tb_response_empty(&res, 0);
}

static int setup(void **state)
{
	static struct reading r;

	r = (struct reading) { .arena = tb_arena_create(ARENA_MAX) };
	assert_non_null(r.arena);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	tb_arena_destroy(((struct reading *)*state)->arena);
	return 0;
}

static void expect_str(struct tb_str is, const char *expected)
{
	if (!tb_str_eq(is, tb_str_z(expected)))
		fail_msg("%.*s is not %s", TB_STR_ARG(is), expected);
}

static void expect_changes(struct reading *r, enum tb_resource_action action,
			   const char *role, const char *body,
			   const char *changes, const char *ignored)
{
	read_edit(r, action, role, body);
	MUST(r->err);
	assert_int_equal(r->form.n_errors, 0);
	expect_str(r->changes.changes, changes);
	expect_str(r->changes.ignored, ignored);
}

static void test_values_are_stored_as_they_were_written(void **state)
{
	expect_changes(*state, TB_RESOURCE_SYNC, "nobody",
		       "{ \"count\" : -0, \"price\":1.50e+1,\"day\":"
		       "\"2024-02-29\",\"at\":\"2024-01-20T10:00:00+05:30\","
		       "\"extra\":{ \"a\" : [ ] },\"text\":\"\\u00e9\","
		       "\"client_last_synced_at\":5}",
		       "{\"count\":-0,\"price\":1.50e+1,\"day\":\"2024-02-29\","
		       "\"at\":\"2024-01-20T10:00:00+05:30\","
		       "\"extra\":{ \"a\" : [ ] },\"text\":\"\\u00e9\"}",
		       "");
}

static void test_nothing_is_an_edit_of_nothing(void **state)
{
	expect_changes(*state, TB_RESOURCE_SYNC, "nobody", "", "{}", "");
	expect_changes(*state, TB_RESOURCE_PATCH, "staff", " {} ", "{}", "");
	expect_changes(*state, TB_RESOURCE_PATCH, "staff", "\r\n", "{}", "");
}

static void test_what_is_wrong_is_told_in_known_words(void **state)
{
	static const struct {
		const char *member;
		const char *message;
	} rows[] = {
		{ "\"name\":null", "This field may not be null." },
		{ "\"name\":5", "Not a valid string." },
		{ "\"text\":[]", "Not a valid string." },
		{ "\"count\":1.5", "A valid integer is required." },
		{ "\"count\":1e3", "A valid integer is required." },
		{ "\"count\":\"1\"", "A valid integer is required." },
		{ "\"count\":9223372036854775808",
		  "Ensure this value is less than or equal to "
		  "9223372036854775807." },
		{ "\"count\":-9223372036854775809",
		  "Ensure this value is greater than or equal to "
		  "-9223372036854775808." },
		{ "\"price\":\"1\"", "A valid number is required." },
		{ "\"price\":true", "A valid number is required." },
		{ "\"open\":1", "Must be a valid boolean." },
		{ "\"open\":\"true\"", "Must be a valid boolean." },
		{ "\"at\":\"2024-01-20\"",
		  "Datetime has wrong format. Use one of these formats "
		  "instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]]"
		  "[+HH:MM|-HH:MM|Z]." },
		{ "\"at\":5",
		  "Datetime has wrong format. Use one of these formats "
		  "instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]]"
		  "[+HH:MM|-HH:MM|Z]." },
		{ "\"day\":\"2023-02-29\"",
		  "Date has wrong format. Use one of these formats instead: "
		  "YYYY-MM-DD." },
		{ "\"day\":\"2024-01-20T00:00:00Z\"",
		  "Date has wrong format. Use one of these formats instead: "
		  "YYYY-MM-DD." },
		{ "\"state\":\"zzz\"", "\"zzz\" is not a valid choice." },
		{ "\"state\":\"\"", "\"\" is not a valid choice." },
		{ "\"state\":\"a\\\"b\"", "\"a\"b\" is not a valid choice." },
		{ "\"state\":5", "\"5\" is not a valid choice." },
		{ "\"number\":9", "Invalid pk \"9\" - object does not exist." },
		{ "\"number\":\"1\"", "A valid integer is required." },
		{ "\"label\":\"none\"",
		  "Invalid pk \"none\" - object does not exist." },
		{ "\"label\":5", "Not a valid string." },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct reading *r = *state;
		struct tb_str body;

		MUST(tb_arena_printf(r->arena, &body, "{%s}", rows[i].member));
		read_edit(r, TB_RESOURCE_PATCH, "staff", body.p);
		MUST(r->err);
		assert_int_equal(r->form.n_errors, 1);
		expect_str(r->form.errors[0].message, rows[i].message);
		read_edit(r, TB_RESOURCE_SYNC, "staff", body.p);
		assert_int_equal(r->form.n_errors, 1);
		expect_str(r->form.errors[0].message, rows[i].message);
	}
}

static void test_limits_are_the_last_good_values(void **state)
{
	struct reading *r = *state;
	char text[600];
	struct tb_str body;

	expect_changes(r, TB_RESOURCE_PATCH, "staff",
		       "{\"count\":9223372036854775807}",
		       "{\"count\":9223372036854775807}", "");
	expect_changes(r, TB_RESOURCE_PATCH, "staff",
		       "{\"count\":-9223372036854775808}",
		       "{\"count\":-9223372036854775808}", "");
	/* 255 characters of two bytes, and one more. */
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	MUST(tb_arena_printf(r->arena, &body, "{\"name\":\"%.*s\"}", 510,
			     text));
	read_edit(r, TB_RESOURCE_PATCH, "staff", body.p);
	assert_int_equal(r->form.n_errors, 0);
	MUST(tb_arena_printf(r->arena, &body, "{\"name\":\"%.*s\"}", 512,
			     text));
	read_edit(r, TB_RESOURCE_PATCH, "staff", body.p);
	assert_int_equal(r->form.n_errors, 1);
	expect_str(r->form.errors[0].message,
		   "Ensure this field has no more than 255 characters.");
}

static void test_null_is_a_value_where_it_may_be(void **state)
{
	expect_changes(*state, TB_RESOURCE_PATCH, "staff",
		       "{\"count\":null,\"state\":null,\"number\":null}",
		       "{\"count\":null,\"state\":null,\"number\":null}", "");
}

static void test_references_are_stored_as_keys(void **state)
{
	expect_changes(*state, TB_RESOURCE_PATCH, "staff",
		       "{\"number\":12,\"label\":\"12\"}",
		       "{\"number\":12,\"label\":\"12\"}", "");
	expect_changes(*state, TB_RESOURCE_PATCH, "staff", "{\"number\":7}",
		       "{\"number\":\"A-7\"}", "");
}

static void test_what_nobody_may_write_is_ignored_and_named(void **state)
{
	expect_changes(*state, TB_RESOURCE_PATCH, "staff",
		       "{\"id\":5,\"code\":[],\"secret\":1,\"colour\":2,"
		       "\"label_name\":\"x\",\"updated_at\":\"x\","
		       "\"text\":\"t\"}",
		       "{\"text\":\"t\"}",
		       "id, code, secret, colour, label_name, updated_at");
	expect_changes(*state, TB_RESOURCE_SYNC, "nobody",
		       "{\"diagnosis\":5,\"text\":\"t\"}", "{\"text\":\"t\"}",
		       "diagnosis");
	expect_changes(*state, TB_RESOURCE_SYNC, "doctor",
		       "{\"diagnosis\":\"d\"}", "{\"diagnosis\":\"d\"}", "");
	/* Writers write what sync_update does not let them. */
	expect_changes(*state, TB_RESOURCE_PATCH, "staff",
		       "{\"diagnosis\":\"d\"}", "{\"diagnosis\":\"d\"}", "");
}

static void test_names_cannot_break_the_header(void **state)
{
	expect_changes(*state, TB_RESOURCE_PATCH, "staff",
		       "{\"a,b\":1,\"\":1,\"\\r\\nX: y\":1,\"\\u00e9%\":1,"
		       "\"ok-._~\":1}",
		       "{}", "a%2Cb, %0D%0AX%3A%20y, %C3%A9%25, ok-._~");
}

static void test_names_beyond_the_bound_are_left_out(void **state)
{
	struct reading *r = *state;
	struct tb_buf body;

	tb_buf_init(&body, (size_t)1 << 20);
	tb_buf_append_z(&body, "{\"first\":1");
	for (int i = 0; i < 5000; i++)
		tb_buf_printf(&body, ",\"member%d\":1", i);
	tb_buf_append_z(&body, "}");
	tb_buf_append_char(&body, '\0');
	read_edit(r, TB_RESOURCE_PATCH, "staff", body.p);
	tb_buf_fini(&body);
	MUST(r->err);
	assert_true(tb_str_starts(r->changes.ignored,
				  TB_STR("first, member0, member1, ")));
	assert_in_range(r->changes.ignored.n, TB_EDIT_IGNORED_MAX_BYTES - 20,
			TB_EDIT_IGNORED_MAX_BYTES);
	assert_true(r->changes.ignored.p[r->changes.ignored.n - 1] != ' ');
}

static void test_what_must_be_there_is_asked_for(void **state)
{
	struct reading *r = *state;

	read_edit(r, TB_RESOURCE_CREATE, "staff", "{\"text\":\"t\"}");
	assert_int_equal(r->form.n_errors, 1);
	expect_str(r->form.errors[0].field, "name");
	expect_str(r->form.errors[0].message, "This field is required.");
	read_edit(r, TB_RESOURCE_REPLACE, "staff", "");
	assert_int_equal(r->form.n_errors, 1);
	expect_changes(r, TB_RESOURCE_CREATE, "staff", "{\"name\":\"n\"}",
		       "{\"name\":\"n\"}", "");
	expect_changes(r, TB_RESOURCE_REPLACE, "staff",
		       "{\"count\":1,\"name\":\"n\"}",
		       "{\"count\":1,\"name\":\"n\",\"text\":null,"
		       "\"price\":null,\"open\":null,\"at\":null,"
		       "\"day\":null,\"state\":null,\"extra\":null,"
		       "\"number\":null,\"label\":null,\"diagnosis\":null}",
		       "");
}

static void test_who_may_do_what(void **state)
{
	static const struct {
		enum tb_resource_action action;
		const char *role;
		bool is_admin;
		bool may;
	} rows[] = {
		{ TB_RESOURCE_SYNC, "nobody", false, true },
		{ TB_RESOURCE_CREATE, "nobody", false, false },
		{ TB_RESOURCE_CREATE, "staff", false, true },
		{ TB_RESOURCE_DELETE, "doctor", false, false },
		{ TB_RESOURCE_REPLACE, "nobody", true, true },
		{ TB_RESOURCE_PATCH, "staff", false, true },
	};
	struct tb_edit_rules none = { .declaration = &declaration,
				      .collection = &collections[1],
				      .action = TB_RESOURCE_SYNC };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_str role = tb_str_z(rows[i].role);
		struct tb_edit_rules rules = { .declaration = &declaration,
					       .collection = &collections[0],
					       .action = rows[i].action,
					       .roles = &role,
					       .n_roles = 1,
					       .is_admin = rows[i].is_admin };

		assert_int_equal(tb_edit_may(&rules), rows[i].may);
	}
	assert_false(tb_edit_may(&none));
}

static void test_ids_that_clients_give(void **state)
{
	static const struct {
		const char *body;
		const char *id; /* NULL: refused */
	} rows[] = {
		{ "{\"id\":\"a b\"}", "a b" },
		{ "{\"id\":\"a/b\"}", "a/b" },
		{ "{\"id\":\"\\u00e9\"}", "\xc3\xa9" },
		{ "{}", NULL },
		{ "{\"id\":null}", NULL },
		{ "{\"id\":5}", NULL },
		{ "{\"id\":\"\"}", NULL },
		{ "{\"id\":\"sync\"}", NULL },
		{ "{\"id\":\"..\"}", NULL },
		{ "{\"id\":\"a\\nb\"}", NULL },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_str id;

		read_edit(r, TB_RESOURCE_PATCH, "staff", rows[i].body);
		id = tb_edit_read_id(&r->form);
		assert_int_equal(r->form.n_errors, rows[i].id == NULL);
		if (rows[i].id)
			expect_str(id, rows[i].id);
		else
			assert_null(id.p);
	}
}

static void test_excerpts_end_between_characters(void **state)
{
	char text[400];
	struct tb_str excerpt;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + 199, "\xc3\xa9", 2);
	excerpt = tb_edit_value_excerpt(tb_str(text, sizeof(text)));
	assert_int_equal(excerpt.n, 199);
	excerpt = tb_edit_value_excerpt(tb_str(text, 5));
	assert_int_equal(excerpt.n, 5);
}

static void test_nth_allocation_fails(void **state)
{
	struct reading *r = *state;
	uint64_t n = 1;
	bool met = true;

	for (; met; n++) {
		assert_true(n < TRIES_MAX);
		tb_arena_destroy(r->arena);
		r->arena = tb_arena_create(ARENA_MAX);
		assert_non_null(r->arena);
		tb_alloc_fail_at(n);
		read_edit(r, TB_RESOURCE_PATCH, "staff",
			  "{\"text\":\"t\\n\",\"number\":7,\"x\":1,"
			  "\"\\u0061\":2}");
		met = tb_alloc_calls() >= n;
		tb_alloc_fail_at(0);
		if (!met)
			MUST(r->err);
		else if (r->err == TB_OK)
			expect_str(r->changes.changes,
				   "{\"text\":\"t\\n\",\"number\":\"A-7\"}");
	}
	assert_true(n > 2);
	expect_str(r->changes.ignored, "x, a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values_are_stored_as_they_were_written),
		TEST(test_nothing_is_an_edit_of_nothing),
		TEST(test_what_is_wrong_is_told_in_known_words),
		TEST(test_limits_are_the_last_good_values),
		TEST(test_null_is_a_value_where_it_may_be),
		TEST(test_references_are_stored_as_keys),
		TEST(test_what_nobody_may_write_is_ignored_and_named),
		TEST(test_names_cannot_break_the_header),
		TEST(test_names_beyond_the_bound_are_left_out),
		TEST(test_what_must_be_there_is_asked_for),
		TEST(test_who_may_do_what),
		TEST(test_ids_that_clients_give),
		TEST(test_excerpts_end_between_characters),
		TEST(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
