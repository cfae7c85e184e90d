#include "store/sqlite/sqlite_schema.h"

#include <stdio.h>

#include "base/assert.h"
#include "kernel/record.h"
#include "store/sqlite/sqlite_conn.h"

/*
 * rid, org, coll, scope and child are as in kernel/record.h; times are in
 * microseconds. What is read most stands before what can be long, because
 * SQLite has to pass by all that stands before.
 *
 * org comes with the key so that a record is found by its key in any
 * collection with one probe, too.
 */
static const char schema_1[] =
	"CREATE TABLE org ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" title TEXT NOT NULL,"
	" epoch INTEGER NOT NULL,"
	" head INTEGER NOT NULL,"
	" last_us INTEGER NOT NULL,"
	" dense_central INTEGER NOT NULL,"
	" dense_events INTEGER NOT NULL,"
	" floor_central INTEGER NOT NULL,"
	" floor_events INTEGER NOT NULL,"
	" generation INTEGER NOT NULL,"
	" commits INTEGER NOT NULL,"
	" audit_n INTEGER NOT NULL,"
	" audit_hash BLOB NOT NULL"
	") STRICT;"
	"CREATE TABLE record ("
	" rid INTEGER PRIMARY KEY,"
	" org INTEGER NOT NULL,"
	" coll INTEGER NOT NULL,"
	" version INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" updated INTEGER NOT NULL,"
	" origin INTEGER NOT NULL,"
	" deleted INTEGER NOT NULL,"
	" key BLOB NOT NULL,"
	" entries BLOB NOT NULL,"
	" body BLOB NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX record_key ON record (org, key, coll);"
	"CREATE TABLE feed ("
	" scope INTEGER NOT NULL,"
	" num INTEGER NOT NULL,"
	" rid INTEGER NOT NULL,"
	" entered INTEGER NOT NULL,"
	" time INTEGER NOT NULL,"
	" origin INTEGER NOT NULL,"
	" flags INTEGER NOT NULL,"
	" PRIMARY KEY (scope, num)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE link ("
	" org INTEGER NOT NULL,"
	" coll INTEGER NOT NULL,"
	" key BLOB NOT NULL,"
	" child INTEGER NOT NULL,"
	" PRIMARY KEY (org, coll, key, child)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE audit ("
	" org INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" row BLOB NOT NULL,"
	" hash BLOB NOT NULL,"
	" PRIMARY KEY (org, n)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE audit_detail ("
	" org INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" detail BLOB NOT NULL,"
	" PRIMARY KEY (org, n)"
	") STRICT, WITHOUT ROWID;";

/* When a client's edit of a record was taken last; 0: never. */
static const char schema_2[] =
	"ALTER TABLE record ADD COLUMN synced INTEGER NOT NULL DEFAULT 0;";

/* The time of the last row of an org's audit chain (0: not known). Rows of the
 * chain with their details (NULL: erased), in a table that is cheap to append
 * to: a commit changes one page at its end. What it is made of, org and n, is
 * shown to who looks at it with SQL. */
static const char schema_3[] =
	"ALTER TABLE org ADD COLUMN audit_us INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE audit_row ("
	" id INTEGER PRIMARY KEY," /* tb_rid(org, n) */
	" row BLOB NOT NULL,"
	" hash BLOB NOT NULL,"
	" detail BLOB,"
	" org INTEGER AS (id >> 40),"
	" n INTEGER AS (id & 1099511627775)"
	") STRICT;"
	"INSERT INTO audit_row (id, row, hash, detail)"
	" SELECT a.org << 40 | a.n, a.row, a.hash, d.detail FROM audit a"
	" LEFT JOIN audit_detail d ON d.org = a.org AND d.n = a.n"
	" ORDER BY a.org, a.n;"
	"DROP TABLE audit_detail;"
	"DROP TABLE audit;"
	"ALTER TABLE audit_row RENAME TO audit;";
_Static_assert(TB_RID_ORG_SHIFT == 40, "the schema says so, too");

const struct tb_sqlite_step tb_sqlite_steps[] = {
	{ schema_1 },
	{ schema_2 },
	{ schema_3 },
};
const size_t tb_sqlite_steps_n = TB_ARRAY_LEN(tb_sqlite_steps);

static enum tb_err run_steps(sqlite3 *db, const struct tb_sqlite_step *steps,
			     size_t from, size_t n)
{
	char set_version[64];
	enum tb_err err = TB_OK;

	for (size_t i = from; i < n && err == TB_OK; i++)
		err = tb_sqlite_exec(db, steps[i].sql);
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %zu",
		 n);
	return err == TB_OK ? tb_sqlite_exec(db, set_version) : err;
}

static enum tb_err version_of(sqlite3 *db, size_t n, size_t *ret)
{
	int64_t version;
	enum tb_err err =
		tb_sqlite_query_int(db, "PRAGMA user_version", &version);

	if (err != TB_OK)
		return err;
	if (version < 0)
		return TB_ERR_CORRUPT;
	if ((uint64_t)version > n)
		return TB_ERR_NEWER;
	*ret = (size_t)version;
	return TB_OK;
}

enum tb_err tb_sqlite_migrate(sqlite3 *db, const struct tb_sqlite_step *steps,
			      size_t n)
{
	size_t version = n;
	enum tb_err err = version_of(db, n, &version);

	if (err != TB_OK || version == n)
		return err;
	err = tb_sqlite_exec(db, "BEGIN IMMEDIATE");
	if (err != TB_OK)
		return err;
	/* Another process may have been faster. */
	err = version_of(db, n, &version);
	if (err == TB_OK && version < n)
		err = run_steps(db, steps, version, n);
	if (err == TB_OK)
		err = tb_sqlite_exec(db, "COMMIT");
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}
