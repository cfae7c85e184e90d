/*
 * The history as it is followed live: whatever is posted, and whatever becomes
 * of the access rules, who follows page by page gets what they may view, once
 * and in order, and is told when there is more than that to get.
 */
#include "../auth/fixture.h"

#include <limits.h>
#include <stdio.h>

#include "api/events/cursor.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "follow_torture.h"

#include "http/source.h"
#include "kernel/acl_store.h"
#include "kernel/event.h"

#define PAGE_MAX_BYTES ((size_t)1 << 20)
#define TEXT_MAX_BYTES ((size_t)64 << 20)
#define POST_MAX 256
#define ITEMS 4
#define STEPS 200
#define SEEDS 4

struct world {
	struct fixture *f;
	struct tb_events *events;
	const struct tb_principal *user; /* as it was admitted */
	uint32_t random;
	unsigned posted;
};

static int set_up(void **state)
{
	static struct world w;
	void *fixture;

	setup(&fixture);
	w = (struct world) { .f = fixture };
	MUST(tb_events_create(w.f->ic.core, w.f->auth,
			      &tb_events_default_options, &w.events));
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
	return teardown(&fixture);
}

/* ---- what happens ---- */

static uint64_t generation_of(struct world *w)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->f->ic.core, w->f->org, &heads));
	return heads.generation;
}

static void post(struct world *w, unsigned n, unsigned item)
{
	static struct tb_event events[POST_MAX];
	struct tb_event_post post = { .events = events, .n = n };

	assert_in_range(n, 1, POST_MAX);
	post.generation = generation_of(w);
	post.commit.note = w->f->ic.note;
	for (unsigned i = 0; i < n; i++) {
		unsigned id = ++w->posted;

		MUST(tb_arena_printf(w->f->ic.arena, &events[i].uuid, "e%u",
				     id));
		MUST(tb_arena_printf(
			w->f->ic.arena, &events[i].body,
			"{\"uuid\":\"e%u\",\"timestamp\":5,\"userUuid\":\"u1\","
			"\"itemUuid\":\"i%u\",\"action\":\"a\",\"payload\":"
			"\"\"}",
			id, item));
	}
	tb_event_post_init(&post, w->f->org);
	MUST(tb_core_commit(w->f->ic.core, &post.commit));
}

/* Anna may view the items of this mask. */
static void put_rules(struct world *w, unsigned items)
{
	struct tb_buf buf;
	char text[1024];

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_buf_append_z(&buf, "{\"rules\":[");
	for (unsigned i = 0; i < ITEMS; i++)
		if (items & 1u << i)
			tb_buf_printf(&buf,
				      "{\"user\":\"u1\",\"item\":\"i%u\","
				      "\"action\":\"view\",\"allow\":true},",
				      i);
	tb_buf_append_z(&buf, "{\"user\":\"*\",\"item\":\"*\",\"action\":"
			      "\"view\",\"allow\":false}]}");
	MUST(tb_buf_err(&buf));
	MUST(tb_acl_put(w->f->ic.core, &w->f->ic.note, w->f->org,
			tb_buf_str(&buf)));
}

static void change_account(struct world *w, unsigned changes, bool value)
{
	struct tb_account to = { .kind = TB_ACCOUNT_USER,
				 .org = w->f->org,
				 .key = TB_STR("u1"),
				 .is_admin = value,
				 .disabled = value };

	MUST(tb_directory_update_account(w->f->ic.core, &w->f->ic.note, &to,
					 changes, false));
}

static void renew(struct world *w)
{
	const struct tb_principal *renewed;

	MUST(tb_auth_renew(w->f->auth, w->user, &renewed));
	tb_principal_unref(w->user);
	w->user = renewed;
}

/* ---- following, and the history that it is of ---- */

static struct tb_follow_query query_of(struct world *w, struct tb_str after,
				       size_t limit)
{
	return (struct tb_follow_query) {
		.principal = w->user,
		.name = TB_STR("events"),
		.after = after,
		.limit = limit,
		.max_bytes = PAGE_MAX_BYTES,
		.arena = w->f->ic.arena,
	};
}

static enum tb_err follow(struct world *w, struct tb_str after, size_t limit,
			  struct tb_follow_page *ret)
{
	struct tb_follow_query query = query_of(w, after, limit);

	return tb_events_follow(w->events, &query, ret);
}

static bool peek(struct world *w, struct tb_str after)
{
	struct tb_follow_query query = query_of(w, after, 1);

	return tb_events_follow_peek(w->events, &query);
}

static struct tb_str stand(struct world *w)
{
	struct tb_follow_page page;

	MUST(follow(w, TB_STR_NONE, 10, &page));
	assert_int_equal(page.n, 0);
	assert_false(page.has_more);
	return page.cursor;
}

/* What GET events answers now; `ret_cursor`: X-Events-Cursor. */
static struct tb_str history(struct world *w, struct tb_str after,
			     struct tb_str *ret_cursor)
{
	struct tb_response res = { .arena = w->f->ic.arena };
	struct tb_request req = {
		.method = TB_GET,
		.now_us = w->f->ic.now_us,
		.api = &tb_events_api,
		.arena = w->f->ic.arena,
	};
	struct tb_piece piece = { .plain = NULL };
	struct tb_buf all;
	struct tb_str text;

	MUST(tb_arena_printf(req.arena, &req.query, "after=%.*s",
			     TB_STR_ARG(after)));
	MUST(tb_auth_renew(w->f->auth, w->user, &req.principal));
	tb_buf_init(&all, TEXT_MAX_BYTES);
	tb_events_get_events(w->events, &req, &res);
	assert_int_equal(res.status, 200);
	*ret_cursor = TB_STR_NONE;
	for (size_t i = 0; i < res.n_headers; i++)
		if (tb_str_eq(res.headers[i].name, TB_STR("X-Events-Cursor")))
			*ret_cursor = res.headers[i].value;
	tb_buf_append_str(&all, res.blob ? tb_blob_str(res.blob)
					 : tb_buf_str(&res.body));
	while (res.source) {
		MUST(res.source->ops->make(res.source, &piece));
		if (!piece.plain)
			break;
		tb_buf_append_str(&all, tb_blob_str(piece.plain));
		tb_piece_release(&piece);
	}
	MUST(tb_arena_strdup(req.arena, tb_buf_str(&all), &text));
	tb_buf_fini(&all);
	tb_response_empty(&res, 200);
	tb_principal_unref(req.principal);
	return text;
}

static void test_an_event_is_as_in_the_history(void **state)
{
	struct world *w = *state;
	struct tb_str from = stand(w);
	struct tb_str all, cursor;
	struct tb_follow_page page;

	post(w, 2, 1);
	all = history(w, TB_STR_NONE, &cursor);
	MUST(follow(w, from, 10, &page));
	assert_int_equal(page.n, 2);
	assert_false(page.has_more);
	MUST(tb_arena_printf(w->f->ic.arena, &all, "[%.*s,%.*s]",
			     (int)page.changes[0].n - 8, page.changes[0].p + 8,
			     (int)page.changes[1].n - 8,
			     page.changes[1].p + 8));
	assert_string_equal(history(w, TB_STR_NONE, &cursor).p, all.p);
	assert_int_equal(strncmp(page.changes[0].p, "\"event\":", 8), 0);
	/* Cursors are good there and here. */
	assert_true(tb_str_eq(page.cursor, cursor));
	assert_true(tb_str_eq(page.cursors[1], cursor));
	post(w, 1, 1);
	MUST(follow(w, cursor, 10, &page));
	assert_int_equal(page.n, 1);
	assert_string_equal(history(w, page.cursor, &cursor).p, "[]");
}

static void test_the_beginning_is_0(void **state)
{
	struct world *w = *state;
	struct tb_follow_page page;

	post(w, 3, 1);
	MUST(follow(w, TB_STR("0"), 10, &page));
	assert_int_equal(page.n, 3);
	assert_true(peek(w, TB_STR("0")));
}

static void test_a_page_is_bounded(void **state)
{
	struct world *w = *state;
	struct tb_follow_query query = query_of(w, TB_STR("0"), 3);
	struct tb_follow_page page;
	size_t bytes;

	post(w, 5, 1);
	MUST(tb_events_follow(w->events, &query, &page));
	assert_int_equal(page.n, 3);
	assert_true(page.has_more);
	assert_true(tb_str_eq(page.cursors[2], page.cursor));
	bytes = 2 * (page.changes[0].n + page.cursors[0].n);
	query.max_bytes = bytes;
	MUST(tb_events_follow(w->events, &query, &page));
	assert_int_equal(page.n, 2);
	assert_true(page.has_more);
	query.max_bytes = 1;
	MUST(tb_events_follow(w->events, &query, &page));
	assert_int_equal(page.n, 1);
	query.after = page.cursors[0];
	query.max_bytes = bytes;
	query.limit = 4;
	MUST(tb_events_follow(w->events, &query, &page));
	assert_int_equal(page.n, 2);
	query.limit = 0;
	MUST(tb_events_follow(w->events, &query, &page));
	assert_int_equal(page.n, 0);
	assert_false(page.has_more);
	assert_true(tb_str_eq(page.cursor, stand(w)));
}

/* What nobody may view costs no page more than so much. */
static void test_much_may_be_passed_over(void **state)
{
	struct world *w = *state;
	struct tb_follow_page page;
	struct tb_str at = TB_STR("0");
	unsigned pages = 0;

	put_rules(w, 1);
	for (unsigned i = 0; i < 80; i++) {
		post(w, POST_MAX, 1);
		tb_arena_reset(w->f->ic.arena);
	}
	post(w, 1, 0);
	do {
		MUST(follow(w, at, 10, &page));
		at = page.cursor;
		pages++;
		assert_int_equal(page.n, !page.has_more);
	} while (page.has_more);
	assert_in_range(pages, 2, 10);
}

/* ---- who may, and from where ---- */

static void test_what_cannot_be_followed(void **state)
{
	struct world *w = *state;
	struct tb_follow_query query = query_of(w, TB_STR_NONE, 1);
	struct tb_follow_page page;

	query.name = TB_STR("event");
	assert_int_equal(tb_events_follow(w->events, &query, &page),
			 TB_ERR_NOT_FOUND);
	query.name = TB_STR("events");
	query.is_collection = true;
	assert_int_equal(tb_events_follow(w->events, &query, &page),
			 TB_ERR_NOT_FOUND);
	query.is_collection = false;
	query.principal = admitted(
		ask(w->f, basic(w->f, "username", "password"), NULL, true));
	assert_int_equal(tb_events_follow(w->events, &query, &page),
			 TB_ERR_NOT_FOUND);
	assert_false(tb_events_follow_peek(w->events, &query));
	tb_principal_unref(query.principal);
}

static void test_cursors_that_are_none(void **state)
{
	static const struct tb_str afters[] = {
		TB_STR_INIT("x"),
		TB_STR_INIT("17"),
		TB_STR_INIT("-1"),
		TB_STR_INIT("000000000000004d"),
		TB_STR_INIT("000000000000004d-1-"),
	};
	struct world *w = *state;
	struct tb_follow_page page;

	for (size_t i = 0; i < TB_ARRAY_LEN(afters); i++) {
		assert_int_equal(follow(w, afters[i], 1, &page),
				 TB_ERR_INVALID);
		assert_int_equal(follow(w, afters[i], 0, &page),
				 TB_ERR_INVALID);
		assert_true(peek(w, afters[i]));
	}
}

static void assert_resync(struct world *w, struct tb_str after)
{
	struct tb_follow_page page;

	assert_true(peek(w, after));
	assert_int_equal(follow(w, after, 1, &page), TB_ERR_RESYNC);
	assert_int_equal(follow(w, after, 0, &page), TB_ERR_RESYNC);
}

static void test_a_cursor_of_another_store_starts_over(void **state)
{
	struct world *w = *state;

	post(w, 1, 1);
	assert_resync(w, TB_STR("000000000000004e-1"));
	assert_resync(w, TB_STR("000000000000004d-2"));
}

static void test_who_may_view_more_starts_over(void **state)
{
	struct world *w = *state;
	struct tb_follow_page page;
	struct tb_str all, some;

	post(w, 2, 1);
	all = stand(w);
	put_rules(w, 1);
	some = stand(w);
	MUST(follow(w, all, 10, &page));
	assert_int_equal(page.n, 0);
	post(w, 1, 0);
	post(w, 1, 1);
	MUST(follow(w, some, 10, &page));
	assert_int_equal(page.n, 1);
	assert_non_null(strstr(page.changes[0].p, "\"i0\""));
	some = page.cursor;
	put_rules(w, 0);
	MUST(follow(w, some, 10, &page));
	assert_int_equal(page.n, 0);
	put_rules(w, 2);
	assert_resync(w, some);
	/* An administrator views all. */
	some = stand(w);
	change_account(w, TB_CHANGE_ADMIN, true);
	assert_resync(w, some);
	MUST(follow(w, all, 10, &page));
	assert_int_equal(page.n, 2);
	/* And is one only for as long as that is so. */
	renew(w);
	assert_true(w->user->is_admin);
	change_account(w, TB_CHANGE_ADMIN, false);
	MUST(follow(w, all, 10, &page));
	assert_int_equal(page.n, 1);
	change_account(w, TB_CHANGE_DISABLED, true);
	assert_int_equal(follow(w, all, 10, &page), TB_ERR_UNAUTHENTICATED);
}

static void test_what_is_new_is_known_from_memory(void **state)
{
	struct world *w = *state;
	struct tb_follow_page page;
	struct tb_str at = stand(w);

	assert_false(peek(w, at));
	post(w, 1, 1);
	assert_true(peek(w, at));
	MUST(follow(w, at, 1, &page));
	assert_false(peek(w, page.cursor));
	put_rules(w, 1);
	/* A principal that is old, rules that were not read. */
	assert_true(peek(w, page.cursor));
	MUST(follow(w, page.cursor, 1, &page));
	assert_true(peek(w, page.cursor));
	renew(w);
	assert_false(peek(w, page.cursor));
}

/* ---- what fails ---- */

static void forget(void *ctx)
{
	struct world *w = ctx;

	tb_rules_forget(w->events->rules, w->f->org);
}

static void test_whatever_fails_is_an_error(void **state)
{
	struct world *w = *state;
	struct follow_torture torture = {
		.follow = tb_events_follow,
		.state = w->events,
		.query = query_of(w, TB_STR("0"), 10),
		.store = w->f->ic.store,
		.forget = forget,
		.ctx = w,
	};

	post(w, 3, 1);
	/* All that there is to read: the account, the rules, the events. */
	put_rules(w, 2);
	follow_torture(&torture);
}

/* ---- the model ---- */

#define EVENTS_MAX 4096

/* What was posted, by its number, and what of it a client holds. */
struct model {
	unsigned items[EVENTS_MAX];
	bool is_held[EVENTS_MAX];
	unsigned views; /* a mask of items */
	unsigned last;  /* that came to the client */
	char cursor[TB_EVENTS_CURSOR_MAX_BYTES + 1];
	size_t n_resyncs;
	size_t n_silent;
};

static unsigned pick(struct world *w, unsigned n)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 16) % n;
}

static void change(struct world *w, struct model *model)
{
	unsigned n = 1 + pick(w, 5);
	unsigned item = pick(w, ITEMS);

	if (pick(w, 4) == 0) {
		model->views = pick(w, 1u << ITEMS);
		put_rules(w, model->views);
		return;
	}
	assert_in_range(w->posted + n, 1, EVENTS_MAX - 1);
	for (unsigned i = 1; i <= n; i++)
		model->items[w->posted + i] = item;
	post(w, n, item);
}

static void begin(struct model *model)
{
	memset(model->is_held, 0, sizeof(model->is_held));
	model->last = 0;
	snprintf(model->cursor, sizeof(model->cursor), "0");
}

/* Nothing comes that may not be viewed, nothing twice, all in order. */
static void take(struct world *w, struct model *model, struct tb_str change)
{
	unsigned id = 0, item = 0;
	struct tb_str text;

	MUST(tb_arena_strdup(w->f->ic.arena, change, &text));
	assert_int_equal(sscanf(text.p,
				"\"event\":{\"uuid\":\"e%u\",\"timestamp\":5,"
				"\"userUuid\":\"u1\",\"itemUuid\":\"i%u",
				&id, &item),
			 2);
	assert_in_range(id, model->last + 1, w->posted);
	assert_int_equal(model->items[id], item);
	assert_true(model->views & 1u << item);
	model->is_held[id] = true;
	model->last = id;
}

/* True if there is more. */
static bool follow_page(struct world *w, struct model *model)
{
	struct tb_follow_query query =
		query_of(w, tb_str_z(model->cursor), 1 + pick(w, 20));
	bool may_have = tb_events_follow_peek(w->events, &query);
	struct tb_follow_page page;
	enum tb_err err;
	size_t n;

	tb_arena_reset(w->f->ic.arena);
	query.max_bytes = 1 + pick(w, 3000);
	err = tb_events_follow(w->events, &query, &page);
	model->n_silent += !may_have;
	if (err == TB_ERR_RESYNC) {
		assert_true(may_have);
		model->n_resyncs++;
		begin(model);
		return true;
	}
	MUST(err);
	if (!may_have)
		assert_true(page.n == 0 && !page.has_more);
	/* The last ones may be lost. */
	n = page.n && pick(w, 4) == 0 ? 1 + pick(w, (unsigned)page.n) : page.n;
	for (size_t i = 0; i < n; i++)
		take(w, model, page.changes[i]);
	snprintf(model->cursor, sizeof(model->cursor), "%.*s",
		 TB_STR_ARG(n < page.n ? page.cursors[n - 1] : page.cursor));
	return page.has_more || n < page.n;
}

/* All that may be viewed now. What was viewed once may be held for longer. */
static void assert_holds(const struct world *w, const struct model *model)
{
	for (unsigned id = 1; id <= w->posted; id++)
		if (model->views & 1u << model->items[id])
			assert_true(model->is_held[id]);
}

static void run(struct world *w, uint32_t seed)
{
	static struct model model;

	model = (struct model) { .views = UINT_MAX };
	w->random = seed;
	begin(&model);
	for (unsigned step = 0; step < STEPS; step++) {
		bool may_change = pick(w, 2);

		change(w, &model);
		if (pick(w, 2))
			renew(w);
		while (follow_page(w, &model)) {
			if (may_change)
				change(w, &model);
			may_change = false;
		}

		assert_holds(w, &model);
		if (pick(w, 2))
			assert_false(follow_page(w, &model));
	}
	assert_true(model.n_resyncs > STEPS / 20);
	assert_true(model.n_silent > STEPS / 20);
}

static void test_who_follows_gets_what_may_be_viewed(void **state)
{
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		if (seed > 1) {
			tear_down(state);
			set_up(state);
		}
		run(*state, seed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_event_is_as_in_the_history),
		TEST(test_the_beginning_is_0),
		TEST(test_a_page_is_bounded),
		TEST(test_much_may_be_passed_over),
		TEST(test_what_cannot_be_followed),
		TEST(test_cursors_that_are_none),
		TEST(test_a_cursor_of_another_store_starts_over),
		TEST(test_who_may_view_more_starts_over),
		TEST(test_what_is_new_is_known_from_memory),
		TEST(test_whatever_fails_is_an_error),
		TEST(test_who_follows_gets_what_may_be_viewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
