/* What bodies may hold in declared fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "kernel/fields.h"

static const struct tb_str states[] = { TB_STR_INIT("open"),
					TB_STR_INIT("shut") };

static const struct tb_field fields[] = {
	{ .name = TB_STR_INIT("text"),
	  .type = TB_FIELD_TEXT,
	  .nullable = true },
	{ .name = TB_STR_INIT("count"),
	  .type = TB_FIELD_INTEGER,
	  .nullable = true },
	{ .name = TB_STR_INIT("day"), .type = TB_FIELD_DATE },
	{ .name = TB_STR_INIT("at"), .type = TB_FIELD_DATETIME },
	{ .name = TB_STR_INIT("state"),
	  .type = TB_FIELD_ENUM,
	  .values = states,
	  .n_values = TB_ARRAY_LEN(states) },
	{ .name = TB_STR_INIT("owner"),
	  .type = TB_FIELD_INTEGER,
	  .references = TB_STR_INIT("owners") },
	{ .name = TB_STR_INIT("owner_name"),
	  .type = TB_FIELD_STRING,
	  .read_only = true,
	  .from = TB_STR_INIT("owner"),
	  .show = TB_STR_INIT("name") },
};

/* As a table of the sites alone, and as a resource, too. */
static const struct tb_collection table = {
	.name = TB_STR_INIT("things"),
	.fields = fields,
	.n_fields = TB_ARRAY_LEN(fields),
};
static const struct tb_collection resource = {
	.name = TB_STR_INIT("things"),
	.path = TB_STR_INIT("things"),
	.fields = fields,
	.n_fields = TB_ARRAY_LEN(fields),
};

static enum tb_err check(const struct tb_collection *collection,
			 const char *body, const char *expected)
{
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_str message = TB_STR_NONE;
	enum tb_err err;

	assert_non_null(arena);
	err = tb_fields_check(arena, collection, tb_str_z(body), &message);
	if (expected != NULL) {
		assert_int_equal(err, TB_ERR_INVALID);
		assert_true(tb_str_eq(message, tb_str_z(expected)));
	}
	tb_arena_destroy(arena);
	return err;
}

static void taken(const char *body)
{
	assert_int_equal(check(&resource, body, NULL), TB_OK);
}

static void text_of_any_length_is_a_string(void **state)
{
	(void)state;
	taken("{\"text\":\"\"}");
	taken("{\"text\":null}");
	check(&resource, "{\"text\":1}", "field \"text\": expected a string");
}

static void a_resources_integers_have_64_bits(void **state)
{
	static const char large[] = "{\"count\":9223372036854775808}";

	(void)state;
	taken("{\"count\":9223372036854775807}");
	taken("{\"count\":-9223372036854775808}");
	check(&resource, large, "field \"count\": expected an integer");
	check(&resource, "{\"count\":1.0}",
	      "field \"count\": expected an integer");
	assert_int_equal(check(&table, large, NULL), TB_OK);
}

static void dates_and_times_must_be_possible(void **state)
{
	(void)state;
	taken("{\"day\":\"2024-02-29\",\"at\":\"2024-02-29T23:59:59Z\"}");
	check(&resource, "{\"day\":\"2023-02-29\"}",
	      "field \"day\": expected a date, YYYY-MM-DD");
	check(&resource, "{\"day\":\"2024-02-29T00:00:00Z\"}",
	      "field \"day\": expected a date, YYYY-MM-DD");
	check(&resource, "{\"at\":\"2024-13-01T00:00:00Z\"}",
	      "field \"at\": expected an ISO 8601 time");
}

static void enums_are_of_their_values(void **state)
{
	(void)state;
	taken("{\"state\":\"open\"}");
	check(&resource, "{\"state\":\"ajar\"}",
	      "field \"state\": expected one of the declared values");
}

/* In bodies a reference is the other record's key, whatever type its ids have
 * as a resource. */
static void a_reference_is_a_key(void **state)
{
	static const char expected[] =
		"field \"owner\": expected the id of a record, text or integer";

	(void)state;
	taken("{\"owner\":\"5f1c\"}");
	taken("{\"owner\":5}");
	taken("{\"owner\":99999999999999999999}");
	check(&resource, "{\"owner\":\"\"}", expected);
	check(&resource, "{\"owner\":1.5}", expected);
	check(&resource, "{\"owner\":true}", expected);
	check(&resource, "{\"owner\":null}", expected);
}

static void what_is_shown_of_others_is_no_matter_of_bodies(void **state)
{
	(void)state;
	taken("{\"owner_name\":17}");
	taken("{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_any_length_is_a_string),
		cmocka_unit_test(a_resources_integers_have_64_bits),
		cmocka_unit_test(dates_and_times_must_be_possible),
		cmocka_unit_test(enums_are_of_their_values),
		cmocka_unit_test(a_reference_is_a_key),
		cmocka_unit_test(
			what_is_shown_of_others_is_no_matter_of_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
