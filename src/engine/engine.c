#include "engine/engine.h"

#include <stdatomic.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "engine/maintenance.h"
#include "engine/writer.h"
#include "kernel/commit.h"

const struct tb_engine_options tb_engine_default_options = {
	.at = {
		.path = "var",
		.readers_max = 64,
		.busy_timeout_ms = 5000,
	},
	.group_max = 256,
	.weight_max = 8192,
	.queue_max = 4096,
};

struct tb_engine {
	struct tb_engine_options options;
	struct tb_store *store;
	struct tb_core *core;
	struct tb_writer_thread *writer; /* NULL: commits run inline */
	struct tb_maintenance maintenance;
	atomic_bool writable;
};

static int64_t clock_us(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void publish(void *ctx, const struct tb_org *org,
		    const struct tb_moves *moves)
{
	struct tb_engine *engine = ctx;

	/* Without memory for a new org's heads it is unknown until the next
	 * refresh, which is what a reader of a moment ago saw, too. */
	(void)!tb_core_publish_group(engine->core, org, moves);
}

static void run_group(void *ctx, struct tb_commit **commits, size_t n)
{
	struct tb_engine *engine = ctx;
	enum tb_err err;

	if (!atomic_load(&engine->writable)) {
		for (size_t i = 0; i < n; i++)
			commits[i]->err = TB_ERR_IO;
		return;
	}
	err = tb_group_run(engine->store, commits, n, clock_us(NULL), publish,
			   engine);
	/* After a failed sync nobody knows what is on the disk: writing ends,
	 * and a restart reads what is there. */
	if (err == TB_ERR_IO)
		atomic_store(&engine->writable, false);
}

static void submit(void *ctx, struct tb_commit *commit)
{
	struct tb_engine *engine = ctx;

	if (engine->writer != NULL)
		tb_writer_submit(engine->writer, commit);
	else
		run_group(engine, &commit, 1);
}

static bool is_writable(void *ctx)
{
	const struct tb_engine *engine = ctx;

	return tb_engine_is_writable(engine);
}

static enum tb_err open_core(struct tb_engine *engine)
{
	struct tb_core_options core = {
		.store = engine->store,
		.committer = { .submit = submit,
			       .ctx = engine,
			       .is_writable = is_writable },
		.now_us = clock_us,
		.declaration = engine->options.declaration,
	};
	enum tb_err err = tb_core_create(&core, &engine->core);

	return err == TB_OK ? tb_engine_refresh(engine) : err;
}

static enum tb_err open_writer(struct tb_engine *engine)
{
	struct tb_writer_options writer = {
		.run = run_group,
		.ctx = engine,
		.group_max = engine->options.group_max,
		.weight_max = engine->options.weight_max,
		.queue_max = engine->options.queue_max,
	};

	return engine->options.writer
		       ? tb_writer_start(&writer, &engine->writer)
		       : TB_OK;
}

enum tb_err tb_engine_open(const struct tb_engine_options *options,
			   struct tb_engine **ret)
{
	struct tb_engine *engine = tb_calloc(1, sizeof(*engine));
	enum tb_err err;

	if (engine == NULL)
		return TB_ERR_NOMEM;
	engine->options = *options;
	atomic_init(&engine->writable, true);
	err = options->store->open(&options->at, &engine->store);
	if (err == TB_OK)
		err = open_core(engine);
	if (err == TB_OK)
		err = open_writer(engine);
	if (err != TB_OK) {
		tb_engine_close(engine);
		return err;
	}
	*ret = engine;
	return TB_OK;
}

void tb_engine_close(struct tb_engine *engine)
{
	if (engine == NULL)
		return;
	tb_writer_stop(engine->writer);
	tb_maintenance_fini(&engine->maintenance);
	tb_core_destroy(engine->core);
	if (engine->store != NULL)
		engine->store->ops->close(engine->store);
	tb_free(engine);
}

struct tb_core *tb_engine_core(struct tb_engine *engine)
{
	return engine->core;
}

struct tb_store *tb_engine_store(struct tb_engine *engine)
{
	return engine->store;
}

bool tb_engine_is_writable(const struct tb_engine *engine)
{
	return atomic_load(&engine->writable);
}

enum tb_err tb_engine_maintain(struct tb_engine *engine)
{
	return tb_maintenance_run(&engine->maintenance, engine->core);
}

/* The system org is there from the first start on. */
static enum tb_err make_system_org(struct tb_engine *engine)
{
	const struct tb_store_ops *ops = engine->store->ops;
	struct tb_org org = { .id = TB_ORG_SYSTEM, .head = TB_NUM_RESERVED };
	struct tb_op op = { .kind = TB_OP_ORG, .org = &org };
	struct tb_tx *tx;
	enum tb_err err = ops->begin(engine->store, TB_TX_WRITE, &tx);

	if (err != TB_OK)
		return err;
	err = ops->org_get(tx, TB_ORG_SYSTEM, &org);
	if (err != TB_ERR_NOT_FOUND) {
		ops->rollback(tx);
		return err;
	}
	err = ops->apply(tx, &op, 1);
	if (err != TB_OK) {
		ops->rollback(tx);
		return err;
	}
	return ops->commit(tx);
}

static enum tb_err publish_orgs(struct tb_engine *engine, bool *ret_has_system)
{
	const struct tb_store_ops *ops = engine->store->ops;
	struct tb_tx *tx;
	struct tb_org org;
	enum tb_err err = ops->begin(engine->store, TB_TX_READ, &tx);

	if (err != TB_OK)
		return err;
	err = ops->org_get(tx, TB_ORG_SYSTEM, &org);
	*ret_has_system = err == TB_OK;
	while (err == TB_OK) {
		err = tb_core_publish(engine->core, &org);
		if (err == TB_OK)
			err = ops->org_next(tx, org.id, &org);
	}
	ops->rollback(tx);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

enum tb_err tb_engine_refresh(struct tb_engine *engine)
{
	bool has_system;
	enum tb_err err = publish_orgs(engine, &has_system);

	if (err != TB_OK || has_system)
		return err;
	err = make_system_org(engine);
	return err == TB_OK ? publish_orgs(engine, &has_system) : err;
}
