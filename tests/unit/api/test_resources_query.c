/*
 * What a download is asked for: each parameter's forms, and the words for those
 * that are none. And cursors, which have one form only.
 */
#include "resources_fixture.h"

#include "api/resources/query.h"

#define LATEST_US 1700000000000000ll

static const struct tb_collection stock = {
	.name = S("stock"),
	FIELDS(stock_fields),
	FILTERS(stock_filters),
};
static const struct tb_field kinds[] = {
	{ .name = S("text"), .type = TB_FIELD_TEXT },
	{ .name = S("count"), .type = TB_FIELD_INTEGER },
	{ .name = S("price"), .type = TB_FIELD_DECIMAL },
	{ .name = S("open"), .type = TB_FIELD_BOOLEAN },
	{ .name = S("state"),
	  .type = TB_FIELD_ENUM,
	  .values = states,
	  .n_values = 2 },
	{ .name = S("at"), .type = TB_FIELD_DATETIME },
	{ .name = S("day"), .type = TB_FIELD_DATE },
};
static const struct tb_filter kind_filters[] = {
	{ .field = S("text") },  { .field = S("count") },
	{ .field = S("price") }, { .field = S("open") },
	{ .field = S("state") }, { .field = S("at") },
	{ .field = S("day") },
};
static const struct tb_collection sorts[] = {
	{ .name = S("sorts"), FIELDS(kinds), FILTERS(kind_filters) },
	{ .name = S("pharmacies"), .id_type = TB_ID_INTEGER },
};
static const struct tb_declaration declaration = { .collections = sorts,
						   .n_collections = 2 };

struct reading {
	struct tb_arena *arena;
	struct tb_resources_query query;
	struct tb_resources_flaw flaw;
};

static int setup(void **state)
{
	static struct reading r;

	r = (struct reading) { .arena = tb_arena_create(1 << 20) };
	MUST(tb_digest_init());
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct reading *r = *state;

	tb_arena_destroy(r->arena);
	return 0;
}

static enum tb_err read_of(struct reading *r,
			   const struct tb_collection *collection,
			   const char *query)
{
	struct tb_resources_query_limits limits = {
		.collection = collection,
		.declaration = &declaration,
		.page_max = 100,
		.latest_us = LATEST_US,
	};
	struct tb_request req = { .query = tb_str_z(query), .arena = r->arena };

	return tb_resources_query_read(&req, &limits, &r->query, &r->flaw);
}

static void assert_flaw(struct reading *r, const char *query, const char *name,
			const char *message)
{
	assert_int_equal(read_of(r, &sorts[0], query), TB_ERR_INVALID);
	assert_true(tb_str_eq(r->flaw.name, tb_str_z(name)));
	if (!tb_str_eq(r->flaw.message, tb_str_z(message)))
		fail_msg("%s: %.*s", query, TB_STR_ARG(r->flaw.message));
}

static void test_nothing_asked_is_everything(void **state)
{
	static const char *const queries[] = {
		NULL,
		"",
		"last_sync_timestamp=&limit=&after=&deleted=&count=",
		"other=1&limits=2",
	};
	struct reading *r = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(queries); i++) {
		MUST(read_of(r, &sorts[0], queries[i]));
		assert_false(r->query.has_since || r->query.has_after ||
			     r->query.with_deleted);
		assert_int_equal(r->query.limit, 0);
		assert_null(r->query.filters[1].p);
	}
}

static void assert_since(struct reading *r, const char *text, int64_t us)
{
	struct tb_str query;

	MUST(tb_arena_printf(r->arena, &query, "last_sync_timestamp=%s", text));
	MUST(read_of(r, &sorts[0], query.p));
	assert_true(r->query.has_since);
	assert_int_equal(r->query.since_us, us);
}

static void test_times_have_a_zone(void **state)
{
	struct reading *r = *state;

	assert_since(r, "2023-11-14T22:13:20Z", LATEST_US);
	assert_since(r, "2023-11-14T22:13:19.123456Z", LATEST_US - 876544);
	assert_since(r, "2023-11-14%2022:13:20%2B00:00", LATEST_US);
	/* A plus that was not escaped is a space. */
	assert_since(r, "2023-11-15T03:43:20+05:30", LATEST_US);
	assert_since(r, "2023-11-15+03:43:20+0530", LATEST_US);
	assert_since(r, "2023-11-14T20:13:20-02", LATEST_US);
}

#define BAD_TIME(text)                                                         \
	"Invalid timestamp format. Use ISO 8601 format. Error: time data "     \
	"'" text "' does not match format '%Y-%m-%d'"

static void test_what_is_no_time_is_told_as_clients_know_it(void **state)
{
	static const char *const texts[][2] = {
		{ "2024-01-20", BAD_TIME("2024-01-20") },
		{ "2024-01-20T10:00:00", BAD_TIME("2024-01-20T10:00:00") },
		{ "2024-01-20+10:00:00", BAD_TIME("2024-01-20 10:00:00") },
		{ "2024-01-20T10:00:60Z", BAD_TIME("2024-01-20T10:00:60Z") },
		{ "10000-01-20T10:00:00Z", BAD_TIME("10000-01-20T10:00:00Z") },
		{ "x", BAD_TIME("x") },
		{ "%zz", BAD_TIME("%zz") },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++) {
		struct tb_str query;

		MUST(tb_arena_printf(r->arena, &query, "last_sync_timestamp=%s",
				     texts[i][0]));
		assert_flaw(r, query.p, "last_sync_timestamp", texts[i][1]);
	}
}

static void test_the_future_is_refused(void **state)
{
	struct reading *r = *state;

	assert_flaw(r, "last_sync_timestamp=2023-11-14T22:13:20.000001Z",
		    "last_sync_timestamp",
		    "Sync timestamp cannot be in the future.");
}

static void test_limits_are_positive_and_bounded(void **state)
{
	static const char *const bad[] = { "limit=0", "limit=-1", "limit=x",
					   "limit=1.5", "limit=%00" };
	struct reading *r = *state;

	MUST(read_of(r, &sorts[0], "limit=7"));
	assert_int_equal(r->query.limit, 7);
	MUST(read_of(r, &sorts[0], "limit=101"));
	assert_int_equal(r->query.limit, 100);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_flaw(r, bad[i], "limit", "A valid integer is required.");
}

static void test_who_goes_on_gets_pages(void **state)
{
	struct reading *r = *state;

	MUST(read_of(r, &sorts[0], "after=00000000000000ff-12"));
	assert_true(r->query.has_after);
	assert_int_equal(r->query.after.epoch, 255);
	assert_int_equal(r->query.after.num, 12);
	assert_int_equal(r->query.limit, 100);
	assert_flaw(r, "after=12", "after", "Invalid cursor.");
}

static void test_filters_have_the_types_of_their_fields(void **state)
{
	struct reading *r = *state;

	MUST(read_of(r, &sorts[0],
		     "text=a+b&count=-07&price=1.50&open=True&state=DONE"));
	assert_true(tb_str_eq(r->query.filters[0], TB_STR("a b")));
	assert_true(tb_str_eq(r->query.filters[1], TB_STR("-7")));
	assert_true(tb_str_eq(r->query.filters[2], TB_STR("1.50")));
	assert_true(tb_str_eq(r->query.filters[3], TB_STR("true")));
	assert_true(tb_str_eq(r->query.filters[4], TB_STR("DONE")));
	assert_flaw(r, "count=1e3", "count", "A valid integer is required.");
	assert_flaw(r, "price=.", "price", "A valid number is required.");
	assert_flaw(r, "open=2", "open", "Must be a valid boolean.");
	assert_flaw(r, "state=zzz", "state", "\"zzz\" is not a valid choice.");
	assert_flaw(r, "day=2026-02-30", "day",
		    "Date has wrong format. Use one of these formats instead: "
		    "YYYY-MM-DD.");
	assert_flaw(r, "at=2026-02-01", "at",
		    "Datetime has wrong format. Use one of these formats "
		    "instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]]"
		    "[+HH:MM|-HH:MM|Z].");
	MUST(read_of(r, &sorts[0],
		     "day=2026-02-28&at=2026-02-01T10:00:00+01:00"
		     "&limit=9223372036854775807"));
	assert_true(tb_str_eq(r->query.filters[5],
			      TB_STR("2026-02-01T10:00:00+01:00")));
	assert_true(tb_str_eq(r->query.filters[6], TB_STR("2026-02-28")));
	assert_flaw(r, "limit=9223372036854775808", "limit",
		    "A valid integer is required.");
	assert_flaw(r, "deleted=maybe", "deleted", "Must be a valid boolean.");
	MUST(read_of(r, &stock, "pharmacy_id=5"));
	assert_true(tb_str_eq(r->query.filters[0], TB_STR("5")));
	assert_int_equal(read_of(r, &stock, "pharmacy_id=x"), TB_ERR_INVALID);
}

/* ---- cursors ---- */

static void test_a_cursor_is_read_as_it_is_written(void **state)
{
	static const struct tb_resources_cursor cursors[] = {
		{ .epoch = 0, .num = 0 },
		{ .epoch = 1, .num = 2, .began = 3 },
		{ .epoch = UINT64_MAX, .num = UINT64_MAX, .began = UINT64_MAX },
	};
	char text[TB_RESOURCES_CURSOR_MAX_BYTES];
	struct tb_resources_cursor read;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(cursors); i++) {
		MUST(tb_resources_cursor_parse(
			tb_resources_cursor_text(&cursors[i], text), &read));
		assert_memory_equal(&read, &cursors[i], sizeof(read));
	}
}

static void test_a_cursor_has_one_form_only(void **state)
{
	static const char *const texts[] = {
		"",
		"-",
		"0000000000000000",
		"0000000000000000-",
		"000000000000000-1",
		"00000000000000000-1",
		"000000000000000A-1",
		"000000000000000g-1",
		"0000000000000000-01",
		"0000000000000000-1-",
		"0000000000000000-1-0",
		"0000000000000000-1-2-3",
		"0000000000000000-1 ",
		"0000000000000000-18446744073709551616",
	};
	struct tb_resources_cursor read;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		if (tb_resources_cursor_parse(tb_str_z(texts[i]), &read) !=
		    TB_ERR_INVALID)
			fail_msg("%s", texts[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_asked_is_everything),
		TEST(test_times_have_a_zone),
		TEST(test_what_is_no_time_is_told_as_clients_know_it),
		TEST(test_the_future_is_refused),
		TEST(test_limits_are_positive_and_bounded),
		TEST(test_who_goes_on_gets_pages),
		TEST(test_filters_have_the_types_of_their_fields),
		TEST(test_a_cursor_is_read_as_it_is_written),
		TEST(test_a_cursor_has_one_form_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
