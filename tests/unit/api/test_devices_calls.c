/*
 * Calls of the devices API without a socket: long answers in pieces, and what
 * becomes of a call when each allocation, and each call of the store, fails
 * once: the answer is an error or the right one, and asking again gives the
 * right one.
 */
#include "../kernel/inline_core.h"

#include "api/devices/devices.h"
#include "api/devices/handlers.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"
#include "http/source.h"

#define CALLS_MAX 5000
#define TEXT_MAX_BYTES ((size_t)16 << 20)
#define PROBLEM_MAX_BYTES 256
#define PIECE_BYTES ((size_t)256 << 10)

struct world {
	struct inline_core ic;
	struct tb_devices_options options;
	struct tb_devices *devices;
	struct tb_arena *arena; /* of the requests */
	uint32_t org;
	struct tb_request req;
	struct tb_response res;
};

static enum tb_err make_devices(struct world *w, struct tb_buf *problem)
{
	struct tb_api_env env = { .core = w->ic.core,
				  .options = &w->options,
				  .listen = "127.0.0.1:0",
				  .data = "/tmp",
				  .problem = problem };

	return tb_devices_create(&env, &w->devices);
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world) { .options = tb_devices_default_options };
	inline_core_init(&w.ic);
	w.org = inline_core_add_org(&w.ic, "shops");
	w.options.auth = TB_DEVICES_OPEN;
	w.arena = tb_arena_create((size_t)256 << 20);
	assert_non_null(w.arena);
	MUST(make_devices(&w, NULL));
	/* No thread of its reads the store beside a call, whose own calls are
	 * counted. */
	tb_devices_module.quiesce(w.devices);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	tb_response_empty(&w->res, 0);
	tb_devices_destroy(w->devices);
	tb_arena_destroy(w->arena);
	inline_core_fini(&w->ic);
	return 0;
}

/* ---- calls ---- */

struct call {
	tb_handler_fn *handler;
	const char *query; /* NULL: none */
	const char *body;  /* NULL: none */
};

static void ask(struct world *w, const struct call *call)
{
	tb_response_empty(&w->res, 0);
	tb_arena_reset(w->arena);
	w->ic.now_us += 1000;
	w->res = (struct tb_response) { .arena = w->arena };
	w->req = (struct tb_request) {
		.method = call->body ? TB_POST : TB_GET,
		.path = TB_STR("/sync/x"),
		.query = tb_str_z(call->query),
		.route = TB_STR("/x"),
		.body = tb_str_z(call->body),
		.address = TB_STR("192.0.2.1"),
		.id = TB_STR("request"),
		.now_us = w->ic.now_us,
		.api = &tb_devices_api,
		.arena = w->arena,
	};
	call->handler(w->devices, &w->req, &w->res);
}

/* What the server would send; in the requests' arena. `*ret_longest` is the
 * longest piece, `*ret_n` how many there were. */
static struct tb_str read_body(struct world *w, size_t *ret_longest,
			       size_t *ret_n)
{
	struct tb_source *source = w->res.source;
	struct tb_piece piece = { .plain = NULL };
	struct tb_str text;
	struct tb_buf all;

	*ret_longest = *ret_n = 0;
	if (!source)
		return tb_buf_str(&w->res.body);
	tb_buf_init(&all, TEXT_MAX_BYTES);
	for (;;) {
		size_t n;

		if (!source->ops->find(source, &piece))
			MUST(source->ops->make(source, &piece));
		if (!piece.plain)
			break;
		n = tb_blob_str(piece.plain).n;
		assert_true(n > 0);
		*ret_longest = n > *ret_longest ? n : *ret_longest;
		++*ret_n;
		tb_buf_append_str(&all, tb_blob_str(piece.plain));
		tb_piece_release(&piece);
	}
	MUST(tb_buf_copy_out(&all, w->arena, &text));
	return text;
}

static struct tb_str body(struct world *w)
{
	size_t longest, n;

	return read_body(w, &longest, &n);
}

static void assert_body(struct world *w, unsigned status, const char *expected)
{
	struct tb_str text = body(w);

	assert_int_equal(w->res.status, status);
	assert_int_equal(text.n, strlen(expected));
	assert_memory_equal(text.p, expected, text.n);
}

/* Pushes so many events of a device, each of `bytes` and some more. */
static void push(struct world *w, const char *device, size_t n, size_t bytes)
{
	struct tb_str text;
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	for (size_t i = 0; i < n; i++) {
		tb_buf_append_z(&buf, i ? "," : "[");
		tb_buf_printf(&buf,
			      "{\"event_type\":\"t\",\"device_id\":\"%s\","
			      "\"payload\":\"%0*d\"}",
			      device, (int)bytes, (int)i);
	}
	tb_buf_append_z(&buf, "]");
	MUST(tb_buf_copy_out(&buf, w->ic.arena, &text));
	ask(w, &(struct call) { tb_devices_post_push, NULL, text.p });
	assert_int_equal(w->res.status, 200);
}

static struct tb_json_value parse(struct world *w, struct tb_str text)
{
	static struct tb_json json;

	MUST(tb_json_parse(w->arena, text, NULL, &json, NULL));
	return tb_json_root(&json);
}

/* The ids of a list of events go from `first` to `last` in equal steps. */
static void assert_ids(struct tb_json_value list, int64_t first, int64_t last,
		       int64_t step)
{
	struct tb_json_iter it = tb_json_iter(list);
	int64_t expected = first;

	while (tb_json_next(&it)) {
		int64_t id;

		MUST(tb_json_i64(tb_json_get(it.value, TB_STR("id")), &id));
		assert_int_equal(id, expected);
		expected += step;
	}
	assert_int_equal(expected, last + step);
}

/* ---- long answers ---- */

static const struct call pull_b = { tb_devices_get_pull, "device_id=b", NULL };

static void a_long_pull_is_sent_in_pieces_up_to_its_beginnings_end(void **state)
{
	struct world *w = *state;
	size_t longest, n;
	struct tb_source *source;
	struct tb_response later;
	struct tb_arena *arena = w->arena;
	struct tb_json_value root;

	push(w, "a", 1000, 1000);
	push(w, "b", 3, 10);
	push(w, "a", 500, 1000);
	ask(w, &pull_b);
	assert_int_equal(w->res.status, 200);
	assert_non_null(w->res.source);
	assert_true(w->res.source_bytes == TB_LENGTH_UNKNOWN);
	/* What comes while it is sent is not in it. */
	source = w->res.source;
	later = w->res;
	w->res = (struct tb_response) { .status = 0 };
	w->arena = tb_arena_create((size_t)64 << 20);
	assert_non_null(w->arena);
	push(w, "a", 2, 10);
	tb_response_empty(&w->res, 0);
	tb_arena_destroy(w->arena);
	w->arena = arena;
	w->res = later;
	assert_ptr_equal(w->res.source, source);
	root = parse(w, read_body(w, &longest, &n));
	assert_true(n >= 5);
	assert_true(longest < 2 * PIECE_BYTES);
	assert_int_equal(tb_json_count(tb_json_get(root, TB_STR("events"))),
			 1500);
	assert_int_equal(tb_json_count(root), 1);
}

static void a_page_says_whether_there_is_more_and_where_it_goes_on(void **state)
{
	struct world *w = *state;
	struct tb_json_value root;

	push(w, "a", 7, 10);
	ask(w, &(struct call) { tb_devices_get_pull, "device_id=b&limit=3",
				NULL });
	root = parse(w, body(w));
	assert_ids(tb_json_get(root, TB_STR("events")), 1, 3, 1);
	assert_true(tb_json_is(tb_json_get(root, TB_STR("has_more")),
			       TB_JSON_TRUE));
	assert_true(tb_str_eq(tb_json_raw(tb_json_get(root, TB_STR("next"))),
			      TB_STR("3")));
	ask(w, &(struct call) { tb_devices_get_pull,
				"device_id=b&limit=4&after=3", NULL });
	root = parse(w, body(w));
	assert_ids(tb_json_get(root, TB_STR("events")), 4, 7, 1);
	assert_true(tb_json_is(tb_json_get(root, TB_STR("has_more")),
			       TB_JSON_FALSE));
	ask(w, &(struct call) { tb_devices_get_pull,
				"device_id=b&limit=4&after=99", NULL });
	assert_body(w, 200, "{\"events\":[],\"has_more\":false,\"next\":7}");
}

static void a_large_page_is_sent_in_pieces_too(void **state)
{
	struct world *w = *state;
	struct tb_json_value root;
	size_t longest, n;

	push(w, "a", 1000, 900);
	ask(w, &(struct call) { tb_devices_get_pull, "device_id=b&limit=900",
				NULL });
	root = parse(w, read_body(w, &longest, &n));
	assert_true(n >= 3 && longest < 2 * PIECE_BYTES);
	assert_ids(tb_json_get(root, TB_STR("events")), 1, 900, 1);
	assert_true(tb_json_is(tb_json_get(root, TB_STR("has_more")),
			       TB_JSON_TRUE));
}

static void a_long_history_is_newest_first(void **state)
{
	struct world *w = *state;
	struct tb_json_value root;
	size_t longest, n;

	push(w, "a", 1000, 700);
	push(w, "a", 1000, 700);
	ask(w, &(struct call) { tb_devices_get_status, "device_id=a&limit=-1",
				NULL });
	root = parse(w, read_body(w, &longest, &n));
	assert_true(n >= 4 && longest < 2 * PIECE_BYTES);
	assert_ids(tb_json_get(root, TB_STR("history")), 2000, 1, -1);
	ask(w, &(struct call) { tb_devices_get_status, "device_id=a&limit=2",
				NULL });
	root = parse(w, body(w));
	assert_ids(tb_json_get(root, TB_STR("history")), 2000, 1999, -1);
	ask(w, &(struct call) { tb_devices_get_status, "device_id=a&limit=0",
				NULL });
	assert_body(w, 200,
		    "{\"summary\":{\"total\":2000,\"pending\":0,"
		    "\"synced\":2000,\"failed\":0},\"history\":[]}");
}

/* Own events are looked at and left out: the answer goes on all the same. */
static void an_answer_of_few_among_many_is_whole(void **state)
{
	struct world *w = *state;
	struct tb_json_value root;

	push(w, "a", 1, 10);
	for (int i = 0; i < 22; i++)
		push(w, "b", 1000, 10);
	push(w, "a", 1, 10);
	ask(w, &pull_b);
	root = parse(w, body(w));
	assert_ids(tb_json_get(root, TB_STR("events")), 1, 22002, 22001);
}

/* ---- faults ---- */

#define EVENT(id)                                                              \
	"{\"event_type\":\"t\",\"payload\":{\"a\":1},\"device_id\":\"a\","     \
	"\"client_event_id\":\"" id "\"}"

static const struct call calls[] = {
	{ tb_devices_post_push, NULL, EVENT("one") },
	{ tb_devices_post_push, NULL, "[" EVENT("two") ",7," EVENT("two") "]" },
	{ tb_devices_post_register, NULL,
	  "{\"device_id\":\"c\",\"role\":\"r\"}" },
	{ tb_devices_get_pull, "device_id=b&limit=5", NULL },
	{ tb_devices_get_pull, "device_id=x&since=2000-01-01", NULL },
	{ tb_devices_get_status, "device_id=a&user_id=", NULL },
	{ tb_devices_post_ack, NULL,
	  "{\"device_id\":\"b\",\"event_ids\":[1,-1,7]}" },
	{ tb_devices_post_ack, NULL, "{\"device_id\":\"b\",\"up_to\":2}" },
};

/* An acknowledgement says how many are new: that differs when it is repeated.
 */
static bool is_changing(const struct call *call)
{
	return call->handler == tb_devices_post_ack;
}

static struct tb_str right_answer(struct world *w, const struct call *call)
{
	struct tb_str right;

	ask(w, call);
	assert_int_equal(w->res.status, 200);
	MUST(tb_arena_strdup(w->ic.arena, body(w), &right));
	return right;
}

static void assert_right(struct world *w, const struct call *call,
			 struct tb_str right)
{
	struct tb_str text = body(w);

	if (w->res.status == 503)
		return;
	assert_int_equal(w->res.status, 200);
	if (!is_changing(call))
		assert_true(tb_str_eq(text, right));
}

static void torture_allocations(struct world *w, const struct call *call)
{
	struct tb_str right = right_answer(w, call);
	uint64_t n_calls;

	for (uint64_t n = 1; n < CALLS_MAX; n++) {
		tb_alloc_fail_at(n);
		ask(w, call);
		n_calls = tb_alloc_calls();
		tb_alloc_fail_at(0);
		assert_right(w, call, right);
		ask(w, call);
		assert_int_equal(w->res.status, 200);
		assert_right(w, call, right);
		if (n_calls < n)
			return;
	}
	fail_msg("more than %d allocations", CALLS_MAX);
}

static void each_allocation_may_fail(void **state)
{
	struct world *w = *state;

	push(w, "b", 1, 10);
	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++)
		torture_allocations(w, &calls[i]);
}

static void torture_store(struct world *w, const struct call *call)
{
	struct tb_str right = TB_STR_NONE;
	bool has_failed = true;

	for (uint64_t n = 1; has_failed; n++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .first = n,
					     .err = TB_ERR_IO };

		assert_true(n < CALLS_MAX);
		tb_fail_set_plan(w->ic.store, &plan);
		ask(w, call);
		has_failed = tb_fail_calls(w->ic.store, TB_FAIL_ANY) >= n;
		tb_fail_set_plan(w->ic.store, NULL);
		if (w->res.status != 503 || !has_failed)
			assert_int_equal(w->res.status, 200);
	}
	/* Nothing was there twice, and nothing is lost. */
	right = right_answer(w, call);
	ask(w, call);
	assert_right(w, call, right);
}

static void each_call_of_the_store_may_fail(void **state)
{
	struct world *w = *state;
	struct tb_json_value root;

	push(w, "b", 1, 10);
	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++)
		torture_store(w, &calls[i]);
	ask(w, &(struct call) { tb_devices_get_pull, "device_id=x", NULL });
	root = parse(w, body(w));
	assert_ids(tb_json_get(root, TB_STR("events")), 1, 3, 1);
}

/* ---- the org of who sends no token ---- */

static void remake(struct world *w, const char *org, enum tb_err expected,
		   const char *word)
{
	struct tb_buf problem;

	tb_response_empty(&w->res, 0);
	tb_devices_destroy(w->devices);
	w->devices = NULL;
	w->options.org = org;
	tb_buf_init(&problem, PROBLEM_MAX_BYTES);
	assert_int_equal(make_devices(w, &problem), expected);
	tb_buf_append_char(&problem, '\0');
	if (word)
		assert_non_null(strstr(problem.p, word));
	else
		assert_int_equal(problem.n, 1);
	tb_buf_fini(&problem);
}

static void the_org_of_nobody_is_named_or_the_only_one(void **state)
{
	struct world *w = *state;

	remake(w, "", TB_OK, NULL);
	remake(w, "shops", TB_OK, NULL);
	remake(w, "none", TB_ERR_NOT_FOUND, "none");
	inline_core_add_org(&w->ic, "more");
	remake(w, "", TB_ERR_NOT_FOUND, "devices.org");
	remake(w, "more", TB_OK, NULL);
	w->options.auth = TB_DEVICES_TOKEN;
	remake(w, "none", TB_OK, NULL);
	ask(w, &pull_b);
	assert_body(w, 401, "{\"error\":\"Authentication required\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_long_pull_is_sent_in_pieces_up_to_its_beginnings_end),
		TEST(a_page_says_whether_there_is_more_and_where_it_goes_on),
		TEST(a_large_page_is_sent_in_pieces_too),
		TEST(a_long_history_is_newest_first),
		TEST(an_answer_of_few_among_many_is_whole),
		TEST(each_allocation_may_fail),
		TEST(each_call_of_the_store_may_fail),
		TEST(the_org_of_nobody_is_named_or_the_only_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
