/*
 * A connection to the database file with its prepared statements, and how
 * SQLite's values and errors become ours. A connection runs one transaction
 * at a time and is used by one thread at a time; its owner is the store.
 */
#ifndef TB_STORE_SQLITE_CONN_H
#define TB_STORE_SQLITE_CONN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kernel/store.h"

enum tb_sqlite_statement {
#define TB_STATEMENT(name, sql) TB_SQLITE_##name,
#include "store/sqlite/statements.def"
#undef TB_STATEMENT
	TB_SQLITE_STATEMENTS
};

struct tb_sqlite_cursor;

/* Statements that walk a feed: from FEED to the one before FEED_INSERT. */
#define TB_SQLITE_WALKS (TB_SQLITE_FEED_INSERT - TB_SQLITE_FEED)

struct tb_sqlite_conn {
	struct tb_tx tx; /* the one it runs; first, so that one is the other */
	enum tb_tx_mode mode;
	sqlite3 *db;
	sqlite3_stmt *statements[TB_SQLITE_STATEMENTS]; /* NULL: not yet */
	struct tb_sqlite_cursor *idle[TB_SQLITE_WALKS]; /* for the next walk */
	size_t n_idle[TB_SQLITE_WALKS];
	size_t cursors_open;
	bool spoiled;             /* a write failed: only rollback is left */
	struct tb_buf entries;    /* encoded for the statement that runs */
	uint32_t busy_timeout_ms; /* for a lock that others hold */
	int64_t busy_since_ms;    /* set when waiting for one begins */
	struct tb_sqlite_conn *next_idle;
};

/* Opens a file that is there, which SQLite does not touch before the first
 * statement. NOT_FOUND, DENIED, NOMEM, IO. */
enum tb_err tb_sqlite_conn_open(const char *file, uint32_t busy_timeout_ms,
				struct tb_sqlite_conn **ret) tb_must_check;
/* What every transaction relies on: durability, ceilings. */
enum tb_err tb_sqlite_conn_configure(struct tb_sqlite_conn *conn,
				     enum tb_tx_mode mode) tb_must_check;
/* Takes NULL. */
void tb_sqlite_conn_close(struct tb_sqlite_conn *conn);

/* What a result code of this connection means in a store that is open: IO
 * when its files are gone or must not be touched any more. */
enum tb_err tb_sqlite_err(sqlite3 *db, int rc);
/* The same while its store is opened, when that is NOT_FOUND or DENIED. */
enum tb_err tb_sqlite_open_err(sqlite3 *db, int rc);

/* Runs SQL that is no statement of the table: settings, the schema. Like the
 * next one, it is for opening. */
enum tb_err tb_sqlite_exec(sqlite3 *db, const char *sql) tb_must_check;
/* The value that a PRAGMA or SELECT of one integer gives. */
enum tb_err tb_sqlite_query_int(sqlite3 *db, const char *sql,
				int64_t *ret) tb_must_check;

/* Prepares a statement for as long as the caller keeps it. */
enum tb_err tb_sqlite_prepare(struct tb_sqlite_conn *conn,
			      enum tb_sqlite_statement which,
			      sqlite3_stmt **ret) tb_must_check;

/* The connection's own statement of this name, to be bound and run. */
static inline enum tb_err tb_sqlite_get(struct tb_sqlite_conn *conn,
					enum tb_sqlite_statement which,
					sqlite3_stmt **ret)
{
	enum tb_err err = TB_OK;

	if (!conn->statements[which])
		err = tb_sqlite_prepare(conn, which, &conn->statements[which]);
	if (err == TB_OK)
		*ret = conn->statements[which];
	return err;
}

/* Runs a statement without parameters and results. */
enum tb_err tb_sqlite_run(struct tb_sqlite_conn *conn,
			  enum tb_sqlite_statement which) tb_must_check;
/* Steps a bound statement that gives no row, and makes it ready again. */
enum tb_err tb_sqlite_finish(struct tb_sqlite_conn *conn,
			     sqlite3_stmt *stmt) tb_must_check;
/* Steps to the next row. NOT_FOUND: there is none. */
enum tb_err tb_sqlite_row(struct tb_sqlite_conn *conn,
			  sqlite3_stmt *stmt) tb_must_check;

/* Binds a statement's parameters, first to last. The bytes must stay until it
 * has run; `rc` is the first failure. */
struct tb_sqlite_binder {
	sqlite3_stmt *stmt;
	int i;
	int rc;
};

static inline void tb_sqlite_bind(struct tb_sqlite_binder *binder, uint64_t v)
{
	int rc =
		sqlite3_bind_int64(binder->stmt, ++binder->i, (sqlite3_int64)v);

	if (binder->rc == SQLITE_OK)
		binder->rc = rc;
}

static inline void tb_sqlite_bind_null(struct tb_sqlite_binder *binder)
{
	int rc = sqlite3_bind_null(binder->stmt, ++binder->i);

	if (binder->rc == SQLITE_OK)
		binder->rc = rc;
}

static inline void tb_sqlite_bind_bytes(struct tb_sqlite_binder *binder,
					struct tb_str v)
{
	/* A NULL pointer would bind NULL instead of no bytes. */
	int rc = sqlite3_bind_blob64(binder->stmt, ++binder->i, v.p ? v.p : "",
				     v.n, SQLITE_STATIC);

	if (binder->rc == SQLITE_OK)
		binder->rc = rc;
}

static inline void tb_sqlite_bind_text(struct tb_sqlite_binder *binder,
				       const char *z)
{
	int rc = sqlite3_bind_text(binder->stmt, ++binder->i, z, -1,
				   SQLITE_STATIC);

	if (binder->rc == SQLITE_OK)
		binder->rc = rc;
}

static inline uint64_t tb_sqlite_column(sqlite3_stmt *stmt, int i)
{
	return (uint64_t)sqlite3_column_int64(stmt, i);
}

/* Borrowed until the statement is stepped or reset. */
static inline struct tb_str tb_sqlite_column_bytes(sqlite3_stmt *stmt, int i)
{
	const char *p = sqlite3_column_blob(stmt, i);

	return tb_str(p, (size_t)sqlite3_column_bytes(stmt, i));
}

static inline struct tb_sqlite_conn *tb_sqlite_conn_of(struct tb_tx *tx)
{
	return (struct tb_sqlite_conn *)tx;
}

#endif
