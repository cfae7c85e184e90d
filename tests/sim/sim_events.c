/*
 * Users who post events: new ones, such as are stored already, and such as
 * take another's uuid, in groups of commits, some of them again because their
 * answers were lost. Each outcome and the history in the end are compared with
 * a naive model. Prints its seed; `sim_events SEED` replays one,
 * `sim_events FIRST LAST` runs a range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "fleet.h"
#include "kernel/audit_verify.h"
#include "kernel/event.h"
#include "kernel/system.h"

#define USERS 3
#define UUIDS 210 /* of each user as many */
#define STEPS 60
#define POSTS_MAX 6
#define EVENTS_MAX 12
#define LATEST_S 2000000000
#define BODY_MAX 256
#define ARENA_MAX ((size_t)64 << 20)

/* What an event says, and the body that it gets if it is stored. */
struct said {
	unsigned uuid;
	unsigned user;
	unsigned variant;
	struct tb_str body;
};

struct asked {
	struct tb_event_post post;
	struct tb_event events[EVENTS_MAX];
	struct said said[EVENTS_MAX];
};

struct world {
	uint64_t random;
	struct centre centre;
	struct tb_arena *arena;
	struct said history[UUIDS];
	size_t n;
	uint64_t audit_n; /* rows that there must be */
	struct asked asked[POSTS_MAX];
	size_t n_asked;
};

static const char *const users[USERS] = { "u1", "u2", "u3" };

/* xorshift64*: enough to mix operations, and the same everywhere. */
static unsigned pick(struct world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * 0x2545f4914f6cdd1dull) >> 33) % n;
}

/* ---- posts ---- */

/* An event as a client writes it, in one of two spellings that say the same. */
static struct tb_str write_event(struct world *w, const struct said *said)
{
	struct tb_str ret = TB_STR_NONE;
	enum tb_err err;

	if (pick(w, 2))
		err = tb_arena_printf(w->arena, &ret,
				      "{\"uuid\":\"e%u\",\"timestamp\":%u,"
				      "\"itemUuid\":\"item\",\"action\":"
				      "\"edit\",\"payload\":\"v%u\"}",
				      said->uuid, 1 + said->uuid,
				      said->variant);
	else
		err = tb_arena_printf(w->arena, &ret,
				      "{ \"payload\": \"\\u0076%u\", \"uuid\""
				      ": \"\\u0065%u\", \"timestamp\": %u, "
				      "\"userUuid\": \"x\", \"action\": "
				      "\"edit\", \"itemUuid\": \"item\" }",
				      said->variant, said->uuid,
				      1 + said->uuid);
	assert_int_equal(err, TB_OK);
	return ret;
}

static void make_event(struct world *w, struct said *said,
		       struct tb_event *event)
{
	struct tb_str text = write_event(w, said);
	struct tb_event_fields fields;
	enum tb_event_flaw flaw;
	struct tb_json json;
	struct tb_buf body;

	tb_buf_init(&body, BODY_MAX);
	assert_int_equal(tb_json_parse(w->arena, text, NULL, &json, NULL),
			 TB_OK);
	assert_int_equal(tb_event_take(w->arena, tb_json_root(&json),
				       tb_str_z(users[said->user]), LATEST_S,
				       &body, &fields, &flaw),
			 TB_OK);
	assert_int_equal(flaw, TB_EVENT_GOOD);
	assert_int_equal(
		tb_arena_strdup(w->arena, tb_buf_str(&body), &said->body),
		TB_OK);
	assert_int_equal(tb_arena_strdup(w->arena, fields.uuid, &event->uuid),
			 TB_OK);
	event->body = said->body;
	tb_buf_fini(&body);
}

/* Numbers of uuids that rise with time, so that old and new ones mix. */
static unsigned pick_uuid(struct world *w)
{
	unsigned newest = (unsigned)w->n + 8;

	return pick(w, newest < UUIDS ? newest : UUIDS);
}

static void make_post(struct world *w, struct asked *asked)
{
	unsigned user = pick(w, USERS);
	struct tb_event_post post = {
		.commit.note = { .event_type = "events",
				 .operation = "post",
				 .status = "ok",
				 .principal = tb_str_z(users[user]) },
		.is_lenient = pick(w, 2),
		.events = asked->events,
		.n = pick(w, EVENTS_MAX + 1),
	};

	for (size_t i = 0; i < post.n; i++) {
		unsigned uuid = pick_uuid(w);

		/* Most uuids are their author's, most contents the same. */
		asked->said[i] = (struct said) {
			.uuid = uuid,
			.user = user,
			.variant = pick(w, 12) == 0,
		};
		if (pick(w, 12) != 0)
			asked->said[i].uuid = uuid - uuid % USERS + user;
		make_event(w, &asked->said[i], &asked->events[i]);
	}
	asked->post = post;
	tb_event_post_init(&asked->post, FLEET_ORG);
}

/* ---- the model ---- */

static const struct said *find(const struct world *w, unsigned uuid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->history[i].uuid == uuid)
			return &w->history[i];
	return NULL;
}

static enum tb_event_outcome add(struct world *w, const struct said *said)
{
	const struct said *there = find(w, said->uuid);

	if (there == NULL) {
		TB_ASSERT(w->n < UUIDS);
		w->history[w->n++] = *said;
		return TB_EVENT_STORED;
	}
	return there->user == said->user && there->variant == said->variant
		       ? TB_EVENT_REPEATED
		       : TB_EVENT_TAKEN;
}

/* Compares what became of a post with what the model says. */
static void check_post(struct world *w, const struct asked *asked,
		       uint64_t generation)
{
	const struct tb_event_post *post = &asked->post;
	size_t before = w->n;

	if (post->generation != generation) {
		assert_int_equal(post->commit.err, TB_ERR_CONFLICT);
		return;
	}
	for (size_t i = 0; i < post->n; i++) {
		enum tb_event_outcome outcome = add(w, &asked->said[i]);

		if (outcome == TB_EVENT_TAKEN && !post->is_lenient) {
			assert_int_equal(post->commit.err, TB_ERR_EXISTS);
			assert_int_equal(post->taken, i);
			w->n = before;
			return;
		}
		assert_int_equal(asked->events[i].outcome, outcome);
	}
	assert_int_equal(post->commit.err, TB_OK);
	assert_int_equal(post->n_stored, w->n - before);
	assert_int_equal(post->before, before);
	assert_int_equal(post->head, w->n);
	w->audit_n += post->n_stored > 0;
}

/* ---- steps ---- */

static void publish(void *ctx, const struct tb_org *org,
		    const struct tb_moves *moves)
{
	struct world *w = ctx;

	assert_int_equal(tb_core_publish_group(w->centre.core, org, moves),
			 TB_OK);
}

static struct tb_heads heads(struct world *w)
{
	struct tb_heads ret;

	assert_int_equal(tb_core_heads(w->centre.core, FLEET_ORG, &ret), TB_OK);
	return ret;
}

/* Runs the posts as one group; now and then one that was permitted under
 * rules that changed since. */
static void run_group(struct world *w)
{
	uint64_t generation = heads(w).generation;
	struct tb_commit *commits[POSTS_MAX];

	for (size_t i = 0; i < w->n_asked; i++) {
		w->asked[i].post.generation = generation - (pick(w, 10) == 0);
		commits[i] = &w->asked[i].post.commit;
	}
	assert_int_equal(tb_group_run(w->centre.store, commits, w->n_asked,
				      w->centre.now_us, publish, w),
			 TB_OK);
	for (size_t i = 0; i < w->n_asked; i++)
		check_post(w, &w->asked[i], generation);
	assert_int_equal(heads(w).dense[TB_DENSE_EVENTS], w->n);
}

static void step(struct world *w)
{
	w->centre.now_us += pick(w, 3);
	w->n_asked = 1 + pick(w, POSTS_MAX);
	for (size_t i = 0; i < w->n_asked; i++)
		make_post(w, &w->asked[i]);
	run_group(w);
	while (pick(w, 4) == 0) /* the answers were lost */
		run_group(w);
}

/* ---- what there is in the end ---- */

/* Reads from any place on: dense numbers, in the model's order, with the
 * bodies that were stored. */
static void check_history(struct world *w, struct tb_tx *tx, uint64_t after)
{
	const struct tb_store_ops *ops = w->centre.store->ops;
	struct tb_feed_query query = {
		.scope = tb_scope_known(FLEET_ORG, TB_SCOPE_EVENTS),
		.after = after,
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;

	assert_int_equal(ops->feed_open(tx, &query, &cursor), TB_OK);
	for (uint64_t n = after; n < w->n; n++) {
		assert_int_equal(ops->feed_next(cursor, &row), TB_OK);
		assert_int_equal(row.num, n + 1);
		assert_int_equal(row.record.coll, TB_COLL_EVENT);
		assert_true(tb_str_eq(row.record.body, w->history[n].body));
	}
	assert_int_equal(ops->feed_next(cursor, &row), TB_ERR_NOT_FOUND);
	ops->feed_close(cursor);
}

static void check_audit(struct world *w)
{
	struct tb_audit_verdict verdict;

	assert_int_equal(tb_audit_verify(w->centre.core, FLEET_ORG, &verdict),
			 TB_OK);
	assert_null(verdict.problem);
	assert_int_equal(verdict.first_bad, 0);
	assert_int_equal(verdict.rows, w->audit_n);
}

static void broken(void *ctx, const char *invariant, uint64_t rid,
		   const char *what)
{
	(void)ctx;
	fail_msg("%s, %llu: %s", invariant, (unsigned long long)rid, what);
}

static void check(struct world *w)
{
	struct tb_tx *tx;

	assert_int_equal(tb_core_read(w->centre.core, &tx), TB_OK);
	check_history(w, tx, 0);
	check_history(w, tx, pick(w, (unsigned)w->n + 1));
	check_audit(w);
	assert_int_equal(w->centre.store->ops->check(tx, broken, NULL), TB_OK);
	tb_core_read_end(tx);
}

static void run(uint64_t seed)
{
	static struct world w;
	struct tb_org org;
	struct tb_tx *tx;

	memset(&w, 0, sizeof(w));
	w.random = seed * 0x9e3779b97f4a7c15ull + 1;
	printf("seed %llu\n", (unsigned long long)seed);
	centre_open(&w.centre, memory_store());
	w.arena = tb_arena_create(ARENA_MAX);
	assert_non_null(w.arena);
	assert_int_equal(tb_core_read(w.centre.core, &tx), TB_OK);
	assert_int_equal(w.centre.store->ops->org_get(tx, FLEET_ORG, &org),
			 TB_OK);
	tb_core_read_end(tx);
	w.audit_n = org.audit_n;
	for (int n = 0; n < STEPS; n++)
		step(&w);
	check(&w);
	tb_arena_destroy(w.arena);
	centre_close(&w.centre);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t last = argc > 2   ? strtoull(argv[2], NULL, 10)
			: argc > 1 ? first
				   : 100;

	for (uint64_t seed = first; seed <= last; seed++)
		run(seed);
	return 0;
}
