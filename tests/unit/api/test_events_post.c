/*
 * Posting and reading events, without a socket: rules that change while a post
 * is under way decide it, and whatever fails, the answer says so.
 */
#include "../auth/fixture.h"

#include "api/events/events.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "http/source.h"
#include "kernel/acl_store.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define CALLS_MAX 5000
#define EVENT(uuid)                                                            \
	"{\"uuid\":\"" uuid "\",\"timestamp\":5,\"itemUuid\":\"i\","           \
	"\"action\":\"edit\"}"
#define RULES(item)                                                            \
	"{\"rules\":[{\"user\":\"*\",\"item\":\"" item                         \
	"\",\"action\":\"*\",\"allow\":true}]}"

struct world {
	struct fixture *f;
	struct tb_core *core; /* the same store's; its commits can be met */
	struct tb_events *events;
	const struct tb_principal *user;
	unsigned changes;     /* of rules that come before the next commits */
	const char *lists[2]; /* in turn, the first one last */
	struct tb_arena *arena;
	struct tb_response res;
};

static void publish(void *ctx, const struct tb_org *org,
		    const struct tb_moves *moves)
{
	struct world *w = ctx;

	MUST(tb_core_publish_group(w->core, org, moves));
	MUST(tb_core_publish_group(w->f->ic.core, org, moves));
}

static void publish_stored(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->f->ic);
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, w->f->org, &org));
	tb_core_read_end(tx);
	MUST(tb_core_publish(w->core, &org));
}

static void change_rules(struct world *w, const char *list)
{
	MUST(tb_acl_put(w->f->ic.core, &w->f->ic.note, w->f->org,
			tb_str_z(list)));
	publish_stored(w);
}

static void submit(void *ctx, struct tb_commit *commit)
{
	struct world *w = ctx;
	enum tb_err err;

	if (w->changes > 0)
		change_rules(w, w->lists[--w->changes % 2]);
	err = tb_group_run(w->f->ic.store, &commit, 1, w->f->ic.now_us, publish,
			   w);
	(void)err; /* it is the commit's, too */
}

static int64_t now_us(void *ctx)
{
	return ((struct world *)ctx)->f->ic.now_us;
}

static int set_up(void **state)
{
	static const struct tb_declaration nothing;
	static struct world w;
	struct tb_core_options options = { .committer = { submit, &w },
					   .now_us = now_us,
					   .now_ctx = &w,
					   .declaration = &nothing };
	void *fixture;

	setup(&fixture);
	w = (struct world) { .f = fixture };
	options.store = w.f->ic.store;
	MUST(tb_core_create(&options, &w.core));
	publish_stored(&w);
	MUST(tb_events_create(w.core, w.f->auth, &tb_events_default_options,
			      &w.events));
	w.user = admitted(tb_auth_login_user(w.f->auth, TB_STR("Anna"),
					     TB_STR("testpass123"),
					     TB_STR(ADDRESS), w.f->ic.now_us));
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	void *fixture = w->f;

	tb_principal_unref(w->user);
	tb_events_destroy(w->events);
	tb_core_destroy(w->core);
	return teardown(&fixture);
}

/* ---- calls ---- */

/* What the server would send; p NULL: its source failed. */
static struct tb_str body_of(struct world *w)
{
	struct tb_source *source = w->res.source;
	struct tb_piece piece = { .plain = NULL };
	struct tb_buf all;
	struct tb_str text = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (!source)
		return w->res.blob ? tb_blob_str(w->res.blob)
				   : tb_buf_str(&w->res.body);
	tb_buf_init(&all, ARENA_MAX_BYTES);
	do {
		err = source->ops->make(source, &piece);
		if (!err && piece.plain)
			tb_buf_append_str(&all, tb_blob_str(piece.plain));
		if (!err)
			tb_blob_unref(piece.plain);
	} while (!err && piece.plain);
	if (!err && !tb_buf_err(&all) &&
	    tb_arena_strdup(w->arena, tb_buf_str(&all), &text))
		text = TB_STR_NONE;
	tb_buf_fini(&all);
	return text;
}

static struct tb_str header_of(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->res.n_headers; i++)
		if (tb_str_eq(w->res.headers[i].name, tb_str_z(name)))
			return w->res.headers[i].value;
	return TB_STR_NONE;
}

struct call {
	bool is_get; /* else a post */
	const char *query;
	const char *body;
	struct tb_header header;
};

/* The status; the answer stays until `end`. */
static unsigned begin(struct world *w, const struct call *call)
{
	struct tb_request req = {
		.method = call->is_get ? TB_GET : TB_POST,
		.query = tb_str_z(call->query),
		.body = tb_str_z(call->body),
		.headers = &call->header,
		.n_headers = call->header.name.p != NULL,
		.address = TB_STR(ADDRESS),
		.id = TB_STR("request"),
		.now_us = w->f->ic.now_us,
		.principal = w->user,
		.api = &tb_events_api,
	};

	w->arena = tb_arena_create(ARENA_MAX_BYTES);
	if (!w->arena)
		return 503;
	w->res = (struct tb_response) { .arena = w->arena };
	req.arena = w->arena;
	tb_buf_init(&w->res.body, 0);
	if (!call->is_get)
		tb_events_post_events(w->events, &req, &w->res);
	else if (!tb_events_get_events_quick(w->events, &req, &w->res))
		tb_events_get_events(w->events, &req, &w->res);
	return w->res.status;
}

static void end(struct world *w)
{
	if (w->arena)
		tb_response_empty(&w->res, w->res.status);
	tb_arena_destroy(w->arena);
	w->arena = NULL;
}

static unsigned make(struct world *w, const struct call *call)
{
	unsigned status = begin(w, call);

	end(w);
	return status;
}

static uint64_t head(struct world *w)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->core, w->f->org, &heads));
	return heads.dense[TB_DENSE_EVENTS];
}

/* ---- tests ---- */

static const struct call post_a = { .body = "[" EVENT("a") "]" };
static const struct call get = { .is_get = true };

static void test_rules_that_change_meanwhile_decide(void **state)
{
	struct world *w = *state;

	w->lists[0] = RULES("x");
	w->lists[1] = RULES("i");
	w->changes = 1;
	assert_int_equal(make(w, &post_a), 403);
	assert_int_equal(head(w), 0);
	change_rules(w, RULES("*"));
	/* The second change lets it, the first and the last do not. */
	w->changes = 2;
	assert_int_equal(make(w, &post_a), 403);
	assert_int_equal(head(w), 0);
	change_rules(w, RULES("i"));
	assert_int_equal(make(w, &post_a), 200);
	assert_int_equal(head(w), 1);
}

/* The last word on each event is of the rules that it was committed under. */
static void test_a_lenient_post_is_decided_again(void **state)
{
	struct world *w = *state;
	struct call call = { .body = "[" EVENT("a") ",{}]",
			     .header = { TB_STR("Prefer"),
					 TB_STR("handling=lenient") } };

	w->lists[0] = RULES("x");
	w->changes = 1;
	assert_int_equal(begin(w, &call), 200);
	assert_true(tb_str_eq(header_of(w, "X-Events-Rejected"), TB_STR("2")));
	end(w);
	assert_int_equal(head(w), 0);
}

static void test_rules_that_never_rest_are_503(void **state)
{
	struct world *w = *state;

	w->lists[0] = RULES("*");
	w->lists[1] = RULES("i");
	w->changes = 1000;
	assert_int_equal(make(w, &post_a), 503);
	assert_true(w->changes > 900);
	assert_int_equal(head(w), 0);
}

static void test_what_is_held_is_not_sent_again(void **state)
{
	struct world *w = *state;
	struct call again = { .is_get = true };
	char tag[256];

	assert_int_equal(make(w, &post_a), 200);
	assert_int_equal(begin(w, &get), 200);
	again.header.name = TB_STR("If-None-Match");
	again.header.value = header_of(w, "ETag");
	assert_true(again.header.value.n > 0 &&
		    again.header.value.n < sizeof(tag));
	memcpy(tag, again.header.value.p, again.header.value.n);
	again.header.value.p = tag;
	end(w);
	assert_int_equal(make(w, &again), 304);
	again.query = "limit=5";
	assert_int_equal(make(w, &again), 200);
	again.query = NULL;
	assert_int_equal(make(w, &(struct call) { .body = "[" EVENT("b") "]" }),
			 200);
	assert_int_equal(make(w, &again), 200);
}

static void test_bad_queries_store_nothing(void **state)
{
	struct world *w = *state;
	struct call call = post_a;

	call.query = "after=x";
	assert_int_equal(make(w, &call), 400);
	call.query = "limit=0";
	assert_int_equal(make(w, &call), 400);
	assert_int_equal(head(w), 0);
	call.query = "fromTimestamp=x";
	assert_int_equal(make(w, &call), 200);
	assert_int_equal(head(w), 1);
}

static const struct call calls[] = {
	{ .body = "[" EVENT("a") "," EVENT("b") "]" },
	{ .body = "[" EVENT("a") ",{}]",
	  .header = { TB_STR_INIT("Prefer"),
		      TB_STR_INIT("handling=lenient") } },
	{ .body = "[" EVENT("c") "]",
	  .query = "after=",
	  .header = { TB_STR_INIT("Prefer"), TB_STR_INIT("return=minimal") } },
	{ .is_get = true },
	{ .is_get = true, .query = "limit=1" },
	{ .is_get = true, .query = "fromTimestamp=5" },
	{ .is_get = true,
	  .header = { TB_STR_INIT("Accept-Encoding"), TB_STR_INIT("gzip") } },
};

/* What fails is 503, or a body that is cut. */
static void check(struct world *w, unsigned status)
{
	struct tb_str text;

	if (status != 200) {
		assert_int_equal(status, 503);
		return;
	}
	text = body_of(w);
	if (!text.p)
		return;
	assert_true(text.p[0] == '[' || text.p[0] == '{');
	assert_int_equal(text.p[text.n - 1], text.p[0] == '[' ? ']' : '}');
}

static void test_nth_allocation_fails(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++)
		for (uint64_t n = 1, made = n; made >= n; n++) {
			unsigned status;

			assert_true(n < CALLS_MAX);
			tb_alloc_fail_at(n);
			status = begin(w, &calls[i]);
			check(w, status);
			made = tb_alloc_calls();
			tb_alloc_fail_at(0);
			end(w);
			if (made < n)
				assert_int_equal(status, 200);
		}
}

static void test_nth_store_call_fails(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++)
		for (uint64_t n = 1, made = n; made >= n; n++) {
			struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
						     .first = n,
						     .err = TB_ERR_BUSY };
			unsigned status;

			assert_true(n < CALLS_MAX);
			tb_fail_set_plan(w->f->ic.store, &plan);
			status = begin(w, &calls[i]);
			made = tb_fail_calls(w->f->ic.store, TB_FAIL_ANY);
			check(w, status);
			tb_fail_set_plan(w->f->ic.store, NULL);
			end(w);
			if (made < n)
				assert_int_equal(status, 200);
		}
}

static bool audited(struct world *w, const char *body)
{
	struct call call = { .query = "", .body = body };

	assert_int_equal(make(w, &call), 200);
	return w->res.is_audited;
}

/* Then the server adds it up among the reads. */
static void test_a_post_that_adds_nothing_has_no_audit_row(void **state)
{
	struct world *w = *state;

	assert_true(audited(w, "[" EVENT("a") "]"));
	assert_false(audited(w, "[" EVENT("a") "]"));
	assert_false(audited(w, "[]"));
	assert_false(audited(w, "null"));
	assert_true(audited(w, "[" EVENT("a") "," EVENT("b") "]"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rules_that_change_meanwhile_decide),
		TEST(test_a_lenient_post_is_decided_again),
		TEST(test_rules_that_never_rest_are_503),
		TEST(test_what_is_held_is_not_sent_again),
		TEST(test_bad_queries_store_nothing),
		TEST(test_a_post_that_adds_nothing_has_no_audit_row),
		TEST(test_nth_allocation_fails),
		TEST(test_nth_store_call_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
