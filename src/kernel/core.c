#include "kernel/core.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/table.h"
#include "kernel/commit.h"
#include "kernel/names.h"
#include "kernel/scope_end.h"

/* For the records of some scopes' names. */
#define SCOPES_ARENA_MAX_BYTES ((size_t)1 << 20)

struct heads {
	uint32_t org; /* first, as base/table.h wants it */
	struct tb_heads heads;
};

struct listener {
	tb_core_listener_fn *fn;
	void *ctx;
};

struct tb_core {
	struct tb_core_options options;
	struct tb_names *names;
	pthread_rwlock_t lock; /* of what follows */
	struct heads *orgs;    /* in the order of their ids */
	size_t n_orgs;
	size_t cap_orgs;
	struct tb_scope_heads *scopes;
	struct listener listeners[TB_CORE_LISTENERS_MAX];
	size_t n_listeners;
};

enum tb_err tb_core_create(const struct tb_core_options *options,
			   struct tb_core **ret)
{
	struct tb_core *core = tb_calloc(1, sizeof(*core));

	if (core == NULL)
		return TB_ERR_NOMEM;
	core->options = *options;
	core->names = tb_names_create();
	core->scopes = tb_scope_heads_create();
	if (core->names == NULL || core->scopes == NULL) {
		tb_names_destroy(core->names);
		tb_scope_heads_destroy(core->scopes);
		tb_free(core);
		return TB_ERR_NOMEM;
	}
	TB_ASSERT(pthread_rwlock_init(&core->lock, NULL) == 0);
	*ret = core;
	return TB_OK;
}

void tb_core_destroy(struct tb_core *core)
{
	if (core == NULL)
		return;
	tb_names_destroy(core->names);
	tb_scope_heads_destroy(core->scopes);
	pthread_rwlock_destroy(&core->lock);
	tb_free(core->orgs);
	tb_free(core);
}

int64_t tb_core_now_us(struct tb_core *core)
{
	return core->options.now_us(core->options.now_ctx);
}

const struct tb_declaration *tb_core_declaration(const struct tb_core *core)
{
	return core->options.declaration;
}

enum tb_err tb_core_read(struct tb_core *core, struct tb_tx **ret)
{
	struct tb_store *store = core->options.store;

	return store->ops->begin(store, TB_TX_READ, ret);
}

void tb_core_read_end(struct tb_tx *tx)
{
	if (tx != NULL)
		tx->store->ops->rollback(tx);
}

enum tb_err tb_core_commit(struct tb_core *core, struct tb_commit *commit)
{
	commit->declaration = core->options.declaration;
	core->options.committer.submit(core->options.committer.ctx, commit);
	if (commit->err == TB_OK && commit->is_audited &&
	    commit->note.is_written != NULL)
		*commit->note.is_written = true;
	return commit->err;
}

bool tb_core_is_writable(const struct tb_core *core)
{
	const struct tb_committer *committer = &core->options.committer;

	return committer->is_writable == NULL ||
	       committer->is_writable(committer->ctx);
}

/* Where an org is or would stand. */
static size_t position_of(const struct tb_core *core, uint32_t org)
{
	return tb_table_position(core->orgs, core->n_orgs, sizeof(*core->orgs),
				 org);
}

enum tb_err tb_core_heads(struct tb_core *core, uint32_t org,
			  struct tb_heads *ret)
{
	enum tb_err err = TB_ERR_NOT_FOUND;
	size_t at;

	pthread_rwlock_rdlock(&core->lock);
	at = position_of(core, org);
	if (at < core->n_orgs && core->orgs[at].org == org) {
		*ret = core->orgs[at].heads;
		err = TB_OK;
	}
	pthread_rwlock_unlock(&core->lock);
	return err;
}

bool tb_core_next_org(struct tb_core *core, uint32_t after, uint32_t *ret_id,
		      struct tb_heads *ret)
{
	bool found;
	size_t at;

	pthread_rwlock_rdlock(&core->lock);
	at = position_of(core, after + 1);
	found = at < core->n_orgs;
	if (found) {
		*ret_id = core->orgs[at].org;
		*ret = core->orgs[at].heads;
	}
	pthread_rwlock_unlock(&core->lock);
	return found;
}

static struct tb_heads heads_of(const struct tb_org *org)
{
	struct tb_heads heads = {
		.epoch = org->epoch,
		.head = org->head,
		.last_us = org->last_us,
		.generation = org->generation,
	};

	memcpy(heads.dense, org->dense, sizeof(heads.dense));
	memcpy(heads.floor, org->floor, sizeof(heads.floor));
	return heads;
}

/* What an org's row counts only rises, so that one lower number tells. */
static bool is_older(const struct tb_heads *a, const struct tb_heads *b)
{
	bool older = a->head < b->head || a->generation < b->generation;

	for (size_t i = 0; i < TB_DENSE_COUNT; i++)
		older |= a->floor[i] < b->floor[i];
	return a->epoch == b->epoch && older;
}

static enum tb_err insert_org(struct tb_core *core, size_t at,
			      const struct heads *heads)
{
	struct heads *orgs = tb_table_insert(
		core->orgs, &core->n_orgs, &core->cap_orgs, sizeof(*orgs), at);

	if (orgs == NULL)
		return TB_ERR_NOMEM;
	core->orgs = orgs;
	orgs[at] = *heads;
	return TB_OK;
}

/* Others have changed the org between what was known and these moves. */
static bool has_gap(const struct tb_heads *before, const struct tb_org *org,
		    const struct tb_moves *moves)
{
	return before->epoch != org->epoch || before->head < moves->head_before;
}

/* Takes newer heads over. `*ret_before`: those that were known; all 0 where
 * nothing was. */
static enum tb_err put_heads(struct tb_core *core, const struct tb_org *org,
			     const struct tb_moves *moves,
			     struct tb_heads *ret_before)
{
	struct heads heads = { org->id, heads_of(org) };
	size_t at = position_of(core, org->id);
	struct tb_heads before = { .head = 0 };
	bool is_known = at < core->n_orgs && core->orgs[at].org == org->id;
	enum tb_err err = TB_OK;

	if (is_known)
		before = core->orgs[at].heads;
	else
		err = insert_org(core, at, &heads);
	if (err != TB_OK)
		return err;
	if (is_known && !is_older(&heads.heads, &before))
		core->orgs[at].heads = heads.heads;
	core->orgs[at].heads.scopes_turn =
		before.scopes_turn +
		(moves->makes_scopes || has_gap(&before, org, moves));
	*ret_before = before;
	return TB_OK;
}

void tb_core_listen(struct tb_core *core, tb_core_listener_fn *listener,
		    void *ctx)
{
	pthread_rwlock_wrlock(&core->lock);
	TB_ASSERT(core->n_listeners < TB_CORE_LISTENERS_MAX);
	core->listeners[core->n_listeners++] =
		(struct listener) { .fn = listener, .ctx = ctx };
	pthread_rwlock_unlock(&core->lock);
}

void tb_core_listen_no_more(struct tb_core *core, const void *ctx)
{
	size_t n = 0;

	pthread_rwlock_wrlock(&core->lock);
	for (size_t i = 0; i < core->n_listeners; i++)
		if (core->listeners[i].ctx != ctx)
			core->listeners[n++] = core->listeners[i];
	core->n_listeners = n;
	pthread_rwlock_unlock(&core->lock);
}

/* Within the lock, so that who stops listening is not called afterwards. */
static void tell_listeners(struct tb_core *core, const struct tb_org *org,
			   const struct tb_heads *before)
{
	if (before->epoch == org->epoch && before->head >= org->head)
		return;
	for (size_t i = 0; i < core->n_listeners; i++)
		core->listeners[i].fn(core->listeners[i].ctx, org->id);
}

enum tb_err tb_core_publish_group(struct tb_core *core,
				  const struct tb_org *org,
				  const struct tb_moves *moves)
{
	struct tb_heads before;
	enum tb_err err;

	pthread_rwlock_wrlock(&core->lock);
	err = put_heads(core, org, moves, &before);
	if (err == TB_OK && has_gap(&before, org, moves))
		tb_scope_heads_forget(core->scopes, org->id);
	for (size_t i = 0; i < moves->n; i++)
		tb_scope_heads_move(core->scopes, &moves->list[i]);
	if (err == TB_OK)
		tell_listeners(core, org, &before);
	pthread_rwlock_unlock(&core->lock);
	return err;
}

enum tb_err tb_core_publish(struct tb_core *core, const struct tb_org *org)
{
	/* Nobody told what moved. */
	const struct tb_moves moves = { .head_before = org->head };

	return tb_core_publish_group(core, org, &moves);
}

bool tb_core_find_scopes(struct tb_core *core, uint32_t org,
			 const uint64_t *scopes, size_t n,
			 struct tb_heads *ret_heads, uint64_t *rets)
{
	bool found;
	size_t at;

	pthread_rwlock_rdlock(&core->lock);
	at = position_of(core, org);
	found = at < core->n_orgs && core->orgs[at].org == org;
	for (size_t i = 0; found && i < n; i++)
		found = tb_scope_heads_find(core->scopes, scopes[i], &rets[i]);
	if (found)
		*ret_heads = core->orgs[at].heads;
	pthread_rwlock_unlock(&core->lock);
	return found;
}

static enum tb_err read_scopes(struct tb_core *core, uint32_t org,
			       const uint64_t *scopes, size_t n,
			       struct tb_heads *ret_heads, uint64_t *rets)
{
	struct tb_arena *arena = tb_arena_create(SCOPES_ARENA_MAX_BYTES);
	struct tb_org row;
	struct tb_tx *tx;
	enum tb_err err =
		arena != NULL ? tb_core_read(core, &tx) : TB_ERR_NOMEM;

	if (err != TB_OK) {
		tb_arena_destroy(arena);
		return err;
	}
	err = tx->store->ops->org_get(tx, org, &row);
	for (size_t i = 0; err == TB_OK && i < n; i++)
		err = tb_scope_end(tx, arena, scopes[i], &rets[i]);
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	if (err == TB_OK)
		*ret_heads = heads_of(&row);
	return err;
}

enum tb_err tb_core_load_scopes(struct tb_core *core, uint32_t org,
				const uint64_t *scopes, size_t n,
				struct tb_heads *ret_heads, uint64_t *rets)
{
	enum tb_err err = TB_OK;
	uint64_t turn = 0;

	pthread_rwlock_wrlock(&core->lock);
	for (size_t i = 0; err == TB_OK && i < n; i++)
		err = tb_scope_heads_expect(core->scopes, scopes[i], &turn);
	pthread_rwlock_unlock(&core->lock);
	if (err == TB_OK)
		err = read_scopes(core, org, scopes, n, ret_heads, rets);
	if (err != TB_OK)
		return err;
	pthread_rwlock_wrlock(&core->lock);
	for (size_t i = 0; i < n; i++)
		tb_scope_heads_settle(core->scopes, scopes[i], turn, rets[i]);
	pthread_rwlock_unlock(&core->lock);
	return TB_OK;
}

enum tb_err tb_core_name_rid(struct tb_core *core, struct tb_tx *tx,
			     uint32_t org, uint64_t coll, struct tb_str name,
			     uint64_t *ret)
{
	struct tb_key key = { .org = org, .coll = coll, .key = name };
	struct tb_record *record = NULL;
	struct tb_arena *arena;
	enum tb_err err;

	if (tb_names_find(core->names, org, coll, name, ret))
		return TB_OK;
	arena = tb_arena_create(64u << 10);
	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tx->store->ops->find(tx, arena, &key, 1, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK) {
		*ret = record->rid;
		tb_names_add(core->names, org, coll, name, record->rid);
	}
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_core_rid_name(struct tb_core *core, struct tb_tx *tx,
			     struct tb_arena *arena, uint64_t rid,
			     struct tb_str *ret)
{
	struct tb_key key = { .org = tb_rid_org(rid), .rid = rid };
	struct tb_record *record = NULL;
	enum tb_err err;

	if (tb_names_find_rid(core->names, rid, ret))
		return TB_OK;
	err = tx->store->ops->find(tx, arena, &key, 1, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err != TB_OK)
		return err;
	tb_names_add(core->names, key.org, record->coll, record->key, rid);
	*ret = record->key;
	return TB_OK;
}
