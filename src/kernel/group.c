/*
 * Group commit: many commits in one transaction, in three steps: read what
 * all of them look at, decide one after the other, write what changed.
 */
#include "base/assert.h"
#include "kernel/commit.h"
#include "kernel/work.h"

/* A ceiling, not a plan: what a group holds is bounded by the weights and
 * bodies of its commits, which the request pipeline admits. */
#define GROUP_ARENA_MAX ((size_t)4 << 30)
/* Orgs in one transaction. */
#define GROUP_ORGS_MAX 64

struct group {
	struct tb_store *store;
	struct tb_commit **commits;
	size_t n;
	int64_t now_us;
	struct tb_arena *arena;
	struct tb_tx *tx;
	struct tb_view *views[GROUP_ORGS_MAX];
	size_t n_views;
};

static bool is_refusal(enum tb_err err)
{
	switch (err) {
	case TB_ERR_NOT_FOUND:
	case TB_ERR_EXISTS:
	case TB_ERR_CONFLICT:
	case TB_ERR_DENIED:
	case TB_ERR_INVALID:
	case TB_ERR_RESYNC:
		return true;
	default:
		return false;
	}
}

/* True if the failure may be one commit's fault, so that the others are to be
 * tried without it. */
static bool may_be_culprit(enum tb_err err)
{
	return err == TB_ERR_NOMEM || err == TB_ERR_TOO_LARGE ||
	       err == TB_ERR_CORRUPT || err == TB_ERR_UNSUPPORTED;
}

/* The view of a commit's org. NOT_FOUND is that commit's own outcome. */
static enum tb_err view_of(struct group *group, uint32_t org,
			   struct tb_view **ret)
{
	enum tb_err err;

	for (size_t i = 0; i < group->n_views; i++)
		if (tb_view_org_id(group->views[i]) == org) {
			*ret = group->views[i];
			return TB_OK;
		}
	/* The group is run again in halves, which have fewer. */
	if (group->n_views == GROUP_ORGS_MAX)
		return TB_ERR_TOO_LARGE;
	err = tb_view_create(group->arena, group->tx, org, group->now_us, ret);
	if (err == TB_OK)
		group->views[group->n_views++] = *ret;
	return err;
}

static enum tb_err gather(struct group *group)
{
	for (size_t i = 0; i < group->n; i++) {
		struct tb_commit *commit = group->commits[i];
		struct tb_view *view = NULL;
		enum tb_err err = view_of(group, commit->org, &view);

		commit->err = TB_OK;
		commit->is_audited = false;
		if (err == TB_OK && commit->kind->gather != NULL)
			err = commit->kind->gather(commit, view);
		if (is_refusal(err))
			commit->err = err;
		else if (err != TB_OK)
			return err;
	}
	for (size_t i = 0; i < group->n_views; i++) {
		enum tb_err err = tb_view_load(group->views[i]);

		if (err != TB_OK)
			return err;
	}
	return TB_OK;
}

static enum tb_err decide_one(struct group *group, struct tb_commit *commit)
{
	struct tb_view *view;
	uint64_t before;
	enum tb_err err = view_of(group, commit->org, &view);

	if (err != TB_OK)
		return err;
	before = tb_view_changes(view);
	err = commit->kind->decide(commit, view);
	if (is_refusal(err)) {
		/* A refusal that changed something would be half a commit. */
		TB_ASSERT(tb_view_changes(view) == before);
		commit->err = err;
		return TB_OK;
	}
	commit->is_audited = err == TB_OK && commit->note.operation != NULL &&
			     tb_view_changes(view) != before;
	return commit->is_audited ? tb_audit_append(view, &commit->note) : err;
}

static enum tb_err decide(struct group *group)
{
	for (size_t i = 0; i < group->n; i++) {
		enum tb_err err = TB_OK;

		if (group->commits[i]->err == TB_OK)
			err = decide_one(group, group->commits[i]);
		if (err != TB_OK)
			return err;
	}
	return TB_OK;
}

static enum tb_err apply(struct group *group)
{
	for (size_t i = 0; i < group->n_views; i++) {
		enum tb_err err = tb_view_flush(group->views[i]);

		/* Records whose parents moved follow in the same transaction,
		 * as far as its bound goes. */
		if (err == TB_OK)
			err = tb_work_follow(group->views[i],
					     group->commits[0]->declaration);
		if (err == TB_OK)
			err = tb_view_flush(group->views[i]);
		/* All was decided: what a store does not take now is its own
		 * contradiction, and no refusal of anybody's request. */
		if (err != TB_OK)
			return is_refusal(err) ? TB_ERR_CORRUPT : err;
	}
	return TB_OK;
}

static enum tb_err run_once(struct group *group, tb_group_publish_fn *publish,
			    void *publish_ctx)
{
	const struct tb_store_ops *ops = group->store->ops;
	enum tb_err err;

	group->n_views = 0;
	err = ops->begin(group->store, TB_TX_WRITE, &group->tx);
	if (err != TB_OK)
		return err;
	err = gather(group);
	if (err == TB_OK)
		err = decide(group);
	if (err == TB_OK)
		err = apply(group);
	if (err != TB_OK) {
		ops->rollback(group->tx);
		return err;
	}
	err = ops->commit(group->tx);
	for (size_t i = 0; err == TB_OK && i < group->n_views; i++) {
		struct tb_moves moves = tb_view_moves(group->views[i]);

		publish(publish_ctx, tb_view_org_row(group->views[i]), &moves);
	}
	return err;
}

static void fail_all(struct tb_commit **commits, size_t n, enum tb_err err)
{
	for (size_t i = 0; i < n; i++)
		commits[i]->err = err;
}

enum tb_err tb_group_run(struct tb_store *store, struct tb_commit **commits,
			 size_t n, int64_t now_us, tb_group_publish_fn *publish,
			 void *publish_ctx)
{
	struct group group = {
		.store = store,
		.commits = commits,
		.n = n,
		.now_us = now_us,
		.arena = tb_arena_create(GROUP_ARENA_MAX),
	};
	enum tb_err err = TB_ERR_NOMEM;

	TB_ASSERT(n > 0);
	if (group.arena != NULL)
		err = run_once(&group, publish, publish_ctx);
	tb_arena_destroy(group.arena);
	if (err == TB_OK)
		return TB_OK;
	if (n == 1 || !may_be_culprit(err)) {
		fail_all(commits, n, err);
		return err == TB_ERR_IO ? err : TB_OK;
	}
	err = tb_group_run(store, commits, n / 2, now_us, publish, publish_ctx);
	if (err == TB_OK)
		return tb_group_run(store, commits + n / 2, n - n / 2, now_us,
				    publish, publish_ctx);
	fail_all(commits + n / 2, n - n / 2, err);
	return err;
}
