#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/assert.h"
#include "http/method.h"
#include "http/route.h"

static const struct tb_route v5_routes[] = {
	{ .method = TB_GET, .path = "/queue" },
	{ .method = TB_POST, .path = "/queue" },
	{ .method = TB_GET, .path = "/items/{id}" },
	{ .method = TB_HEAD, .path = "/items/{id}" },
	{ .method = TB_GET, .path = "/items/{id}/parts/{part}/" },
	{ .method = TB_GET, .path = "/items/new" },
	{ .method = TB_PUT, .path = "" },
};
static const char *const v5_prefixes[] = { "/sync/v5", "/api/sync/v5", NULL };
static const struct tb_api v5 = { .name = "v5",
				  .prefixes = v5_prefixes,
				  .routes = v5_routes,
				  .n_routes = TB_ARRAY_LEN(v5_routes) };

static const struct tb_route push_routes[] = {
	{ .method = TB_POST, .path = "/push" },
	{ .method = TB_GET, .path = "/both" },
};
static const struct tb_route pause_routes[] = {
	{ .method = TB_GET, .path = "/pause/{name}", .changes_state = true },
	{ .method = TB_DELETE, .path = "/both" },
	{ .method = TB_GET, .path = "" },
};
static const char *const sync_prefixes[] = { "/sync", NULL };
static const struct tb_api push = { .name = "push",
				    .prefixes = sync_prefixes,
				    .routes = push_routes,
				    .n_routes = TB_ARRAY_LEN(push_routes) };
static const struct tb_api pause = { .name = "pause",
				     .prefixes = sync_prefixes,
				     .routes = pause_routes,
				     .n_routes = TB_ARRAY_LEN(pause_routes) };

static const struct tb_route rest_routes[] = {
	{ .method = TB_GET, .path = "/{list}/" },
	{ .method = TB_POST, .path = "/{list}/" },
	{ .method = TB_PUT, .path = "/{list}/{id}/" },
	{ .method = TB_GET, .path = "/{list}/sync/" },
	{ .method = TB_GET, .path = "/fixed/{id}/" },
	{ .method = TB_HEAD, .path = "/{list}/{id}/" },
};
static const struct tb_route login_routes[] = {
	{ .method = TB_POST, .path = "/login", .prefix = "/api" },
	{ .method = TB_HEAD, .path = "/{name}" },
	{ .method = TB_GET, .path = "/door", .prefix = "/house" },
};
static const char *const rest_prefixes[] = { "/api", NULL };
static const char *const login_prefixes[] = { "/api", "/house", NULL };
static const struct tb_api rest = { .name = "rest",
				    .prefixes = rest_prefixes,
				    .routes = rest_routes,
				    .n_routes = TB_ARRAY_LEN(rest_routes) };
static const struct tb_api login = { .name = "login",
				     .prefixes = login_prefixes,
				     .routes = login_routes,
				     .n_routes = TB_ARRAY_LEN(login_routes) };

static const struct tb_route root_routes[] = {
	{ .method = TB_GET, .path = "/" },
	{ .method = TB_GET, .path = "/{page}" },
};
static const char *const root_prefixes[] = { "", NULL };
static const struct tb_api root = { .name = "root",
				    .prefixes = root_prefixes,
				    .routes = root_routes,
				    .n_routes = TB_ARRAY_LEN(root_routes) };

static const struct tb_mount mounts[] = {
	{ &push, NULL }, { &v5, NULL },   { &pause, NULL },
	{ &root, NULL }, { &rest, NULL }, { &login, NULL },
};

static struct tb_arena *arena;

static struct tb_match_result find(enum tb_method method, const char *path)
{
	struct tb_match_result match;

	assert_int_equal(tb_route_find(mounts, TB_ARRAY_LEN(mounts), method,
				       tb_str_z(path), arena, &match),
			 TB_OK);
	return match;
}

static void assert_route(enum tb_method method, const char *path,
			 const struct tb_route *expected)
{
	struct tb_match_result match = find(method, path);

	assert_int_equal(match.match, TB_MATCH_ROUTE);
	assert_ptr_equal(match.route, expected);
}

static void a_route_is_found_below_each_prefix(void **state)
{
	(void)state;
	assert_route(TB_GET, "/sync/v5/queue", &v5_routes[0]);
	assert_route(TB_POST, "/api/sync/v5/queue", &v5_routes[1]);
	assert_route(TB_PUT, "/sync/v5", &v5_routes[6]);
	assert_route(TB_GET, "/", &root_routes[0]);
}

static void captures_take_one_segment_each(void **state)
{
	struct tb_match_result match;

	(void)state;
	match = find(TB_GET, "/sync/v5/items/a%20b+c/parts/7/");
	assert_ptr_equal(match.route, &v5_routes[4]);
	assert_true(tb_str_eq(match.params[0], TB_STR("a b+c")));
	assert_true(tb_str_eq(match.params[1], TB_STR("7")));
	assert_null(match.params[2].p);
	assert_int_equal(find(TB_GET, "/sync/v5/items/").match, TB_MATCH_PATH);
	assert_int_equal(find(TB_GET, "/sync/v5/items/a/b").match,
			 TB_MATCH_PATH);
}

static void an_escaped_slash_stays_in_its_segment(void **state)
{
	struct tb_match_result match = find(TB_GET, "/sync/v5/items/a%2Fb");

	(void)state;
	assert_ptr_equal(match.route, &v5_routes[2]);
	assert_true(tb_str_eq(match.params[0], TB_STR("a/b")));
}

static void a_literal_segment_goes_before_a_capture(void **state)
{
	(void)state;
	assert_route(TB_GET, "/sync/v5/items/new", &v5_routes[5]);
	assert_route(TB_GET, "/sync/v5/items/news", &v5_routes[2]);
	assert_route(TB_GET, "/api/x/sync/", &rest_routes[3]);
	assert_route(TB_PUT, "/api/x/synced/", &rest_routes[2]);
	/* Segment by segment, so the first one counts most. */
	assert_route(TB_GET, "/api/fixed/sync/", &rest_routes[4]);
}

static void a_route_of_one_prefix_is_below_no_other(void **state)
{
	(void)state;
	assert_route(TB_POST, "/api/login", &login_routes[0]);
	assert_route(TB_GET, "/house/door", &login_routes[2]);
	assert_int_equal(find(TB_POST, "/house/login").match, TB_MATCH_METHOD);
	assert_route(TB_GET, "/api/door", &rest_routes[0]);
	/* One without is below each. */
	assert_route(TB_HEAD, "/house/window", &login_routes[1]);
}

static void a_path_of_a_literal_knows_its_methods_alone(void **state)
{
	struct tb_match_result match = find(TB_PUT, "/api/x/sync/");

	(void)state;
	assert_int_equal(match.match, TB_MATCH_METHOD);
	assert_null(match.route);
	assert_null(match.params[0].p);
	assert_int_equal(match.methods,
			 tb_method_bit(TB_GET) | tb_method_bit(TB_HEAD));
	assert_route(TB_HEAD, "/api/x/sync", &rest_routes[3]);
}

static void a_literal_of_another_api_goes_before_a_capture(void **state)
{
	struct tb_match_result match;

	(void)state;
	assert_route(TB_POST, "/api/login", &login_routes[0]);
	match = find(TB_GET, "/api/login");
	assert_int_equal(match.match, TB_MATCH_METHOD);
	assert_ptr_equal(match.mount->api, &login);
	assert_int_equal(match.methods, tb_method_bit(TB_POST));
	/* With the slash it is none of that route's. */
	match = find(TB_GET, "/api/login/");
	assert_ptr_equal(match.route, &rest_routes[0]);
	assert_ptr_equal(match.mount->api, &rest);
	/* What is as specific is added up, HEAD before GET as in one API. */
	match = find(TB_HEAD, "/api/lists");
	assert_ptr_equal(match.route, &login_routes[1]);
	assert_ptr_equal(match.mount->api, &login);
	assert_true(tb_str_eq(match.params[0], TB_STR("lists")));
	assert_int_equal(find(TB_PUT, "/api/lists").methods,
			 tb_method_bit(TB_GET) | tb_method_bit(TB_HEAD) |
				 tb_method_bit(TB_POST));
}

static void head_is_get_unless_there_is_one(void **state)
{
	(void)state;
	assert_route(TB_HEAD, "/sync/v5/queue", &v5_routes[0]);
	assert_route(TB_HEAD, "/sync/v5/items/1", &v5_routes[3]);
	assert_route(TB_GET, "/sync/v5/items/1", &v5_routes[2]);
}

static void head_is_no_get_that_changes_something(void **state)
{
	struct tb_match_result match = find(TB_HEAD, "/sync/pause/x");

	(void)state;
	assert_int_equal(match.match, TB_MATCH_METHOD);
	assert_ptr_equal(match.mount->api, &pause);
	assert_int_equal(match.methods, tb_method_bit(TB_GET));
	assert_int_equal(find(TB_PUT, "/sync/pause/x").methods,
			 tb_method_bit(TB_GET));
}

static void a_slash_at_the_end_may_be_missing(void **state)
{
	struct tb_match_result match = find(TB_POST, "/api/lists");

	(void)state;
	assert_ptr_equal(match.route, &rest_routes[1]);
	assert_true(tb_str_eq(match.params[0], TB_STR("lists")));
	assert_route(TB_POST, "/api/lists/", &rest_routes[1]);
	assert_route(TB_GET, "/sync/v5/items/a/parts/7", &v5_routes[4]);
	assert_int_equal(find(TB_GET, "/sync/v5/items/a/parts").match,
			 TB_MATCH_PATH);
	assert_int_equal(find(TB_GET, "/sync/v5/items/a/parts/7//").match,
			 TB_MATCH_PATH);
}

static void other_slashes_count(void **state)
{
	(void)state;
	assert_int_equal(find(TB_GET, "/sync/v5/queue/").match, TB_MATCH_PATH);
	assert_int_equal(find(TB_GET, "/sync/v5//queue").match, TB_MATCH_PATH);
	assert_int_equal(find(TB_PUT, "/sync/v5/").match, TB_MATCH_PATH);
}

static void another_method_is_told_which_there_are(void **state)
{
	struct tb_match_result match = find(TB_DELETE, "/sync/v5/queue");

	(void)state;
	assert_int_equal(match.match, TB_MATCH_METHOD);
	assert_ptr_equal(match.mount->api, &v5);
	assert_int_equal(match.methods, tb_method_bit(TB_GET) |
						tb_method_bit(TB_HEAD) |
						tb_method_bit(TB_POST));
	assert_int_equal(find(TB_METHOD_COUNT, "/sync/v5/queue").match,
			 TB_MATCH_METHOD);
}

static void the_longest_prefix_decides_whose_path_it_is(void **state)
{
	struct tb_match_result match = find(TB_GET, "/sync/v5/nope");

	(void)state;
	assert_int_equal(match.match, TB_MATCH_PATH);
	assert_ptr_equal(match.mount->api, &v5);
	match = find(TB_GET, "/sync/v50");
	assert_ptr_equal(match.mount->api, &push);
	match = find(TB_GET, "/synchronous/x");
	assert_ptr_equal(match.mount->api, &root);
}

static void two_apis_may_share_a_prefix(void **state)
{
	struct tb_match_result match;

	(void)state;
	assert_route(TB_POST, "/sync/push", &push_routes[0]);
	assert_route(TB_GET, "/sync/pause/x", &pause_routes[0]);
	assert_route(TB_GET, "/sync", &pause_routes[2]);
	assert_route(TB_GET, "/sync/both", &push_routes[1]);
	assert_route(TB_DELETE, "/sync/both", &pause_routes[1]);
	match = find(TB_PUT, "/sync/both");
	assert_int_equal(match.match, TB_MATCH_METHOD);
	assert_int_equal(match.methods, tb_method_bit(TB_GET) |
						tb_method_bit(TB_HEAD) |
						tb_method_bit(TB_DELETE));
	match = find(TB_GET, "/sync/nope");
	assert_int_equal(match.match, TB_MATCH_PATH);
	assert_ptr_equal(match.mount->api, &push);
}

static void a_path_below_no_prefix_is_nobodys(void **state)
{
	struct tb_match_result match;

	(void)state;
	assert_int_equal(
		tb_route_find(mounts, 3, TB_GET, TB_STR("/x"), arena, &match),
		TB_OK);
	assert_int_equal(match.match, TB_MATCH_NONE);
	assert_null(match.mount);
	assert_int_equal(
		tb_route_find(NULL, 0, TB_GET, TB_STR("/x"), arena, &match),
		TB_OK);
	assert_int_equal(match.match, TB_MATCH_NONE);
}

static void a_capture_that_is_no_text_is_refused(void **state)
{
	static const char *const paths[] = {
		"/sync/v5/items/%",      "/sync/v5/items/%zz",
		"/sync/v5/items/%00",    "/sync/v5/items/%ff",
		"/sync/v5/items/%C0%80", "/sync/v5/items/a/parts/%x/",
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(paths); i++) {
		struct tb_match_result match = find(TB_GET, paths[i]);

		assert_int_equal(match.match, TB_MATCH_NO_TEXT);
		assert_ptr_equal(match.mount->api, &v5);
		assert_null(match.route);
		assert_null(match.params[0].p);
	}
}

static int set_up(void **state)
{
	(void)state;
	arena = tb_arena_create(1 << 16);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_found_below_each_prefix),
		cmocka_unit_test(captures_take_one_segment_each),
		cmocka_unit_test(an_escaped_slash_stays_in_its_segment),
		cmocka_unit_test(a_literal_segment_goes_before_a_capture),
		cmocka_unit_test(a_route_of_one_prefix_is_below_no_other),
		cmocka_unit_test(a_path_of_a_literal_knows_its_methods_alone),
		cmocka_unit_test(
			a_literal_of_another_api_goes_before_a_capture),
		cmocka_unit_test(head_is_get_unless_there_is_one),
		cmocka_unit_test(head_is_no_get_that_changes_something),
		cmocka_unit_test(a_slash_at_the_end_may_be_missing),
		cmocka_unit_test(other_slashes_count),
		cmocka_unit_test(another_method_is_told_which_there_are),
		cmocka_unit_test(the_longest_prefix_decides_whose_path_it_is),
		cmocka_unit_test(two_apis_may_share_a_prefix),
		cmocka_unit_test(a_path_below_no_prefix_is_nobodys),
		cmocka_unit_test(a_capture_that_is_no_text_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
