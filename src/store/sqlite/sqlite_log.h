/*
 * The write-ahead log's length. The writer copies the log to the database
 * before it begins a transaction, when the log has grown enough; commits and
 * their answers do not wait for that. Embedded in the store; used by the
 * writer.
 */
#ifndef TB_STORE_SQLITE_LOG_H
#define TB_STORE_SQLITE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "store/sqlite/sqlite_conn.h"

/* The log's length at which snapshots that hinder its reuse are waited for.
 * The file itself is cut to this by journal_size_limit. */
#define TB_SQLITE_LOG_CAP_BYTES (64u << 20)

struct tb_sqlite_log {
	uint64_t frames;   /* as of the last commit */
	uint64_t due;      /* copy again when it has so many */
	uint64_t interval; /* frames between two copies */
	uint64_t cap;      /* TB_SQLITE_LOG_CAP_BYTES in frames */
};

/* Follows the log from now on. */
enum tb_err tb_sqlite_log_init(struct tb_sqlite_log *log,
			       struct tb_sqlite_conn *writer) tb_must_check;
/* Copies what is due. IO: the disk fails, and writing must end; that the log
 * could not be copied as far as wished is no error. */
enum tb_err tb_sqlite_log_trim(struct tb_sqlite_log *log,
			       struct tb_sqlite_conn *writer) tb_must_check;

#endif
