/*
 * The commit that adds events: it decides about all of them before it changes
 * anything, so that a refused post leaves nothing.
 */
#include "kernel/event.h"

#include <stdio.h>

#include "base/assert.h"
#include "kernel/event_same.h"
#include "kernel/system.h"

/* For what a look into two events takes. */
#define SCRATCH_MAX_BYTES ((size_t)1 << 30)

/* What a uuid's first event says, which is the stored one's, if there is one.
 * It is computed once, however often the uuid comes: with the events of a post
 * the time grows, not with their product. */
struct said {
	bool is_known;
	uint8_t digest[TB_SHA256_BYTES];
};

/* The events of one post by their uuids: a hash table that is at most half
 * full, of indexes plus one. */
struct seen {
	const struct tb_event *events;
	size_t n;
	size_t *slots;
	size_t mask;
	struct said *said; /* by the uuid's first index; NULL: nothing yet */
	struct tb_arena *scratch; /* NULL: nothing yet */
};

static enum tb_err seen_init(struct seen *seen, struct tb_arena *arena,
			     const struct tb_event_post *post)
{
	size_t n = 2;

	while (n < 2 * post->n)
		n *= 2;
	*seen = (struct seen) {
		.events = post->events,
		.n = post->n,
		.slots = tb_arena_calloc(arena, n, sizeof(*seen->slots)),
		.mask = n - 1,
	};
	return seen->slots != NULL ? TB_OK : TB_ERR_NOMEM;
}

static void seen_fini(struct seen *seen)
{
	tb_arena_destroy(seen->scratch);
}

/* The first event with the uuid of event `i`, which may be that itself. */
static size_t seen_first(struct seen *seen, size_t i)
{
	struct tb_str uuid = seen->events[i].uuid;
	size_t at = tb_str_hash(uuid) & seen->mask;

	while (seen->slots[at] != 0) {
		size_t other = seen->slots[at] - 1;

		if (tb_str_eq(seen->events[other].uuid, uuid))
			return other;
		at = (at + 1) & seen->mask;
	}
	seen->slots[at] = i + 1;
	return i;
}

/* Most posts compare nothing, or the same bytes. */
static enum tb_err prepare_compare(struct seen *seen, struct tb_arena *arena)
{
	if (seen->said == NULL)
		seen->said =
			tb_arena_calloc(arena, seen->n, sizeof(*seen->said));
	if (seen->said == NULL)
		return TB_ERR_NOMEM;
	if (seen->scratch == NULL)
		seen->scratch = tb_arena_create(SCRATCH_MAX_BYTES);
	return seen->scratch != NULL ? TB_OK : TB_ERR_NOMEM;
}

static enum tb_err digest(struct seen *seen, struct tb_str body,
			  uint8_t ret[TB_SHA256_BYTES])
{
	tb_arena_reset(seen->scratch);
	return tb_event_digest(seen->scratch, body, ret);
}

/* Whether `body` says what `other` does, of the uuid that came first as event
 * `first`. */
static enum tb_err compare(struct seen *seen, struct tb_arena *arena,
			   size_t first, struct tb_str other,
			   struct tb_str body, bool *ret)
{
	uint8_t own[TB_SHA256_BYTES];
	struct said *said;
	enum tb_err err;

	*ret = tb_str_eq(other, body);
	if (*ret)
		return TB_OK;
	err = prepare_compare(seen, arena);
	if (err != TB_OK)
		return err;
	said = &seen->said[first];
	if (!said->is_known)
		err = digest(seen, other, said->digest);
	if (err != TB_OK)
		return err;
	said->is_known = true;
	err = digest(seen, body, own);
	*ret = err == TB_OK && memcmp(own, said->digest, sizeof(own)) == 0;
	return err;
}

/* What is to become of event `i`, by what is stored and what stands before it
 * in the post. */
static enum tb_err judge(struct tb_event_post *post, struct tb_view *view,
			 struct seen *seen, size_t i)
{
	struct tb_event *event = &post->events[i];
	size_t first = seen_first(seen, i);
	const struct tb_record *stored;
	struct tb_str other = post->events[first].body;
	bool same;
	enum tb_err err =
		tb_view_get(view, TB_COLL_EVENT, event->uuid, &stored);

	if (err != TB_OK)
		return err;
	event->outcome = TB_EVENT_STORED;
	if (stored == NULL && first == i)
		return TB_OK;
	if (stored != NULL)
		other = stored->body;
	err = compare(seen, tb_view_arena(view), first, other, event->body,
		      &same);
	event->outcome = same ? TB_EVENT_REPEATED : TB_EVENT_TAKEN;
	return err;
}

static enum tb_err judge_each(struct tb_event_post *post, struct tb_view *view,
			      struct seen *seen)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < post->n; i++) {
		err = judge(post, view, seen, i);
		if (err == TB_OK && !post->is_lenient &&
		    post->events[i].outcome == TB_EVENT_TAKEN) {
			post->taken = i;
			err = TB_ERR_EXISTS;
		}
	}
	return err;
}

static enum tb_err judge_all(struct tb_event_post *post, struct tb_view *view)
{
	struct seen seen;
	enum tb_err err = seen_init(&seen, tb_view_arena(view), post);

	if (err == TB_OK)
		err = judge_each(post, view, &seen);
	seen_fini(&seen);
	return err;
}

static enum tb_err store_all(struct tb_event_post *post, struct tb_view *view)
{
	const struct tb_target target = {
		.scope = tb_scope_known(post->commit.org, TB_SCOPE_EVENTS),
	};
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < post->n; i++) {
		struct tb_put put = {
			.coll = TB_COLL_EVENT,
			.key = post->events[i].uuid,
			.body = post->events[i].body,
			.origin = TB_ORIGIN_CENTRE,
			.targets = &target,
			.n_targets = 1,
		};

		if (post->events[i].outcome != TB_EVENT_STORED)
			continue;
		err = tb_view_put(view, &put, NULL);
		post->n_stored++;
	}
	return err;
}

static void set_detail(struct tb_event_post *post)
{
	int n = snprintf(post->detail, sizeof(post->detail),
			 "\"events\":%zu,\"stored\":%zu", post->n,
			 post->n_stored);

	TB_ASSERT(n > 0 && (size_t)n < sizeof(post->detail));
	post->commit.note.detail = tb_str(post->detail, (size_t)n);
}

static enum tb_err post_gather(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_event_post *post = (struct tb_event_post *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < post->n; i++)
		err = tb_view_want(view, TB_COLL_EVENT, post->events[i].uuid);
	return err;
}

static enum tb_err post_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_event_post *post = (struct tb_event_post *)commit;
	const struct tb_org *org = tb_view_org_row(view);
	enum tb_err err;

	post->n_stored = 0;
	if (!post->is_import && org->generation != post->generation)
		return TB_ERR_CONFLICT;
	err = judge_all(post, view);
	if (err == TB_OK && post->is_refused)
		err = TB_ERR_DENIED;
	if (err != TB_OK)
		return err;
	post->before = org->dense[TB_DENSE_EVENTS];
	err = store_all(post, view);
	if (err != TB_OK)
		return err;
	post->head = org->dense[TB_DENSE_EVENTS];
	if (post->n_stored > 0 && !post->is_import)
		tb_view_org(view)->commits++;
	set_detail(post);
	return TB_OK;
}

void tb_event_post_init(struct tb_event_post *post, uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "post_events",
		.gather = post_gather,
		.decide = post_decide,
	};

	post->commit.kind = &kind;
	post->commit.org = org;
	post->commit.weight = post->n;
}
