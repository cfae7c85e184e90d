/*
 * The tables, as the steps that lead from one version of them to the next.
 */
#ifndef TB_STORE_SQLITE_SCHEMA_H
#define TB_STORE_SQLITE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

#include "base/err.h"

/* The SQL that leads from one version of the schema to the next: step 0 makes
 * version 1 of an empty file. */
struct tb_sqlite_step {
	const char *sql;
};
extern const struct tb_sqlite_step tb_sqlite_steps[];
extern const size_t tb_sqlite_steps_n; /* and so the newest version */

/* Runs the steps that the file lacks, all in one transaction. NEWER: the file
 * is of a later version than `n`. */
enum tb_err tb_sqlite_migrate(sqlite3 *db, const struct tb_sqlite_step *steps,
			      size_t n) tb_must_check;

#endif
