#include "store/fail/fail.h"

#include "base/alloc.h"
#include "base/assert.h"

struct fail_store {
	struct tb_store store; /* first, so that one is the other */
	struct tb_store *inner;
	struct tb_fail_plan plan; /* first 0: none */
	uint64_t calls[TB_FAIL_CALLS + 1];
};

struct fail_tx {
	struct tb_tx tx;
	struct tb_tx *inner;
};

struct fail_cursor {
	struct fail_store *store;
	struct tb_cursor *inner;
};

static const struct tb_store_ops fail_ops;

static struct fail_store *store_of(struct tb_store *store)
{
	TB_ASSERT(store->ops == &fail_ops);
	return (struct fail_store *)store;
}

static struct tb_tx *inner_of(struct tb_tx *tx)
{
	return ((struct fail_tx *)tx)->inner;
}

static const struct tb_store_ops *ops_of(struct tb_tx *tx)
{
	return inner_of(tx)->store->ops;
}

static uint64_t count(struct fail_store *store, enum tb_fail_call call)
{
	return __atomic_add_fetch(&store->calls[call], 1, __ATOMIC_RELAXED);
}

/* The error that this call is to fail with, or OK. */
static enum tb_err planned(struct fail_store *store, enum tb_fail_call call)
{
	const struct tb_fail_plan *plan = &store->plan;
	uint64_t nth = count(store, call);
	uint64_t nth_of_all = count(store, TB_FAIL_ANY);

	if (plan->call == TB_FAIL_ANY)
		nth = nth_of_all;
	else if (plan->call != call)
		return TB_OK;
	if (plan->first == 0 || nth < plan->first)
		return TB_OK;
	if (nth > (plan->last ? plan->last : plan->first))
		return TB_OK;
	return plan->err;
}

static enum tb_err planned_in(struct tb_tx *tx, enum tb_fail_call call)
{
	return planned(store_of(tx->store), call);
}

/* It needs a store to wrap, and so is made by tb_fail_create. */
static enum tb_err fail_open(const struct tb_store_options *options,
			     struct tb_store **ret)
{
	(void)options;
	(void)ret;
	return TB_ERR_UNSUPPORTED;
}

static void fail_close(struct tb_store *base)
{
	struct fail_store *store;

	if (!base)
		return;
	store = store_of(base);
	store->inner->ops->close(store->inner);
	tb_free(store);
}

static enum tb_err fail_begin(struct tb_store *base, enum tb_tx_mode mode,
			      struct tb_tx **ret)
{
	struct fail_store *store = store_of(base);
	struct fail_tx *tx;
	enum tb_err err = planned(store, TB_FAIL_BEGIN);

	if (err != TB_OK)
		return err;
	tx = tb_malloc(sizeof(*tx));
	if (!tx)
		return TB_ERR_NOMEM;
	tx->tx.store = base;
	err = store->inner->ops->begin(store->inner, mode, &tx->inner);
	if (err != TB_OK) {
		tb_free(tx);
		return err;
	}
	*ret = &tx->tx;
	return TB_OK;
}

static enum tb_err fail_commit(struct tb_tx *tx)
{
	struct fail_store *store = store_of(tx->store);
	enum tb_err wanted = planned(store, TB_FAIL_COMMIT);
	enum tb_err err = TB_OK;

	if (wanted == TB_OK || store->plan.commit_happens)
		err = ops_of(tx)->commit(inner_of(tx));
	else
		ops_of(tx)->rollback(inner_of(tx));
	tb_free(tx);
	return wanted != TB_OK ? wanted : err;
}

static void fail_rollback(struct tb_tx *tx)
{
	if (!tx)
		return;
	ops_of(tx)->rollback(inner_of(tx));
	tb_free(tx);
}

static enum tb_err fail_org_get(struct tb_tx *tx, uint32_t id,
				struct tb_org *ret)
{
	enum tb_err err = planned_in(tx, TB_FAIL_ORG_GET);

	return err != TB_OK ? err : ops_of(tx)->org_get(inner_of(tx), id, ret);
}

static enum tb_err fail_org_next(struct tb_tx *tx, uint32_t after,
				 struct tb_org *ret)
{
	enum tb_err err = planned_in(tx, TB_FAIL_ORG_NEXT);

	return err != TB_OK ? err
			    : ops_of(tx)->org_next(inner_of(tx), after, ret);
}

static enum tb_err fail_find(struct tb_tx *tx, struct tb_arena *arena,
			     const struct tb_key *keys, size_t n,
			     struct tb_record **rets)
{
	enum tb_err err = planned_in(tx, TB_FAIL_FIND);

	return err != TB_OK
		       ? err
		       : ops_of(tx)->find(inner_of(tx), arena, keys, n, rets);
}

static enum tb_err fail_children(struct tb_tx *tx, uint32_t org, uint64_t coll,
				 struct tb_str key, uint64_t after,
				 uint64_t *rets, size_t max, size_t *ret_n)
{
	enum tb_err err = planned_in(tx, TB_FAIL_CHILDREN);

	return err != TB_OK ? err
			    : ops_of(tx)->children(inner_of(tx), org, coll, key,
						   after, rets, max, ret_n);
}

static enum tb_err fail_feed_open(struct tb_tx *tx,
				  const struct tb_feed_query *query,
				  struct tb_cursor **ret)
{
	struct fail_cursor *cursor;
	enum tb_err err = planned_in(tx, TB_FAIL_FEED_OPEN);

	if (err != TB_OK)
		return err;
	cursor = tb_malloc(sizeof(*cursor));
	if (!cursor)
		return TB_ERR_NOMEM;
	cursor->store = store_of(tx->store);
	err = ops_of(tx)->feed_open(inner_of(tx), query, &cursor->inner);
	if (err != TB_OK) {
		tb_free(cursor);
		return err;
	}
	*ret = (struct tb_cursor *)cursor;
	return TB_OK;
}

static enum tb_err fail_feed_next(struct tb_cursor *base,
				  struct tb_feed_row *ret)
{
	struct fail_cursor *cursor = (struct fail_cursor *)base;
	enum tb_err err = planned(cursor->store, TB_FAIL_FEED_NEXT);

	if (err != TB_OK)
		return err;
	return cursor->store->inner->ops->feed_next(cursor->inner, ret);
}

static void fail_feed_close(struct tb_cursor *base)
{
	struct fail_cursor *cursor = (struct fail_cursor *)base;

	if (!cursor)
		return;
	cursor->store->inner->ops->feed_close(cursor->inner);
	tb_free(cursor);
}

static enum tb_err fail_apply(struct tb_tx *tx, const struct tb_op *ops,
			      size_t n)
{
	enum tb_err err = planned_in(tx, TB_FAIL_APPLY);

	return err != TB_OK ? err : ops_of(tx)->apply(inner_of(tx), ops, n);
}

static enum tb_err fail_audit_next(struct tb_tx *tx, struct tb_arena *arena,
				   uint32_t org, uint64_t after,
				   struct tb_audit_row *ret)
{
	enum tb_err err = planned_in(tx, TB_FAIL_AUDIT_NEXT);

	return err != TB_OK ? err
			    : ops_of(tx)->audit_next(inner_of(tx), arena, org,
						     after, ret);
}

static enum tb_err fail_check(struct tb_tx *tx, tb_check_fn *report, void *ctx)
{
	enum tb_err err = planned_in(tx, TB_FAIL_CHECK);

	return err != TB_OK ? err
			    : ops_of(tx)->check(inner_of(tx), report, ctx);
}

static const struct tb_store_ops fail_ops = {
	.name = "fail",
	.open = fail_open,
	.close = fail_close,
	.begin = fail_begin,
	.commit = fail_commit,
	.rollback = fail_rollback,
	.org_get = fail_org_get,
	.org_next = fail_org_next,
	.find = fail_find,
	.children = fail_children,
	.feed_open = fail_feed_open,
	.feed_next = fail_feed_next,
	.feed_close = fail_feed_close,
	.apply = fail_apply,
	.audit_next = fail_audit_next,
	.check = fail_check,
};

enum tb_err tb_fail_create(struct tb_store *inner, struct tb_store **ret)
{
	struct fail_store *store = tb_calloc(1, sizeof(*store));

	if (!store)
		return TB_ERR_NOMEM;
	store->store.ops = &fail_ops;
	store->inner = inner;
	*ret = &store->store;
	return TB_OK;
}

void tb_fail_set_plan(struct tb_store *base, const struct tb_fail_plan *plan)
{
	struct fail_store *store = store_of(base);

	store->plan = plan ? *plan : (struct tb_fail_plan) { 0 };
	memset(store->calls, 0, sizeof(store->calls));
}

uint64_t tb_fail_calls(struct tb_store *base, enum tb_fail_call call)
{
	return __atomic_load_n(&store_of(base)->calls[call], __ATOMIC_RELAXED);
}
