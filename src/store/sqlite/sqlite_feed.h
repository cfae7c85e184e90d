/*
 * Walks along feeds. A cursor is a prepared statement and what is needed to
 * decode its rows; closed ones are kept by their connection for the next
 * walk of the same kind. Used by the connection's thread.
 */
#ifndef TB_STORE_SQLITE_FEED_H
#define TB_STORE_SQLITE_FEED_H

#include "kernel/store.h"
#include "store/sqlite/sqlite_conn.h"

enum tb_err tb_sqlite_feed_open(struct tb_tx *tx,
				const struct tb_feed_query *query,
				struct tb_cursor **ret) tb_must_check;
enum tb_err tb_sqlite_feed_next(struct tb_cursor *cursor,
				struct tb_feed_row *ret) tb_must_check;
void tb_sqlite_feed_close(struct tb_cursor *cursor);

/* Frees the cursors that a connection keeps. */
void tb_sqlite_cursors_destroy(struct tb_sqlite_conn *conn);

#endif
