#include "../base/torture.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "jobs/connectors/records.h"
#include "kernel/record.h"

#define ARENA_MAX ((size_t)64 << 20)
#define MANY 1000

static const struct tb_rename renames[] = {
	{ TB_STR_INIT("a"), TB_STR_INIT("b") },
	{ TB_STR_INIT("b"), TB_STR_INIT("a") },
	{ TB_STR_INIT("q"), TB_STR_INIT("\"\n") },
};

static const struct tb_source_entity plain = { .key = TB_STR_INIT("id") };
static const struct tb_source_entity renaming = {
	.key = TB_STR_INIT("a"),
	.deleted_field = TB_STR_INIT("gone"),
	.renames = renames,
	.n_renames = TB_ARRAY_LEN(renames),
};

struct world {
	struct tb_arena *arena;
	struct tb_records_reader reader;
};

static struct world *open_world(const struct tb_source_entity *entity)
{
	struct world *world = tb_calloc(1, sizeof(*world));

	assert_non_null(world);
	world->arena = tb_arena_create(ARENA_MAX);
	assert_non_null(world->arena);
	assert_int_equal(
		tb_records_reader_init(&world->reader, entity, world->arena),
		TB_OK);
	return world;
}

static void close_world(struct world *world)
{
	tb_records_reader_fini(&world->reader);
	tb_arena_destroy(world->arena);
	tb_free(world);
}

static struct tb_connector_record read_one(struct world *world,
					   struct tb_str text)
{
	struct tb_connector_record record;

	assert_int_equal(tb_records_read(&world->reader, text, &record), TB_OK);
	return record;
}

static void assert_text(struct tb_str text, const char *expected)
{
	if (!tb_str_eq(text, tb_str_z(expected)))
		fail_msg("%.*s, not %s", TB_STR_ARG(text), expected);
}

static void a_body_is_a_slice_of_what_came(void **state)
{
	struct world *world = open_world(&plain);
	struct tb_str text = TB_STR(" {\"x\" :1.0, \"id\":\"k\" } \r");
	struct tb_connector_record record = read_one(world, text);

	(void)state;
	assert_null(record.refused);
	assert_ptr_equal(record.body.p, text.p + 1);
	assert_int_equal(record.body.n, text.n - 3);
	assert_text(record.key, "k");
	assert_false(record.deleted);
	close_world(world);
}

/* A record, and its key, or why it is refused. */
static const struct {
	const char *text;
	const char *key;
	const char *refused;
} rows[] = {
	{ "{\"id\":\"\\u00e9\\\"\"}", "\xc3\xa9\"", NULL },
	{ "{\"\\u0069d\":7}", "7", NULL },
	{ "{\"id\":-12}", "-12", NULL },
	{ "{\"id\":100000000000000000000000}", "100000000000000000000000",
	  NULL },
	{ "{\"a\":{\"id\":1},\"id\":2}", "2", NULL },
	{ "{\"id\":1.0}", "", TB_RECORD_NO_KEY },
	{ "{\"id\":1E2}", "", TB_RECORD_NO_KEY },
	{ "{\"id\":\"\"}", "", TB_RECORD_NO_KEY },
	{ "{\"id\":null}", "", TB_RECORD_NO_KEY },
	{ "{\"id\":false}", "", TB_RECORD_NO_KEY },
	{ "{\"id\":[1]}", "", TB_RECORD_NO_KEY },
	{ "{\"id\":{}}", "", TB_RECORD_NO_KEY },
	{ "{\"a\":{\"id\":1}}", "", TB_RECORD_NO_KEY },
	{ "{}", "", TB_RECORD_NO_KEY },
	{ "", "", TB_RECORD_INVALID },
	{ "7", "", TB_RECORD_INVALID },
	{ "[{\"id\":1}]", "", TB_RECORD_INVALID },
	{ "{\"id\":1}{\"id\":2}", "", TB_RECORD_INVALID },
	{ "{\"id\":1,\"id\":1}", "", TB_RECORD_INVALID },
	{ "{\"id\":1,\"x\":{\"a\":1,\"\\u0061\":1}}", "", TB_RECORD_INVALID },
	{ "{\"id\":\"\\u0000\"}", "", TB_RECORD_INVALID },
	{ "{\"id\":\"\xff\"}", "", TB_RECORD_INVALID },
	{ "{\"id\":1", "", TB_RECORD_INVALID },
};

static void a_record_that_cannot_be_used_says_why(void **state)
{
	struct world *world = open_world(&plain);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_connector_record record =
			read_one(world, tb_str_z(rows[i].text));
		const char *refused = rows[i].refused;

		assert_text(record.key, rows[i].key);
		if (refused == NULL) {
			assert_null(record.refused);
			continue;
		}
		assert_string_equal(record.refused, refused);
		assert_true(record.message.n > 0);
		assert_int_equal(record.body.n > 0,
				 strcmp(refused, TB_RECORD_NO_KEY) == 0);
	}
	close_world(world);
}

/* What has so long a key, as a text or as a number. */
static struct tb_str keyed(struct tb_buf *buf, const char *quote, size_t n)
{
	tb_buf_reset(buf);
	tb_buf_append_z(buf, "{\"id\":");
	tb_buf_append_z(buf, quote);
	for (size_t i = 0; i < n; i++)
		tb_buf_append_char(buf, '7');
	tb_buf_append_z(buf, quote);
	tb_buf_append_char(buf, '}');
	assert_int_equal(tb_buf_err(buf), TB_OK);
	return tb_buf_str(buf);
}

static void a_key_has_a_ceiling(void **state)
{
	static const char *const quotes[] = { "", "\"" };
	struct world *world = open_world(&plain);
	struct tb_connector_record record;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, SIZE_MAX / 2);
	for (size_t i = 0; i < TB_ARRAY_LEN(quotes); i++) {
		record = read_one(world, keyed(&buf, quotes[i], TB_KEY_MAX));
		assert_null(record.refused);
		assert_int_equal(record.key.n, TB_KEY_MAX);
		record =
			read_one(world, keyed(&buf, quotes[i], TB_KEY_MAX + 1));
		assert_string_equal(record.refused, TB_RECORD_KEY_TOO_LONG);
		assert_text(record.message, "the key is over 512 bytes");
		assert_int_equal(record.key.n, 0);
	}
	tb_buf_fini(&buf);
	close_world(world);
}

static struct tb_str nested(struct tb_buf *buf, size_t depth)
{
	tb_buf_reset(buf);
	tb_buf_append_z(buf, "{\"id\":1,\"x\":");
	for (size_t i = 0; i < depth; i++)
		tb_buf_append_char(buf, '[');
	for (size_t i = 0; i < depth; i++)
		tb_buf_append_char(buf, ']');
	tb_buf_append_char(buf, '}');
	assert_int_equal(tb_buf_err(buf), TB_OK);
	return tb_buf_str(buf);
}

static void depth_and_members_have_a_ceiling(void **state)
{
	struct world *world = open_world(&plain);
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 1 << 20);
	assert_null(read_one(world, nested(&buf, 63)).refused);
	assert_string_equal(read_one(world, nested(&buf, 64)).refused,
			    TB_RECORD_INVALID);
	tb_buf_reset(&buf);
	tb_buf_append_z(&buf, "{\"id\":1");
	for (int i = 0; i < 40000; i++)
		tb_buf_printf(&buf, ",\"%d\":0", i);
	tb_buf_append_char(&buf, '}');
	assert_string_equal(read_one(world, tb_buf_str(&buf)).refused,
			    TB_RECORD_INVALID);
	/* What one takes is no burden to the next. */
	assert_null(read_one(world, TB_STR("{\"id\":1}")).refused);
	tb_buf_fini(&buf);
	close_world(world);
}

static void renames_leave_the_rest_as_it_is(void **state)
{
	struct world *world = open_world(&renaming);
	struct tb_connector_record record = read_one(
		world, TB_STR("{ \"a\" : 1, \"b\":{\"a\":2.50},\"q\":\"a\" }"));

	(void)state;
	assert_null(record.refused);
	assert_text(record.key, "1");
	assert_text(record.body,
		    "{ \"b\" : 1, \"a\":{\"a\":2.50},\"\\\"\\n\":\"a\" }");
	record = read_one(world, TB_STR("{\"a\":1,\"\\\"\\n\":2,\"q\":3}"));
	assert_string_equal(record.refused, TB_RECORD_INVALID);
	assert_text(record.key, "1");
	close_world(world);
}

static void a_deletion_goes_by_the_sources_own_names(void **state)
{
	struct world *world = open_world(&renaming);

	(void)state;
	assert_true(read_one(world, TB_STR("{\"a\":1,\"gone\":true}")).deleted);
	assert_true(read_one(world, TB_STR("{\"a\":1,\"gone\":[]}")).deleted);
	assert_false(
		read_one(world, TB_STR("{\"a\":1,\"gone\":null}")).deleted);
	assert_false(
		read_one(world, TB_STR("{\"a\":1,\"gone\":false}")).deleted);
	assert_false(read_one(world, TB_STR("{\"a\":1}")).deleted);
	close_world(world);
}

static void put_many(struct tb_buf *buf)
{
	tb_buf_init(buf, 1 << 20);
	tb_buf_append_char(buf, '[');
	for (int i = 0; i < MANY; i++)
		tb_buf_printf(buf, "%s{\"a\":\"\\u006b%d\"}", i ? " , " : "",
			      i);
	tb_buf_append_char(buf, ']');
	assert_int_equal(tb_buf_err(buf), TB_OK);
}

static void all_elements_come_in_order(void **state)
{
	struct world *world = open_world(&renaming);
	struct tb_records records = { 0 };
	struct tb_buf buf;

	(void)state;
	put_many(&buf);
	assert_int_equal(tb_records_add_array(&world->reader, &records,
					      tb_buf_str(&buf)),
			 TB_OK);
	assert_int_equal(records.n, MANY);
	for (int i = 0; i < MANY; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		assert_text(records.list[i].key, key);
	}
	tb_buf_fini(&buf);
	close_world(world);
}

/* An answer of a megabyte may have hundreds of thousands of nothing. */
static void a_page_has_a_ceiling(void **state)
{
	struct world *world = open_world(&renaming);
	struct tb_connector_record record = { .key = TB_STR("k") };
	struct tb_records records = { 0 };
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 1 << 20);
	tb_buf_append_char(&buf, '[');
	for (size_t i = 0; i < TB_RECORDS_MAX; i++)
		tb_buf_append_str(&buf, i ? TB_STR(",1") : TB_STR("1"));
	tb_buf_append_str(&buf, TB_STR("]"));
	assert_int_equal(tb_records_add_array(&world->reader, &records,
					      tb_buf_str(&buf)),
			 TB_OK);
	assert_int_equal(records.n, TB_RECORDS_MAX);
	assert_int_equal(tb_records_add(&world->reader, &records, TB_STR("{}")),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(tb_records_append(world->arena, &records, &record),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(records.n, TB_RECORDS_MAX);
	tb_buf_fini(&buf);
	close_world(world);
}

static void what_is_no_array_is_invalid(void **state)
{
	static const char *const bad[] = { "",     "{}",    "[",     "[{}",
					   "[{}}", "[{},]", "[{}] x" };
	struct world *world = open_world(&plain);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_records records = { 0 };

		assert_int_equal(tb_records_add_array(&world->reader, &records,
						      tb_str_z(bad[i])),
				 TB_ERR_INVALID);
	}
	close_world(world);
}

static void an_arena_that_is_full_is_no_records_fault(void **state)
{
	struct tb_arena *arena = tb_arena_create(20000);
	struct tb_records records = { 0 };
	struct tb_records_reader reader;
	struct tb_buf buf;

	(void)state;
	put_many(&buf);
	assert_int_equal(tb_records_reader_init(&reader, &renaming, arena),
			 TB_OK);
	assert_int_equal(
		tb_records_add_array(&reader, &records, tb_buf_str(&buf)),
		TB_ERR_TOO_LARGE);
	tb_buf_fini(&buf);
	tb_records_reader_fini(&reader);
	tb_arena_destroy(arena);
}

static struct tb_buf tortured;

static enum tb_err cut(void)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_records_reader reader = { 0 };
	struct tb_records records = { 0 };
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_records_reader_init(&reader, &renaming, arena);
	if (err == TB_OK)
		err = tb_records_add_array(&reader, &records,
					   tb_buf_str(&tortured));
	if (err == TB_OK && records.n != MANY)
		err = TB_ERR_CORRUPT;
	for (size_t i = 0; err == TB_OK && i < records.n; i++)
		if (records.list[i].refused != NULL)
			err = TB_ERR_CORRUPT;
	tb_records_reader_fini(&reader);
	tb_arena_destroy(arena);
	return err;
}

static void no_record_is_refused_for_want_of_memory(void **state)
{
	(void)state;
	put_many(&tortured);
	assert_true(torture(cut) > MANY);
	tb_buf_fini(&tortured);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_a_slice_of_what_came),
		cmocka_unit_test(a_record_that_cannot_be_used_says_why),
		cmocka_unit_test(a_key_has_a_ceiling),
		cmocka_unit_test(depth_and_members_have_a_ceiling),
		cmocka_unit_test(renames_leave_the_rest_as_it_is),
		cmocka_unit_test(a_deletion_goes_by_the_sources_own_names),
		cmocka_unit_test(all_elements_come_in_order),
		cmocka_unit_test(a_page_has_a_ceiling),
		cmocka_unit_test(what_is_no_array_is_invalid),
		cmocka_unit_test(an_arena_that_is_full_is_no_records_fault),
		cmocka_unit_test(no_record_is_refused_for_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
