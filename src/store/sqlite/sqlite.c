/*
 * The SQLite engine: one connection that writes, a pool of connections that
 * read, each with its prepared statements; other processes may have the file
 * open beside us.
 */
#include "store/stores.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "store/gate.h"
#include "store/sqlite/sqlite_check.h"
#include "store/sqlite/sqlite_conn.h"
#include "store/sqlite/sqlite_feed.h"
#include "store/sqlite/sqlite_file.h"
#include "store/sqlite/sqlite_log.h"
#include "store/sqlite/sqlite_read.h"
#include "store/sqlite/sqlite_schema.h"
#include "store/sqlite/sqlite_write.h"

struct tb_sqlite_store {
	struct tb_store store; /* first, so that one is the other */
	char *file;
	uint32_t busy_timeout_ms;
	struct tb_gate readers;
	pthread_mutex_t idle_lock;
	struct tb_sqlite_conn *idle; /* readers, under idle_lock */
	struct tb_gate writers;
	struct tb_sqlite_conn *writer; /* it and below: who is in `writers` */
	struct tb_sqlite_log log;
	bool write_failed; /* what the disk holds is not known any more */
};

static struct tb_sqlite_store *store_of(struct tb_store *store)
{
	return (struct tb_sqlite_store *)store;
}

/* SQLite's accounting of memory takes a lock that all threads share. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void sqlite_close(struct tb_store *base)
{
	struct tb_sqlite_store *store = store_of(base);

	if (!store)
		return;
	while (store->idle) {
		struct tb_sqlite_conn *conn = store->idle;

		store->idle = conn->next_idle;
		tb_sqlite_conn_close(conn);
	}
	/* Last, because the last one to close copies the log. */
	tb_sqlite_conn_close(store->writer);
	tb_gate_fini(&store->writers);
	tb_gate_fini(&store->readers);
	pthread_mutex_destroy(&store->idle_lock);
	tb_free(store->file);
	tb_free(store);
}

static enum tb_err store_create(const struct tb_store_options *options,
				struct tb_sqlite_store **ret)
{
	struct tb_sqlite_store *store = tb_calloc(1, sizeof(*store));

	if (!store)
		return TB_ERR_NOMEM;
	store->store.ops = &tb_store_sqlite;
	store->busy_timeout_ms = options->busy_timeout_ms;
	tb_gate_init(&store->readers, options->readers_max);
	tb_gate_init(&store->writers, 1);
	TB_ASSERT(pthread_mutex_init(&store->idle_lock, NULL) == 0);
	store->file = tb_sqlite_file_path(options->path, TB_SQLITE_FILE);
	if (!store->file) {
		sqlite_close(&store->store);
		return TB_ERR_NOMEM;
	}
	*ret = store;
	return TB_OK;
}

static enum tb_err open_writer(struct tb_sqlite_store *store)
{
	struct tb_sqlite_conn *conn;
	enum tb_err err =
		tb_sqlite_conn_open(store->file, store->busy_timeout_ms, &conn);

	if (err != TB_OK)
		return err;
	err = tb_sqlite_file_probe(conn->db, tb_sqlite_steps_n);
	if (err == TB_OK)
		err = tb_sqlite_conn_configure(conn, TB_TX_WRITE);
	if (err == TB_OK)
		err = tb_sqlite_migrate(conn->db, tb_sqlite_steps,
					tb_sqlite_steps_n);
	/* The newer version was still in the log alone: leave it there. */
	if (err == TB_ERR_NEWER)
		sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
				  NULL);
	if (err == TB_OK)
		err = tb_sqlite_log_init(&store->log, conn);
	if (err != TB_OK) {
		tb_sqlite_conn_close(conn);
		return err;
	}
	store->writer = conn;
	return TB_OK;
}

static enum tb_err sqlite_open(const struct tb_store_options *options,
			       struct tb_store **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tb_sqlite_store *store;
	enum tb_err err = TB_OK;

	pthread_once(&once, configure_library);
	if (options->create)
		err = tb_sqlite_file_make(options->path,
					  options->busy_timeout_ms);
	if (err == TB_OK)
		err = store_create(options, &store);
	if (err != TB_OK)
		return err;
	err = open_writer(store);
	if (err != TB_OK) {
		sqlite_close(&store->store);
		return err;
	}
	*ret = &store->store;
	return TB_OK;
}

static struct tb_sqlite_conn *take_idle(struct tb_sqlite_store *store)
{
	struct tb_sqlite_conn *conn;

	pthread_mutex_lock(&store->idle_lock);
	conn = store->idle;
	if (conn)
		store->idle = conn->next_idle;
	pthread_mutex_unlock(&store->idle_lock);
	return conn;
}

static void give_back_reader(struct tb_sqlite_store *store,
			     struct tb_sqlite_conn *conn)
{
	pthread_mutex_lock(&store->idle_lock);
	conn->next_idle = store->idle;
	store->idle = conn;
	pthread_mutex_unlock(&store->idle_lock);
	tb_gate_leave(&store->readers);
}

static enum tb_err open_reader(struct tb_sqlite_store *store,
			       struct tb_sqlite_conn **ret)
{
	struct tb_sqlite_conn *conn;
	enum tb_err err =
		tb_sqlite_conn_open(store->file, store->busy_timeout_ms, &conn);

	if (err != TB_OK)
		return err;
	err = tb_sqlite_conn_configure(conn, TB_TX_READ);
	if (err != TB_OK) {
		tb_sqlite_conn_close(conn);
		return err;
	}
	conn->tx.store = &store->store;
	*ret = conn;
	return TB_OK;
}

/* The connection is opened, but the store has long been open. */
static enum tb_err add_reader(struct tb_sqlite_store *store,
			      struct tb_sqlite_conn **ret)
{
	enum tb_err err = open_reader(store, ret);

	return err == TB_ERR_DENIED || err == TB_ERR_NOT_FOUND ? TB_ERR_IO
							       : err;
}

static void end_tx(struct tb_sqlite_conn *conn)
{
	TB_ASSERT(conn->cursors_open == 0);
	conn->spoiled = false;
	/* SQLite ends some transactions by itself when they fail. What fails
	 * here leaves nothing behind: the lock is given back all the same. */
	if (!sqlite3_get_autocommit(conn->db) &&
	    tb_sqlite_run(conn, TB_SQLITE_ROLLBACK) != TB_OK)
		sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
}

static enum tb_err take_snapshot(struct tb_sqlite_conn *conn)
{
	sqlite3_stmt *stmt;
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_SNAPSHOT, &stmt);

	if (err == TB_OK)
		err = tb_sqlite_run(conn, TB_SQLITE_BEGIN_READ);
	if (err == TB_OK) {
		err = tb_sqlite_row(conn, stmt);
		sqlite3_reset(stmt);
	}
	if (err != TB_OK)
		end_tx(conn);
	return err;
}

static enum tb_err begin_read(struct tb_sqlite_store *store, struct tb_tx **ret)
{
	struct tb_sqlite_conn *conn;
	enum tb_err err =
		tb_gate_enter(&store->readers, store->busy_timeout_ms);

	if (err != TB_OK)
		return err;
	conn = take_idle(store);
	if (!conn)
		err = add_reader(store, &conn);
	if (err != TB_OK) {
		tb_gate_leave(&store->readers);
		return err;
	}
	err = take_snapshot(conn);
	if (err != TB_OK) {
		give_back_reader(store, conn);
		return err;
	}
	*ret = &conn->tx;
	return TB_OK;
}

static enum tb_err begin_write(struct tb_sqlite_store *store,
			       struct tb_tx **ret)
{
	enum tb_err err =
		tb_gate_enter(&store->writers, store->busy_timeout_ms);

	if (err != TB_OK)
		return err;
	if (!store->write_failed &&
	    tb_sqlite_log_trim(&store->log, store->writer) != TB_OK)
		store->write_failed = true;
	err = store->write_failed
		      ? TB_ERR_IO
		      : tb_sqlite_run(store->writer, TB_SQLITE_BEGIN_WRITE);
	if (err != TB_OK) {
		tb_gate_leave(&store->writers);
		return err;
	}
	store->writer->tx.store = &store->store;
	*ret = &store->writer->tx;
	return TB_OK;
}

static enum tb_err sqlite_begin(struct tb_store *store, enum tb_tx_mode mode,
				struct tb_tx **ret)
{
	return mode == TB_TX_WRITE ? begin_write(store_of(store), ret)
				   : begin_read(store_of(store), ret);
}

static void sqlite_rollback(struct tb_tx *tx)
{
	struct tb_sqlite_store *store;
	struct tb_sqlite_conn *conn;

	if (!tx)
		return;
	store = store_of(tx->store);
	conn = tb_sqlite_conn_of(tx);
	end_tx(conn);
	if (conn->mode == TB_TX_READ)
		give_back_reader(store, conn);
	else
		tb_gate_leave(&store->writers);
}

/* Nothing was written only if SQLite failed before it wrote the frame that
 * commits; of other failures nobody knows how far it came. */
static enum tb_err commit_err(sqlite3 *db, int rc)
{
	enum tb_err err = tb_sqlite_err(db, rc);

	if (err == TB_OK || err == TB_ERR_BUSY)
		return err;
	if (rc == SQLITE_FULL ||
	    (rc == SQLITE_IOERR_WRITE && err == TB_ERR_FULL))
		return TB_ERR_FULL;
	return TB_ERR_IO;
}

static enum tb_err run_commit(struct tb_sqlite_conn *conn)
{
	sqlite3_stmt *stmt;
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_COMMIT, &stmt);

	if (err != TB_OK)
		return err;
	err = commit_err(conn->db, sqlite3_step(stmt));
	sqlite3_reset(stmt);
	return err;
}

static enum tb_err sqlite_commit(struct tb_tx *tx)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);
	enum tb_err err;

	TB_ASSERT(conn->cursors_open == 0 && !conn->spoiled);
	TB_ASSERT(!sqlite3_get_autocommit(conn->db));
	err = run_commit(conn);
	if (err == TB_ERR_IO && conn->mode == TB_TX_WRITE)
		store_of(tx->store)->write_failed = true;
	sqlite_rollback(tx);
	return err;
}

const struct tb_store_ops tb_store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.org_get = tb_sqlite_org_get,
	.org_next = tb_sqlite_org_next,
	.find = tb_sqlite_find,
	.children = tb_sqlite_children,
	.feed_open = tb_sqlite_feed_open,
	.feed_next = tb_sqlite_feed_next,
	.feed_close = tb_sqlite_feed_close,
	.apply = tb_sqlite_apply,
	.audit_next = tb_sqlite_audit_next,
	.check = tb_sqlite_check,
};
