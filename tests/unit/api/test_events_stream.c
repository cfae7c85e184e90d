/*
 * The history as it is sent: whatever the place where it begins, the head, the
 * sizes of events and the filter, the pieces are together the array of what
 * is asked for, from memory as from the store, packed as plain, and as long as
 * was told.
 */
#include "../kernel/inline_core.h"

#include <stdio.h>

#include "api/events/stream.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/gzip.h"
#include "kernel/event.h"

#define CACHE_BYTES ((uint64_t)16 << 20)
#define TEXT_MAX_BYTES ((size_t)64 << 20)
#define EVENTS 2600
#define POST_EVENTS 200
#define FIRST_S 1000
#define CALLS_MAX 100000

struct fixture {
	struct inline_core ic;
	struct tb_segments *segments;
	struct tb_history_id history;
	uint64_t head;
	const char *filler; /* of payloads */
	struct tb_arena *arena;
};

static void open_segments(struct fixture *f, uint64_t cache_bytes)
{
	tb_segments_destroy(f->segments);
	f->segments = tb_segments_create(f->ic.core, cache_bytes);
	assert_non_null(f->segments);
}

static int setup(void **state)
{
	static struct fixture f;
	struct tb_heads heads;

	f = (struct fixture) { .filler = "" };
	inline_core_init(&f.ic);
	f.history.org = inline_core_add_org(&f.ic, "one");
	MUST(tb_core_heads(f.ic.core, f.history.org, &heads));
	f.history.epoch = heads.epoch;
	f.arena = tb_arena_create((size_t)256 << 20);
	assert_non_null(f.arena);
	open_segments(&f, CACHE_BYTES);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_segments_destroy(f->segments);
	tb_arena_destroy(f->arena);
	inline_core_fini(&f->ic);
	return 0;
}

/* ---- the history ---- */

/* Items have ten names by turns; timestamps go up and, by turns, down. */
static int64_t time_of(uint64_t n)
{
	return (int64_t)(n % 3 ? FIRST_S + n : FIRST_S + EVENTS - n);
}

static void put_event(struct fixture *f, struct tb_buf *buf, uint64_t n)
{
	tb_buf_printf(buf,
		      "{\"uuid\":\"e%llu\",\"timestamp\":%lld,\"userUuid\":"
		      "\"u\",\"itemUuid\":\"item%llu\",\"action\":\"a\","
		      "\"payload\":\"%s\"}",
		      (unsigned long long)n, (long long)time_of(n),
		      (unsigned long long)n % 10, f->filler);
}

static struct tb_str event_text(struct fixture *f, uint64_t n)
{
	struct tb_buf buf;
	struct tb_str copy;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	put_event(f, &buf, n);
	MUST(tb_arena_strdup(f->ic.arena, tb_buf_str(&buf), &copy));
	tb_buf_fini(&buf);
	return copy;
}

static void post(struct fixture *f, uint64_t n)
{
	static struct tb_event events[POST_EVENTS];
	struct tb_event_post post = { .events = events, .n = n };
	struct tb_heads heads;

	MUST(tb_core_heads(f->ic.core, f->history.org, &heads));
	post.generation = heads.generation;
	post.commit.note = f->ic.note;
	for (uint64_t i = 0; i < n; i++) {
		events[i] = (struct tb_event) {
			.body = event_text(f, f->head + i + 1),
		};
		MUST(tb_arena_printf(f->ic.arena, &events[i].uuid, "e%llu",
				     (unsigned long long)f->head + i + 1));
	}
	tb_event_post_init(&post, f->history.org);
	MUST(tb_core_commit(f->ic.core, &post.commit));
	f->head = post.head;
	tb_arena_reset(f->ic.arena);
}

static void fill(struct fixture *f, uint64_t n)
{
	while (f->head < n)
		post(f, n - f->head < POST_EVENTS ? n - f->head : POST_EVENTS);
}

/* ---- what is asked, and what is to come ---- */

struct asked {
	uint64_t at;
	uint64_t head;
	const struct tb_acl *acl;
	int64_t from_s;
	bool is_framed;
	bool is_gzip;
};

static bool is_wanted(const struct asked *asked, uint64_t n)
{
	char item[32];
	int len = snprintf(item, sizeof(item), "item%llu",
			   (unsigned long long)n % 10);

	return time_of(n) >= asked->from_s &&
	       (!asked->acl || tb_acl_may_view(asked->acl, TB_STR("u"),
					       tb_str(item, (size_t)len)));
}

static void put_expected(struct fixture *f, const struct asked *asked,
			 struct tb_buf *buf)
{
	bool comma = false;

	tb_buf_append_z(buf, asked->is_framed ? "{\"x\":[" : "[");
	for (uint64_t n = asked->at + 1; n <= asked->head; n++) {
		if (!is_wanted(asked, n))
			continue;
		if (comma)
			tb_buf_append_char(buf, ',');
		put_event(f, buf, n);
		comma = true;
	}
	tb_buf_append_z(buf, asked->is_framed ? "]}" : "]");
}

static struct tb_source *
open_stream(struct fixture *f, const struct asked *asked, uint64_t *ret_length)
{
	struct tb_events_stream_options options = {
		.core = f->ic.core,
		.segments = f->segments,
		.history = f->history,
		.at = asked->at,
		.head = asked->head,
		.filter = { .acl = asked->acl,
			    .user = TB_STR("u"),
			    .from_s = asked->from_s },
		.before = asked->is_framed ? TB_STR("{\"x\":") : TB_STR_NONE,
		.behind = asked->is_framed ? TB_STR("}") : TB_STR_NONE,
	};
	struct tb_source *source = NULL;

	MUST(tb_events_stream_create(f->arena, &options, &source, ret_length));
	source->is_gzip = asked->is_gzip;
	return source;
}

static void take_packed(const struct tb_piece *piece, struct tb_gunzip *gz,
			struct tb_gzip_body *body, struct tb_buf *got)
{
	struct tb_str plain = tb_blob_str(piece->plain);
	struct tb_str packed;
	struct tb_buf buf;
	uint32_t crc = piece->crc;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	if (piece->packed)
		packed = tb_blob_str(piece->packed);
	else
		MUST(tb_gzip_pack(plain, 1, &buf, &crc));
	if (!piece->packed)
		packed = tb_buf_str(&buf);
	MUST(tb_gunzip_feed(gz, packed, got));
	tb_gzip_add(body, crc, plain.n);
	tb_buf_fini(&buf);
}

/* Reads a source to its end as the server does; how many of its pieces were
 * in memory. */
static size_t drain(struct tb_source *source, struct tb_buf *got)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	uint8_t frame[TB_GZIP_HEAD_BYTES];
	struct tb_gzip_body body;
	struct tb_piece piece;
	size_t n_found = 0;

	assert_non_null(gz);
	tb_gzip_begin(&body, frame);
	MUST(tb_gunzip_feed(gz, tb_str((char *)frame, sizeof(frame)), got));
	for (;;) {
		bool is_found = source->ops->find(source, &piece);

		n_found += is_found;
		if (!is_found)
			MUST(source->ops->make(source, &piece));
		if (!piece.plain)
			break;
		assert_true(tb_blob_str(piece.plain).n > 0);
		if (source->is_gzip)
			take_packed(&piece, gz, &body, got);
		else
			tb_buf_append_str(got, tb_blob_str(piece.plain));
		tb_blob_unref(piece.plain);
		tb_blob_unref(piece.packed);
	}
	tb_gzip_end(&body, frame);
	if (source->is_gzip) {
		MUST(tb_gunzip_feed(gz, tb_str((char *)frame, sizeof(frame)),
				    got));
		assert_true(tb_gunzip_done(gz));
	}
	tb_gunzip_destroy(gz);
	source->ops->destroy(source);
	return n_found;
}

/* Gives the length that was told; `ret_found`: pieces from memory. */
static uint64_t expect(struct fixture *f, struct asked asked, size_t *ret_found)
{
	struct tb_buf got, expected;
	struct tb_source *source;
	uint64_t length;
	size_t n;

	tb_buf_init(&got, TEXT_MAX_BYTES);
	tb_buf_init(&expected, TEXT_MAX_BYTES);
	put_expected(f, &asked, &expected);
	source = open_stream(f, &asked, &length);
	n = drain(source, &got);
	assert_int_equal(got.n, expected.n);
	assert_memory_equal(got.p, expected.p, got.n);
	assert_true(length == TB_LENGTH_UNKNOWN || length == got.n);
	tb_buf_fini(&got);
	tb_buf_fini(&expected);
	tb_arena_reset(f->arena);
	if (ret_found)
		*ret_found = n;
	return length;
}

/* ---- tests ---- */

static void test_from_any_place_to_any_head(void **state)
{
	static const uint64_t places[] = { 0,    1,    63,   64,   65,
					   500,  1023, 1024, 1025, 1500,
					   2047, 2048, 2049, 2559, EVENTS };
	struct fixture *f = *state;

	fill(f, EVENTS);
	for (size_t i = 0; i < TB_ARRAY_LEN(places); i++)
		for (size_t j = i + 1; j < TB_ARRAY_LEN(places); j++) {
			struct asked asked = { .at = places[i],
					       .head = places[j] };

			(void)expect(f, asked, NULL);
			asked.is_gzip = true;
			asked.is_framed = true;
			(void)expect(f, asked, NULL);
		}
}

static void test_what_was_read_is_known_and_in_memory(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .head = EVENTS };
	size_t n_found;

	fill(f, EVENTS);
	assert_int_equal(expect(f, asked, &n_found), TB_LENGTH_UNKNOWN);
	assert_int_equal(n_found, 0);
	assert_int_not_equal(expect(f, asked, &n_found), TB_LENGTH_UNKNOWN);
	assert_true(n_found > 3);
	/* One event more: only the end is read again. */
	post(f, 1);
	asked.head++;
	assert_int_equal(expect(f, asked, &n_found), TB_LENGTH_UNKNOWN);
	assert_true(n_found > 2);
	asked.is_framed = true;
	assert_int_not_equal(expect(f, asked, &n_found), TB_LENGTH_UNKNOWN);
	/* Packed forms are made once, too. */
	asked.is_gzip = true;
	(void)expect(f, asked, &n_found);
	assert_int_equal(n_found, 0);
	(void)expect(f, asked, &n_found);
	assert_true(n_found > 3);
}

static void test_without_memory_to_keep_parts_all_is_read(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .head = EVENTS };
	size_t n_found;

	open_segments(f, 0);
	fill(f, EVENTS);
	(void)expect(f, asked, &n_found);
	(void)expect(f, asked, &n_found);
	assert_int_equal(n_found, 0);
}

static void test_large_events_are_parts_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .at = 1020, .head = 1030 };
	char *filler = tb_malloc(2 * TB_PART_MAX_BYTES);

	assert_non_null(filler);
	memset(filler, 'x', 2 * TB_PART_MAX_BYTES);
	fill(f, 1020);
	/* What is expected is of one size; so it begins behind the others. */
	filler[2 * TB_PART_MAX_BYTES - 1] = '\0';
	f->filler = filler;
	post(f, 10);
	(void)expect(f, asked, NULL);
	(void)expect(f, asked, NULL);
	asked.is_gzip = true;
	(void)expect(f, asked, NULL);
	f->filler = "";
	tb_free(filler);
}

static void test_medium_events_share_parts(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .head = EVENTS };
	char filler[1000];
	size_t n_found;

	memset(filler, 'y', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	f->filler = filler;
	fill(f, EVENTS);
	(void)expect(f, asked, NULL);
	assert_int_not_equal(expect(f, asked, &n_found), TB_LENGTH_UNKNOWN);
	assert_true(n_found * TB_PART_MAX_BYTES >= EVENTS * sizeof(filler));
	f->filler = "";
}

static const struct tb_acl *compile(bool allow)
{
	struct tb_acl_rule rules[] = {
		{ .user = TB_STR("u"),
		  .item = TB_STR("item7"),
		  .action = TB_STR("view"),
		  .allow = allow },
	};
	const struct tb_acl *acl;

	MUST(tb_acl_compile(rules, 1, &acl));
	return acl;
}

static void test_filters_leave_out_what_they_should(void **state)
{
	struct fixture *f = *state;
	const struct tb_acl *some = compile(true), *none = compile(false);
	const int64_t times[] = { 1,
				  FIRST_S,
				  FIRST_S + 1030,
				  FIRST_S + EVENTS / 2,
				  FIRST_S + EVENTS,
				  FIRST_S + EVENTS + 1 };

	fill(f, EVENTS);
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < TB_ARRAY_LEN(times); i++) {
			struct asked asked = { .at = i * 100,
					       .head = EVENTS,
					       .from_s = times[i] };

			(void)expect(f, asked, NULL);
			asked.acl = some;
			(void)expect(f, asked, NULL);
			asked.acl = none;
			asked.from_s = 0;
			(void)expect(f, asked, NULL);
		}
	tb_acl_unref(some);
	tb_acl_unref(none);
}

/* A segment whose events are all too old is passed over from the second time
 * on: nothing of the store is asked. */
static void test_old_segments_are_not_read_again(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .head = 2048, .from_s = FIRST_S + 2 * EVENTS };
	struct tb_fail_plan plan = { .call = TB_FAIL_BEGIN,
				     .first = 1,
				     .last = UINT64_MAX,
				     .err = TB_ERR_BUSY };

	fill(f, 2048);
	(void)expect(f, asked, NULL);
	tb_fail_set_plan(f->ic.store, &plan);
	(void)expect(f, asked, NULL);
	tb_fail_set_plan(f->ic.store, NULL);
}

static void test_a_failing_store_ends_the_body(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .head = EVENTS };
	struct tb_fail_plan plan = { .call = TB_FAIL_FEED_NEXT,
				     .first = 2000,
				     .last = 2000,
				     .err = TB_ERR_IO };
	enum tb_err err = TB_OK;
	struct tb_source *source;
	struct tb_piece piece = { .plain = NULL };
	uint64_t length;

	fill(f, EVENTS);
	source = open_stream(f, &asked, &length);
	tb_fail_set_plan(f->ic.store, &plan);
	do {
		err = source->ops->make(source, &piece);
		if (!err)
			tb_blob_unref(piece.plain);
	} while (!err && piece.plain);
	tb_fail_set_plan(f->ic.store, NULL);
	assert_int_equal(err, TB_ERR_IO);
	source->ops->destroy(source);
	/* Nothing of what failed was kept. */
	(void)expect(f, asked, NULL);
}

/* One try with the n-th allocation failing; true if there was one. What was
 * read before is forgotten. */
static bool fail_once(struct fixture *f, struct asked asked, uint64_t n)
{
	struct tb_events_stream_options options = {
		.core = f->ic.core,
		.segments = f->segments,
		.history = f->history,
		.head = asked.head,
		.filter = { .user = TB_STR("u"), .from_s = asked.from_s },
	};
	struct tb_piece piece = { .plain = NULL };
	struct tb_source *source;
	uint64_t length, calls;
	enum tb_err err;

	open_segments(f, CACHE_BYTES);
	options.segments = f->segments;
	tb_alloc_fail_at(n);
	err = tb_events_stream_create(f->arena, &options, &source, &length);
	if (!err) {
		source->is_gzip = asked.is_gzip;
		do {
			err = source->ops->make(source, &piece);
			if (!err)
				tb_blob_unref(piece.plain);
			if (!err)
				tb_blob_unref(piece.packed);
		} while (!err && piece.plain);
		source->ops->destroy(source);
	}
	calls = tb_alloc_calls();
	tb_alloc_fail_at(0);
	assert_true(err == TB_OK || err == TB_ERR_NOMEM);
	if (calls >= n)
		return true;
	assert_int_equal(err, TB_OK);
	return false;
}

static void test_nth_allocation_fails(void **state)
{
	struct fixture *f = *state;
	const struct asked rows[] = {
		{ .head = 1100 },
		{ .head = 1100, .is_gzip = true },
		{ .head = 1100, .from_s = FIRST_S + 500 },
	};

	fill(f, 1100);
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		uint64_t n = 1;

		while (fail_once(f, rows[i], n))
			assert_true(n++ < CALLS_MAX);
		assert_true(n > 3);
		(void)expect(f, rows[i], NULL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_from_any_place_to_any_head),
		TEST(test_what_was_read_is_known_and_in_memory),
		TEST(test_without_memory_to_keep_parts_all_is_read),
		TEST(test_large_events_are_parts_of_their_own),
		TEST(test_medium_events_share_parts),
		TEST(test_filters_leave_out_what_they_should),
		TEST(test_old_segments_are_not_read_again),
		TEST(test_a_failing_store_ends_the_body),
		TEST(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
