#include "store/sqlite/sqlite_log.h"

/* Long enough that a page which many commits change is copied once, short
 * enough that the log is restarted well below its cap. */
#define INTERVAL_BYTES (16u << 20)

/* A log above its cap waits this long for the snapshots that hold it. */
#define RESTART_WAIT_MS 250

static int note_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
	struct tb_sqlite_log *log = ctx;

	(void)db;
	(void)name;
	if ((uint64_t)frames < log->frames) /* it began anew */
		log->due = log->interval;
	log->frames = (uint64_t)frames;
	return SQLITE_OK;
}

enum tb_err tb_sqlite_log_init(struct tb_sqlite_log *log,
			       struct tb_sqlite_conn *writer)
{
	int64_t page_bytes;
	enum tb_err err = tb_sqlite_query_int(writer->db, "PRAGMA page_size",
					      &page_bytes);

	if (err != TB_OK)
		return err;
	log->frames = 0;
	log->interval = INTERVAL_BYTES / (uint64_t)page_bytes;
	log->cap = TB_SQLITE_LOG_CAP_BYTES / (uint64_t)page_bytes;
	log->due = log->interval;
	sqlite3_wal_hook(writer->db, note_commit, log);
	return TB_OK;
}

/* Copies what no snapshot hinders. Above the cap it keeps further writers out
 * and waits for the snapshots to end, so that the log can begin anew. */
static int copy_log(struct tb_sqlite_conn *writer, bool over_cap)
{
	uint32_t timeout_ms = writer->busy_timeout_ms;
	int rc;

	if (timeout_ms > RESTART_WAIT_MS)
		writer->busy_timeout_ms = RESTART_WAIT_MS;
	rc = sqlite3_wal_checkpoint_v2(writer->db, "main",
				       over_cap ? SQLITE_CHECKPOINT_RESTART
						: SQLITE_CHECKPOINT_PASSIVE,
				       NULL, NULL);
	writer->busy_timeout_ms = timeout_ms;
	return rc;
}

enum tb_err tb_sqlite_log_trim(struct tb_sqlite_log *log,
			       struct tb_sqlite_conn *writer)
{
	enum tb_err err;

	if (log->frames < log->due)
		return TB_OK;
	err = tb_sqlite_err(writer->db,
			    copy_log(writer, log->frames >= log->cap));
	log->due = log->frames + log->interval;
	return err == TB_ERR_IO || err == TB_ERR_CORRUPT ? err : TB_OK;
}
