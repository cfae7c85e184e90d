/* The memory engine: opening and transactions. Nothing outlives `close`. */
#include "store/stores.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "store/gate.h"
#include "store/memory/memory.h"

struct tb_memory_store {
	struct tb_store store; /* first, so that one is the other */
	uint32_t busy_timeout_ms;
	struct tb_gate readers;
	struct tb_gate writers;
	pthread_mutex_t tree_lock;
	struct tb_tree tree; /* as committed; under tree_lock */
};

static struct tb_memory_store *store_of(struct tb_store *store)
{
	return (struct tb_memory_store *)store;
}

static enum tb_err memory_open(const struct tb_store_options *options,
			       struct tb_store **ret)
{
	struct tb_memory_store *store = tb_calloc(1, sizeof(*store));

	if (!store)
		return TB_ERR_NOMEM;
	store->store.ops = &tb_store_memory;
	store->busy_timeout_ms = options->busy_timeout_ms;
	tb_gate_init(&store->readers, options->readers_max);
	tb_gate_init(&store->writers, 1);
	TB_ASSERT(pthread_mutex_init(&store->tree_lock, NULL) == 0);
	*ret = &store->store;
	return TB_OK;
}

static void memory_close(struct tb_store *base)
{
	struct tb_memory_store *store = store_of(base);

	if (!store)
		return;
	tb_gate_fini(&store->readers);
	tb_gate_fini(&store->writers);
	pthread_mutex_destroy(&store->tree_lock);
	tb_tree_fini(&store->tree);
	tb_free(store);
}

static struct tb_gate *gate_of(struct tb_memory_store *store,
			       enum tb_tx_mode mode)
{
	return mode == TB_TX_WRITE ? &store->writers : &store->readers;
}

static enum tb_err memory_begin(struct tb_store *base, enum tb_tx_mode mode,
				struct tb_tx **ret)
{
	struct tb_memory_store *store = store_of(base);
	struct tb_memory_tx *tx = tb_calloc(1, sizeof(*tx));
	enum tb_err err;

	if (!tx)
		return TB_ERR_NOMEM;
	err = tb_gate_enter(gate_of(store, mode), store->busy_timeout_ms);
	if (err != TB_OK) {
		tb_free(tx);
		return err;
	}
	tx->tx.store = base;
	tx->mode = mode;
	pthread_mutex_lock(&store->tree_lock);
	tb_tree_copy(&store->tree, &tx->tree);
	pthread_mutex_unlock(&store->tree_lock);
	*ret = &tx->tx;
	return TB_OK;
}

static void memory_rollback(struct tb_tx *base)
{
	struct tb_memory_tx *tx = tb_memory_tx_of(base);

	if (!tx)
		return;
	TB_ASSERT(tx->cursors_open == 0);
	tb_tree_fini(&tx->tree);
	tb_gate_leave(gate_of(store_of(tx->tx.store), tx->mode));
	tb_free(tx);
}

static enum tb_err memory_commit(struct tb_tx *base)
{
	struct tb_memory_tx *tx = tb_memory_tx_of(base);
	struct tb_memory_store *store = store_of(base->store);

	TB_ASSERT(!tx->spoiled);
	if (tx->mode == TB_TX_WRITE) {
		struct tb_tree before;

		pthread_mutex_lock(&store->tree_lock);
		before = store->tree;
		store->tree = tx->tree;
		pthread_mutex_unlock(&store->tree_lock);
		tx->tree = before;
	}
	memory_rollback(base);
	return TB_OK;
}

const struct tb_store_ops tb_store_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.org_get = tb_memory_org_get,
	.org_next = tb_memory_org_next,
	.find = tb_memory_find,
	.children = tb_memory_children,
	.feed_open = tb_memory_feed_open,
	.feed_next = tb_memory_feed_next,
	.feed_close = tb_memory_feed_close,
	.apply = tb_memory_apply,
	.audit_next = tb_memory_audit_next,
	.check = tb_memory_check,
};
