#include "store/sqlite/sqlite_conn.h"

#include <errno.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "store/sqlite/sqlite_feed.h"

/* docs/adr/0003-sqlite-settings.md says why. The writer comes first and sees
 * to the log: a file that was restored from a copy may have lost its mark. */
#define SETTINGS_COMMON                                                        \
	"PRAGMA synchronous = FULL;"                                           \
	"PRAGMA wal_autocheckpoint = 0;"                                       \
	"PRAGMA journal_size_limit = 67108864;"                                \
	"PRAGMA secure_delete = FAST;"                                         \
	"PRAGMA temp_store = MEMORY;"                                          \
	"PRAGMA trusted_schema = OFF;"
#define SETTINGS_WRITER                                                        \
	"PRAGMA journal_mode = WAL;"                                           \
	"PRAGMA cache_size = -16384;"
#define SETTINGS_READER                                                        \
	"PRAGMA query_only = ON;"                                              \
	"PRAGMA cache_size = -2048;"

#define BUSY_POLL_NS 1000000

static const char *const statement_texts[] = {
#define TB_STATEMENT(name, sql) [TB_SQLITE_##name] = sql,
#include "store/sqlite/statements.def"
#undef TB_STATEMENT
};

struct meaning {
	int code;
	enum tb_err err;
};

/* Extended codes before the primary ones they belong to. */
static const struct meaning meanings[] = {
	{ SQLITE_IOERR_NOMEM, TB_ERR_NOMEM },
	{ SQLITE_OK, TB_OK },
	{ SQLITE_ROW, TB_OK },
	{ SQLITE_DONE, TB_OK },
	{ SQLITE_NOMEM, TB_ERR_NOMEM },
	{ SQLITE_BUSY, TB_ERR_BUSY },
	{ SQLITE_LOCKED, TB_ERR_BUSY },
	{ SQLITE_PROTOCOL, TB_ERR_BUSY },
	{ SQLITE_FULL, TB_ERR_FULL },
	{ SQLITE_CORRUPT, TB_ERR_CORRUPT },
	{ SQLITE_NOTADB, TB_ERR_CORRUPT },
	{ SQLITE_SCHEMA, TB_ERR_CORRUPT },
	{ SQLITE_ERROR, TB_ERR_CORRUPT }, /* a table is missing */
	{ SQLITE_CONSTRAINT, TB_ERR_EXISTS },
	{ SQLITE_TOOBIG, TB_ERR_TOO_LARGE },
	{ SQLITE_READONLY, TB_ERR_DENIED },
	{ SQLITE_PERM, TB_ERR_DENIED },
};

/* What the system said when a file could not be opened or written. */
static const struct meaning causes[] = {
	{ ENOSPC, TB_ERR_FULL },   { EDQUOT, TB_ERR_FULL },
	{ EFBIG, TB_ERR_FULL },    { ENOENT, TB_ERR_NOT_FOUND },
	{ EACCES, TB_ERR_DENIED }, { EPERM, TB_ERR_DENIED },
	{ EROFS, TB_ERR_DENIED },  { EMFILE, TB_ERR_BUSY },
	{ ENFILE, TB_ERR_BUSY },
};

static enum tb_err meaning_of(const struct meaning *table, size_t n, int code,
			      enum tb_err otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].code == code)
			return table[i].err;
	return otherwise;
}

/* What the system said. When a commit fails, SQLite knows that by the handle
 * of its log alone. */
static int cause_of(sqlite3 *db, int rc)
{
	sqlite3_file *log = NULL;
	int cause = 0;

	if (rc == SQLITE_IOERR_WRITE)
		sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
				     &log);
	if (log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO,
					    &cause);
	return cause ? cause : sqlite3_system_errno(db);
}

enum tb_err tb_sqlite_open_err(sqlite3 *db, int rc)
{
	enum tb_err err =
		meaning_of(meanings, TB_ARRAY_LEN(meanings), rc, TB_ERR_COUNT);

	if (err != TB_ERR_COUNT)
		return err;
	/* Not so for a failed fsync: after that nothing is known, whatever
	 * the system said. */
	if (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE ||
	    (rc & 0xff) == SQLITE_CANTOPEN)
		return meaning_of(causes, TB_ARRAY_LEN(causes),
				  cause_of(db, rc), TB_ERR_IO);
	return meaning_of(meanings, TB_ARRAY_LEN(meanings), rc & 0xff,
			  TB_ERR_IO);
}

enum tb_err tb_sqlite_err(sqlite3 *db, int rc)
{
	enum tb_err err = tb_sqlite_open_err(db, rc);

	return err == TB_ERR_DENIED || err == TB_ERR_NOT_FOUND ? TB_ERR_IO
							       : err;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* SQLite calls this while another connection holds a lock. SQLite's own
 * handler sleeps up to 100 ms between two tries, and so a command beside a
 * busy server would seldom meet one of its short pauses. */
static int wait_for_lock(void *ctx, int tries)
{
	struct tb_sqlite_conn *conn = ctx;
	struct timespec pause = { .tv_nsec = BUSY_POLL_NS };
	int64_t now = now_ms();

	if (tries == 0)
		conn->busy_since_ms = now;
	if (now - conn->busy_since_ms >= conn->busy_timeout_ms)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

enum tb_err tb_sqlite_conn_open(const char *file, uint32_t busy_timeout_ms,
				struct tb_sqlite_conn **ret)
{
	struct tb_sqlite_conn *conn = tb_calloc(1, sizeof(*conn));
	enum tb_err err;
	int rc;

	if (!conn)
		return TB_ERR_NOMEM;
	tb_buf_init(&conn->entries, TB_ENTRIES_ENCODED_MAX);
	conn->busy_timeout_ms = busy_timeout_ms;
	rc = sqlite3_open_v2(file, &conn->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	err = conn->db ? tb_sqlite_open_err(conn->db, rc) : TB_ERR_NOMEM;
	if (err != TB_OK) {
		tb_sqlite_conn_close(conn);
		return err;
	}
	sqlite3_busy_handler(conn->db, wait_for_lock, conn);
	*ret = conn;
	return TB_OK;
}

enum tb_err tb_sqlite_conn_configure(struct tb_sqlite_conn *conn,
				     enum tb_tx_mode mode)
{
	conn->mode = mode;
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return tb_sqlite_exec(conn->db,
			      mode == TB_TX_WRITE
				      ? SETTINGS_COMMON SETTINGS_WRITER
				      : SETTINGS_COMMON SETTINGS_READER);
}

void tb_sqlite_conn_close(struct tb_sqlite_conn *conn)
{
	if (!conn)
		return;
	TB_ASSERT(conn->cursors_open == 0);
	tb_sqlite_cursors_destroy(conn);
	for (size_t i = 0; i < TB_SQLITE_STATEMENTS; i++)
		sqlite3_finalize(conn->statements[i]);
	TB_ASSERT(sqlite3_close(conn->db) == SQLITE_OK);
	tb_buf_fini(&conn->entries);
	tb_free(conn);
}

enum tb_err tb_sqlite_exec(sqlite3 *db, const char *sql)
{
	return tb_sqlite_open_err(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

enum tb_err tb_sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return tb_sqlite_open_err(db, rc);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? TB_ERR_NOT_FOUND
				 : tb_sqlite_open_err(db, rc);
}

enum tb_err tb_sqlite_prepare(struct tb_sqlite_conn *conn,
			      enum tb_sqlite_statement which,
			      sqlite3_stmt **ret)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v3(conn->db, statement_texts[which], -1,
				    SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

	if (rc != SQLITE_OK)
		return tb_sqlite_err(conn->db, rc);
	*ret = stmt;
	return TB_OK;
}

enum tb_err tb_sqlite_row(struct tb_sqlite_conn *conn, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return TB_OK;
	return rc == SQLITE_DONE ? TB_ERR_NOT_FOUND
				 : tb_sqlite_err(conn->db, rc);
}

enum tb_err tb_sqlite_finish(struct tb_sqlite_conn *conn, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	enum tb_err err = tb_sqlite_err(conn->db, rc);

	sqlite3_reset(stmt);
	return err;
}

enum tb_err tb_sqlite_run(struct tb_sqlite_conn *conn,
			  enum tb_sqlite_statement which)
{
	sqlite3_stmt *stmt;
	enum tb_err err = tb_sqlite_get(conn, which, &stmt);

	return err == TB_OK ? tb_sqlite_finish(conn, stmt) : err;
}
