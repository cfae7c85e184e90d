/*
 * What is sent to queue a job: what is read out of it, and each message for
 * what is not as docs/api/jobs.md says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "codec/json.h"
#include "codec/time.h"
#include "jobs/spec.h"
#include "sources.h"

#define ARENA_MAX_BYTES ((size_t)4 << 20)
#define BODY_MAX_BYTES ((size_t)1 << 20)

static struct tb_arena *arena;

static int make_arena(void **state)
{
	(void)state;
	arena = tb_arena_create(ARENA_MAX_BYTES);
	return arena ? 0 : -1;
}

static int drop_arena(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static enum tb_err decode(struct tb_str body, struct tb_spec *ret,
			  struct tb_str *ret_problem)
{
	static const struct tb_spec_context context = {
		.sources = &test_sources,
		.org = TB_STR_INIT("north"),
		.default_timezone = TB_STR_INIT("Europe/Berlin"),
		.default_missed = TB_MISSED_SKIP,
		.queued_us = 1705746600000000, /* 2024-01-20T10:30:00Z */
	};

	return tb_spec_decode(arena, body, &context, ret, ret_problem);
}

static struct tb_spec decode_good(const char *body)
{
	struct tb_spec spec;
	struct tb_str problem = TB_STR_NONE;

	if (decode(tb_str_z(body), &spec, &problem))
		fail_msg("%s: %.*s", body, TB_STR_ARG(problem));
	return spec;
}

static void assert_problem(struct tb_str body, const char *expected)
{
	struct tb_spec spec = { .priority = 42 };
	struct tb_str problem = TB_STR("none");
	enum tb_err err = decode(body, &spec, &problem);

	if (err != TB_ERR_INVALID || !tb_str_eq(problem, tb_str_z(expected)))
		fail_msg("%.*s: %.*s, not %s", TB_STR_ARG(body),
			 TB_STR_ARG(problem), expected);
	assert_int_equal(spec.priority, 42);
}

static void assert_text(struct tb_str text, const char *expected)
{
	if (!tb_str_eq(text, tb_str_z(expected)))
		fail_msg("%.*s, not %s", TB_STR_ARG(text), expected);
}

/* ---- bodies that are taken ---- */

#define DATA "\"data\":{\"source\":\"shopify\"}"

static void a_job_has_what_was_asked_for(void **state)
{
	struct tb_spec spec = decode_good(
		"{\"name\":\"product-sync\",\"type\":\"full\","
		"\"priority\":\"high\",\"data\":{\"source\":\"shopify\","
		"\"target\":\"local\",\"filters\":{\"updatedSince\":"
		"\"2023-01-01T00:00:00Z\",\"collections\":"
		"[\"summer-collection\",\"new\\u002darrivals\"]}},"
		"\"options\":{\"concurrency\":5,\"retryOnFail\":true,"
		"\"maxRetries\":4}}");

	(void)state;
	assert_text(spec.name, "product-sync");
	assert_int_equal(spec.type, TB_SPEC_FULL);
	assert_text(spec.type_name, "full");
	assert_int_equal(spec.priority, 75);
	assert_ptr_equal(spec.source, &source_list[0]);
	assert_null(spec.target);
	assert_ptr_equal(spec.entities, shop_entities);
	assert_int_equal(spec.n_entities, 2);
	assert_true(spec.updated_since_us == 1672531200000000);
	assert_int_equal(spec.n_handles, 2);
	assert_text(spec.handles[0], "summer-collection");
	assert_text(spec.handles[1], "new-arrivals");
	assert_int_equal(spec.concurrency, 5);
	assert_int_equal(spec.retries_max, 4);
	assert_false(spec.is_incremental);
}

static void what_is_not_said_is_the_default(void **state)
{
	static const char *const bodies[] = {
		"{\"name\":\"a\",\"type\":\"full\"," DATA "}",
		"{\"name\":\"a\",\"type\":\"full\",\"priority\":null,"
		"\"options\":null,\"schedule\":null,\"data\":{\"source\":"
		"\"shopify\",\"target\":null,\"entity\":null,\"filters\":"
		"null}}",
		"{\"name\":\"a\",\"type\":\"full\",\"options\":{"
		"\"concurrency\":null,\"retryOnFail\":null,\"maxRetries\":"
		"null},\"data\":{\"source\":\"shopify\",\"target\":\"local\","
		"\"filters\":{\"updatedSince\":null,\"collections\":null,"
		"\"other\":null}},\"other\":[1,{}]}",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bodies); i++) {
		struct tb_spec spec = decode_good(bodies[i]);

		assert_int_equal(spec.priority, 50);
		assert_null(spec.target);
		assert_int_equal(spec.n_entities, 2);
		assert_true(spec.updated_since_us == INT64_MIN);
		assert_int_equal(spec.n_handles, 0);
		assert_int_equal(spec.concurrency, 1);
		assert_int_equal(spec.retries_max, 3);
		assert_false(spec.is_incremental);
	}
}

static const struct {
	const char *priority;
	uint32_t expected;
} priorities[] = {
	{ "\"low\"", 25 },  { "\"normal\"", 50 },
	{ "\"high\"", 75 }, { "\"critical\"", 100 },
	{ "0", 0 },         { "1", 1 },
	{ "100", 100 },     { "\"l\\u006fw\"", 25 },
};

static void a_priority_is_a_word_or_a_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(priorities); i++) {
		char body[200];

		(void)snprintf(body, sizeof(body),
			       "{\"name\":\"a\",\"type\":\"full\","
			       "\"priority\":%s," DATA "}",
			       priorities[i].priority);
		assert_int_equal(decode_good(body).priority,
				 priorities[i].expected);
	}
}

static void retries_can_be_switched_off(void **state)
{
	(void)state;
	assert_int_equal(decode_good("{\"name\":\"a\",\"type\":\"full\"," DATA
				     ",\"options\":{\"retryOnFail\":false,"
				     "\"maxRetries\":5}}")
				 .retries_max,
			 0);
	assert_int_equal(decode_good("{\"name\":\"a\",\"type\":\"full\"," DATA
				     ",\"options\":{\"maxRetries\":0}}")
				 .retries_max,
			 0);
	assert_int_equal(decode_good("{\"name\":\"a\",\"type\":\"full\"," DATA
				     ",\"options\":{\"maxRetries\":100,"
				     "\"concurrency\":16}}")
				 .retries_max,
			 100);
}

static void entities_are_those_of_the_source_or_of_the_target(void **state)
{
	struct tb_spec spec;

	(void)state;
	spec = decode_good("{\"name\":\"a\",\"type\":\"entity\",\"data\":{"
			   "\"source\":\"shopify\",\"entity\":\"orders\"}}");
	assert_ptr_equal(spec.entities, &shop_entities[1]);
	assert_int_equal(spec.n_entities, 1);
	spec = decode_good("{\"name\":\"a\",\"type\":\"full\",\"data\":{"
			   "\"source\":\"local\",\"target\":\"office\","
			   "\"entity\":\"items\"}}");
	assert_null(spec.source);
	assert_ptr_equal(spec.target, &source_list[1]);
	assert_ptr_equal(spec.entities, &office_entities[0]);
	assert_int_equal(spec.n_entities, 1);
	/* From one server to another. */
	spec = decode_good("{\"name\":\"a\",\"type\":\"full\",\"data\":{"
			   "\"source\":\"shopify\",\"target\":\"office\"}}");
	assert_ptr_equal(spec.source, &source_list[0]);
	assert_ptr_equal(spec.target, &source_list[1]);
	assert_ptr_equal(spec.entities, shop_entities);
	assert_int_equal(spec.n_entities, 2);
}

static void a_name_is_of_any_script(void **state)
{
	(void)state;
	assert_text(decode_good("{\"name\":\"...\",\"type\":\"full\"," DATA "}")
			    .name,
		    "...");
	assert_text(decode_good("{\"name\":\"\xd0\xb8\xd0\xbc\xd1\x8f \\/ "
				"\\u00e9\xc2\xa0\",\"type\":\"full\"," DATA "}")
			    .name,
		    "\xd0\xb8\xd0\xbc\xd1\x8f / \xc3\xa9\xc2\xa0");
}

static void a_schedule_has_its_words_and_its_defaults(void **state)
{
	struct tb_spec spec = decode_good(
		"{\"name\":\"a\",\"type\":\"scheduled\"," DATA
		",\"schedule\":{\"startAt\":\"2023-01-15T00:00:00Z\","
		"\"repeat\":\"daily\",\"time\":\"00:00\",\"timezone\":"
		"\"Asia/Kathmandu\",\"missed\":\"run_once\",\"mode\":"
		"\"incremental\"}}");

	(void)state;
	assert_int_equal(spec.type, TB_SPEC_SCHEDULED);
	assert_text(spec.schedule.start_at, "2023-01-15T00:00:00Z");
	assert_text(spec.schedule.repeat, "daily");
	assert_text(spec.schedule.time, "00:00");
	assert_text(spec.schedule.timezone, "Asia/Kathmandu");
	assert_text(spec.schedule.default_timezone, "Europe/Berlin");
	assert_true(spec.schedule.queued_us == 1705746600000000);
	assert_int_equal(spec.missed, TB_MISSED_RUN_ONCE);
	assert_true(spec.is_incremental);
	spec = decode_good("{\"name\":\"a\",\"type\":\"scheduled\"," DATA
			   ",\"schedule\":{\"repeat\":\"0 0 * * *\","
			   "\"startAt\":null,\"time\":null,\"timezone\":null,"
			   "\"missed\":null,\"mode\":null}}");
	assert_null(spec.schedule.start_at.p);
	assert_null(spec.schedule.time.p);
	assert_null(spec.schedule.timezone.p);
	assert_int_equal(spec.missed, TB_MISSED_SKIP);
	assert_false(spec.is_incremental);
}

static void an_incremental_job_is_incremental(void **state)
{
	(void)state;
	assert_true(decode_good("{\"name\":\"a\",\"type\":\"incremental\"," DATA
				"}")
			    .is_incremental);
	assert_false(decode_good("{\"name\":\"a\",\"type\":\"scheduled\"," DATA
				 ",\"schedule\":{\"repeat\":\"daily\",\"mode\":"
				 "\"full\"}}")
			     .is_incremental);
}

/* ---- and those that are not ---- */

static const struct {
	const char *body;
	const char *problem;
} bad_bodies[] = {
	{ "", "Empty Data" },
	{ "{}", "Empty Data" },
	{ " { } ", "Empty Data" },
	{ " ", "Invalid JSON" },
	{ "{", "Invalid JSON" },
	{ "{\"name\":\"a\",}", "Invalid JSON" },
	{ "{\"name\":\"a\",\"name\":\"b\"}", "Invalid JSON" },
	{ "{\"name\":\"\\u0000\"}", "name must not hold control characters" },
	{ "{\"name\":\"a\",\"type\":\"full\\u0000\"}",
	  "type must not hold control characters" },
	{ "[]", "body must be an object" },
	{ "[{}]", "body must be an object" },
	{ "null", "body must be an object" },
	{ "\"{}\"", "body must be an object" },
	/* Members in their order: the first that is wrong. */
	{ "{\"other\":1}", "name is required" },
	{ "{\"name\":null}", "name is required" },
	{ "{\"name\":\"a\"}", "type is required" },
	{ "{\"name\":\"a\",\"type\":\"full\"}", "data is required" },
	{ "{\"name\":\"a\",\"type\":\"full\",\"data\":null}",
	  "data is required" },
	{ "{\"name\":\"a\",\"type\":\"full\",\"data\":{}}",
	  "data.source is required" },
	{ "{\"name\":\"a\",\"type\":\"scheduled\"," DATA "}",
	  "schedule is required" },
	{ "{\"name\":\"a\",\"type\":\"full\"," DATA
	  ",\"schedule\":{\"repeat\":\"daily\"}}",
	  "schedule is only for the type scheduled" },
	{ "{\"name\":\"a\",\"type\":\"incremental\"," DATA ",\"schedule\":0}",
	  "schedule is only for the type scheduled" },
};

static void a_body_that_is_none_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad_bodies); i++)
		assert_problem(tb_str_z(bad_bodies[i].body),
			       bad_bodies[i].problem);
}

static void a_body_that_is_nested_too_deeply_is_no_json(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BODY_MAX_BYTES);
	for (int i = 0; i < 100; i++)
		tb_buf_append_z(&buf, "[");
	for (int i = 0; i < 100; i++)
		tb_buf_append_z(&buf, "]");
	assert_problem(tb_buf_str(&buf), "Invalid JSON");
	tb_buf_fini(&buf);
}

/* Members of the body beside a good rest. */
struct member {
	const char *member; /* "name":"a" */
	const char *problem;
};

/* The body %s is put into; what else it needs is there. */
static void assert_members(const char *around, const struct member *members,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tb_str before = tb_str_z(around);
		struct tb_str behind = before;
		struct tb_buf buf;

		before = tb_str_cut(&behind, '%');
		tb_buf_init(&buf, BODY_MAX_BYTES);
		tb_buf_append_str(&buf, before);
		tb_buf_append_z(&buf, members[i].member);
		tb_buf_append_str(&buf, behind);
		assert_problem(tb_buf_str(&buf), members[i].problem);
		tb_buf_fini(&buf);
	}
}

#define LONG_50 "12345678901234567890123456789012345678901234567890"
#define LONG_200 LONG_50 LONG_50 LONG_50 LONG_50

#define CONTROLS "name must not hold control characters"
static const struct member names[] = {
	{ "1", "name must be a string" },
	{ "[\"a\"]", "name must be a string" },
	{ "{}", "name must be a string" },
	{ "true", "name must be a string" },
	{ "\"\"", "name must be 1 to 200 bytes" },
	{ "\"" LONG_200 "1\"", "name must be 1 to 200 bytes" },
	{ "\"" LONG_50 LONG_50 LONG_50 LONG_50 "\\u00e9\"",
	  "name must be 1 to 200 bytes" },
	{ "\"a\\nb\"", CONTROLS },
	{ "\"\\u0001\"", CONTROLS },
	{ "\"\\u001f\"", CONTROLS },
	{ "\"a\x7f\"", CONTROLS },
	{ "\"\\u0080\"", CONTROLS },
	{ "\"\xc2\x9f\"", CONTROLS },
	{ "\".\"", "name must not be . or .." },
	{ "\"..\"", "name must not be . or .." },
	{ "\"\\u002e.\"", "name must not be . or .." },
};

static void a_bad_name_is_told(void **state)
{
	struct tb_spec spec;

	(void)state;
	assert_members("{\"name\":%,\"type\":\"full\"," DATA "}", names,
		       TB_ARRAY_LEN(names));
	spec = decode_good("{\"name\":\"" LONG_200 "\",\"type\":\"full\"," DATA
			   "}");
	assert_int_equal(spec.name.n, 200);
}

#define BAD_TYPE "type must be one of full, incremental, entity, scheduled"
static const struct member types[] = {
	{ "1", "type must be a string" },
	{ "null", "type is required" },
	{ "\"\"", BAD_TYPE },
	{ "\"Full\"", BAD_TYPE },
	{ "\"delta\"", BAD_TYPE },
};

#define BAD_PRIORITY                                                           \
	"priority must be one of low, normal, high, critical, or a whole "     \
	"number from 0 to 100"
static const struct member bad_priorities[] = {
	{ "\"\"", BAD_PRIORITY },
	{ "\"High\"", BAD_PRIORITY },
	{ "\"urgent\"", BAD_PRIORITY },
	{ "\"50\"", BAD_PRIORITY },
	{ "101", BAD_PRIORITY },
	{ "-1", BAD_PRIORITY },
	{ "50.0", BAD_PRIORITY },
	{ "5e1", BAD_PRIORITY },
	{ "true", BAD_PRIORITY },
	{ "[]", BAD_PRIORITY },
	{ "{}", BAD_PRIORITY },
	{ "99999999999999999999", BAD_PRIORITY },
};

static void a_bad_type_or_priority_is_told(void **state)
{
	(void)state;
	assert_members("{\"name\":\"a\",\"type\":%," DATA "}", types,
		       TB_ARRAY_LEN(types));
	assert_members("{\"name\":\"a\",\"type\":\"full\",\"priority\":%," DATA
		       "}",
		       bad_priorities, TB_ARRAY_LEN(bad_priorities));
}

#define BAD_CONCURRENCY                                                        \
	"options.concurrency must be a whole number from 1 to 16"
#define BAD_RETRIES "options.maxRetries must be a whole number from 0 to 100"
#define BAD_RETRY "options.retryOnFail must be true or false"
static const struct member options[] = {
	{ "1", "options must be an object" },
	{ "[]", "options must be an object" },
	{ "\"\"", "options must be an object" },
	{ "{\"concurrency\":0}", BAD_CONCURRENCY },
	{ "{\"concurrency\":17}", BAD_CONCURRENCY },
	{ "{\"concurrency\":-1}", BAD_CONCURRENCY },
	{ "{\"concurrency\":1.5}", BAD_CONCURRENCY },
	{ "{\"concurrency\":\"5\"}", BAD_CONCURRENCY },
	{ "{\"concurrency\":4294967297}", BAD_CONCURRENCY },
	{ "{\"maxRetries\":101}", BAD_RETRIES },
	{ "{\"maxRetries\":-1}", BAD_RETRIES },
	{ "{\"maxRetries\":\"3\"}", BAD_RETRIES },
	{ "{\"maxRetries\":true}", BAD_RETRIES },
	{ "{\"retryOnFail\":false,\"maxRetries\":101}", BAD_RETRIES },
	{ "{\"retryOnFail\":0}", BAD_RETRY },
	{ "{\"retryOnFail\":\"true\"}", BAD_RETRY },
	{ "{\"retryOnFail\":{}}", BAD_RETRY },
};

static void bad_options_are_told(void **state)
{
	(void)state;
	assert_members("{\"name\":\"a\",\"type\":\"full\"," DATA
		       ",\"options\":%}",
		       options, TB_ARRAY_LEN(options));
}

static const struct member data[] = {
	{ "1", "data must be an object" },
	{ "[]", "data must be an object" },
	{ "{\"source\":null}", "data.source is required" },
	{ "{\"source\":1}", "data.source must be a string" },
	{ "{\"source\":{}}", "data.source must be a string" },
	{ "{\"source\":\"\"}", "data.source is unknown" },
	{ "{\"source\":\"Shopify\"}", "data.source is unknown" },
	{ "{\"source\":\"shopify\",\"target\":1}",
	  "data.target must be a string" },
	{ "{\"source\":\"shopify\",\"target\":\"\"}",
	  "data.target is unknown" },
	{ "{\"source\":\"shopify\",\"target\":\"elsewhere\"}",
	  "data.target is unknown" },
	{ "{\"source\":\"office\",\"target\":\"shopify\"}",
	  "data.target cannot be written" },
	{ "{\"source\":\"local\",\"target\":\"shopify\"}",
	  "data.target cannot be written" },
	{ "{\"source\":\"branch\",\"target\":\"office\"}",
	  "data.target must be local with this source" },
	{ "{\"source\":\"local\"}",
	  "data.source and data.target must not both be local" },
	{ "{\"source\":\"local\",\"target\":\"local\"}",
	  "data.source and data.target must not both be local" },
	{ "{\"source\":\"shopify\",\"entity\":1}",
	  "data.entity must be a string" },
	{ "{\"source\":\"shopify\",\"entity\":\"\"}",
	  "data.entity is unknown" },
	{ "{\"source\":\"shopify\",\"entity\":\"items\"}",
	  "data.entity is unknown" },
	{ "{\"source\":\"shopify\",\"target\":\"office\",\"entity\":\"items\"}",
	  "data.entity is unknown" },
	{ "{\"source\":\"local\",\"target\":\"office\",\"entity\":\"orders\"}",
	  "data.entity is unknown" },
	{ "{\"source\":\"shopify\",\"filters\":1}",
	  "data.filters must be an object" },
	{ "{\"source\":\"shopify\",\"filters\":[]}",
	  "data.filters must be an object" },
};

static void bad_data_is_told(void **state)
{
	static const struct member needed = { "{\"source\":\"shopify\"}",
					      "data.entity is required" };

	(void)state;
	assert_members("{\"name\":\"a\",\"type\":\"full\",\"data\":%}", data,
		       TB_ARRAY_LEN(data));
	assert_members("{\"name\":\"a\",\"type\":\"entity\",\"data\":%}",
		       &needed, 1);
}

#define BAD_SINCE "data.filters.updatedSince must be a time"
#define BAD_HANDLES                                                            \
	"data.filters.collections must be 1 to 100 strings, none of them "     \
	"empty"
static const struct member filters[] = {
	{ "{\"updatedSince\":1672531200}",
	  "data.filters.updatedSince must be a string" },
	{ "{\"updatedSince\":\"\"}", BAD_SINCE },
	{ "{\"updatedSince\":\"yesterday\"}", BAD_SINCE },
	{ "{\"updatedSince\":\"2023-02-30T00:00:00Z\"}", BAD_SINCE },
	{ "{\"updatedSince\":\"2023-01-01T00:00:00\"}", BAD_SINCE },
	{ "{\"collections\":\"summer\"}",
	  "data.filters.collections must be an array" },
	{ "{\"collections\":{}}", "data.filters.collections must be an array" },
	{ "{\"collections\":[]}", BAD_HANDLES },
	{ "{\"collections\":[1]}", BAD_HANDLES },
	{ "{\"collections\":[\"a\",null]}", BAD_HANDLES },
	{ "{\"collections\":[\"a\",\"\"]}", BAD_HANDLES },
	{ "{\"status\":\"active\"}", "data.filters.status is unknown" },
	{ "{\"updatedsince\":\"2023-01-01T00:00:00Z\"}",
	  "data.filters.updatedsince is unknown" },
	{ "{\"collections\":[\"a\"],\"\":1}", "data.filters. is unknown" },
	{ "{\"a\\u0062\":false}", "data.filters.ab is unknown" },
	/* Cut at a character. */
	{ "{\"" LONG_50 LONG_50 "1\":1}",
	  "data.filters." LONG_50 LONG_50 " is unknown" },
	{ "{\"x" LONG_50 LONG_50 "\":1}",
	  "data.filters.x" LONG_50
	  "1234567890123456789012345678901234567890123456789 is unknown" },
	{ "{\"x" LONG_50 "123456789012345678901234567890123456789012345678"
	  "\xc3\xa9\":1}",
	  "data.filters.x" LONG_50
	  "123456789012345678901234567890123456789012345678 is unknown" },
};

static void bad_filters_are_told(void **state)
{
	static const struct member elsewhere = {
		"\"office\",\"filters\":{\"collections\":[\"a\"]}",
		"data.filters.collections cannot be used with this source"
	};
	static const struct member local = {
		"\"local\",\"target\":\"office\",\"filters\":{\"collections\":"
		"[\"a\"]}",
		"data.filters.collections cannot be used with this source"
	};

	(void)state;
	assert_members("{\"name\":\"a\",\"type\":\"full\",\"data\":{"
		       "\"source\":\"shopify\",\"filters\":%}}",
		       filters, TB_ARRAY_LEN(filters));
	assert_members("{\"name\":\"a\",\"type\":\"full\",\"data\":{"
		       "\"source\":%}}",
		       &elsewhere, 1);
	assert_members("{\"name\":\"a\",\"type\":\"full\",\"data\":{"
		       "\"source\":%}}",
		       &local, 1);
}

/* A body with so many handles. */
static struct tb_buf body_with_handles(size_t n)
{
	struct tb_buf buf;

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_buf_append_z(&buf,
			"{\"name\":\"a\",\"type\":\"full\",\"data\":{\"source\""
			":\"shopify\",\"filters\":{\"collections\":[");
	for (size_t i = 0; i < n; i++)
		tb_buf_printf(&buf, "%s\"h%zu\"", i > 0 ? "," : "", i);
	tb_buf_append_z(&buf, "]}}}");
	return buf;
}

static void there_are_a_hundred_handles_at_most(void **state)
{
	struct tb_buf buf = body_with_handles(TB_SPEC_HANDLES_MAX + 1);
	struct tb_str problem;
	struct tb_spec spec;

	(void)state;
	assert_problem(tb_buf_str(&buf), BAD_HANDLES);
	tb_buf_fini(&buf);
	buf = body_with_handles(TB_SPEC_HANDLES_MAX);
	assert_int_equal(decode(tb_buf_str(&buf), &spec, &problem), TB_OK);
	assert_int_equal(spec.n_handles, TB_SPEC_HANDLES_MAX);
	assert_text(spec.handles[99], "h99");
	tb_buf_fini(&buf);
}

static const struct member schedules[] = {
	{ "1", "schedule must be an object" },
	{ "\"daily\"", "schedule must be an object" },
	{ "{}", "schedule.startAt or schedule.repeat is required" },
	{ "{\"startAt\":1}", "schedule.startAt must be a string" },
	{ "{\"startAt\":\"soon\"}", "schedule.startAt must be a time" },
	{ "{\"repeat\":1}", "schedule.repeat must be a string" },
	{ "{\"repeat\":\"sometimes\"}",
	  "schedule.repeat must be one of hourly, daily, weekly, monthly, or a "
	  "cron line of five fields" },
	{ "{\"repeat\":\"daily\",\"time\":800}",
	  "schedule.time must be a string" },
	{ "{\"repeat\":\"daily\",\"time\":\"8:00\"}",
	  "schedule.time must be HH:MM" },
	{ "{\"repeat\":\"0 8 * * *\",\"time\":\"08:00\"}",
	  "schedule.time cannot be used with a cron line" },
	{ "{\"repeat\":\"daily\",\"timezone\":1}",
	  "schedule.timezone must be a string" },
	{ "{\"repeat\":\"daily\",\"timezone\":\"Nowhere\"}",
	  "schedule.timezone is unknown" },
	{ "{\"repeat\":\"daily\",\"missed\":true}",
	  "schedule.missed must be a string" },
	{ "{\"repeat\":\"daily\",\"missed\":\"never\"}",
	  "schedule.missed must be one of run_once, skip" },
	{ "{\"repeat\":\"daily\",\"mode\":1}",
	  "schedule.mode must be a string" },
	{ "{\"repeat\":\"daily\",\"mode\":\"delta\"}",
	  "schedule.mode must be one of full, incremental" },
	{ "{\"repeat\":\"0 0 30 2 *\"}", "schedule never occurs" },
};

static void a_bad_schedule_is_told(void **state)
{
	(void)state;
	assert_members("{\"name\":\"a\",\"type\":\"scheduled\"," DATA
		       ",\"schedule\":%}",
		       schedules, TB_ARRAY_LEN(schedules));
}

static void sources_of_other_orgs_are_unknown(void **state)
{
	const struct tb_spec_context context = {
		.sources = &test_sources,
		.org = TB_STR("east"),
		.default_timezone = TB_STR("UTC"),
	};
	struct tb_str problem = TB_STR_NONE;
	struct tb_spec spec;

	(void)state;
	assert_int_equal(
		tb_spec_decode(arena,
			       TB_STR("{\"name\":\"a\",\"type\":\"full\","
				      "\"data\":{\"source\":\"office\"}}"),
			       &context, &spec, &problem),
		TB_ERR_INVALID);
	assert_text(problem, "data.source is unknown");
}

/* Room that is not there is no fault of the body's. */
static void a_full_arena_is_told(void **state)
{
	struct tb_buf buf = body_with_handles(TB_SPEC_HANDLES_MAX);
	struct tb_arena *small = tb_arena_create(4096);
	const struct tb_spec_context context = { .sources = &test_sources };
	struct tb_str problem;
	struct tb_spec spec;

	(void)state;
	assert_non_null(small);
	assert_int_equal(tb_spec_decode(small, tb_buf_str(&buf), &context,
					&spec, &problem),
			 TB_ERR_TOO_LARGE);
	tb_arena_destroy(small);
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_has_what_was_asked_for),
		cmocka_unit_test(what_is_not_said_is_the_default),
		cmocka_unit_test(a_priority_is_a_word_or_a_number),
		cmocka_unit_test(retries_can_be_switched_off),
		cmocka_unit_test(
			entities_are_those_of_the_source_or_of_the_target),
		cmocka_unit_test(a_name_is_of_any_script),
		cmocka_unit_test(a_schedule_has_its_words_and_its_defaults),
		cmocka_unit_test(an_incremental_job_is_incremental),
		cmocka_unit_test(a_body_that_is_none_is_told),
		cmocka_unit_test(a_body_that_is_nested_too_deeply_is_no_json),
		cmocka_unit_test(a_bad_name_is_told),
		cmocka_unit_test(a_bad_type_or_priority_is_told),
		cmocka_unit_test(bad_options_are_told),
		cmocka_unit_test(bad_data_is_told),
		cmocka_unit_test(bad_filters_are_told),
		cmocka_unit_test(there_are_a_hundred_handles_at_most),
		cmocka_unit_test(a_bad_schedule_is_told),
		cmocka_unit_test(sources_of_other_orgs_are_unknown),
		cmocka_unit_test(a_full_arena_is_told),
	};
	return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
