/*
 * The database file and its folder: how they are made and recognised. What is
 * not ours, or newer than we are, is left as it is.
 */
#ifndef TB_STORE_SQLITE_FILE_H
#define TB_STORE_SQLITE_FILE_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TB_SQLITE_FILE "tombolo.db"

/* In the file's header; read as text it is "TmbO". */
#define TB_SQLITE_APPLICATION_ID 0x546d624f

/* The path of a file in the folder, to be freed by the caller; NULL: no
 * memory. */
char *tb_sqlite_file_path(const char *folder, const char *name);

/* Makes the folder and the file in it, unless they are there. The file has
 * its schema before it has its name, so that nobody meets half of one.
 * BUSY: another process did the same for longer than `busy_timeout_ms`. */
enum tb_err tb_sqlite_file_make(const char *folder,
				uint32_t busy_timeout_ms) tb_must_check;

/* Looks at the header of a file that was just opened, without touching it.
 * CORRUPT: not our file. NEWER: a later schema than version `n`. NOT_FOUND:
 * it is empty. */
enum tb_err tb_sqlite_file_probe(sqlite3 *db, size_t n) tb_must_check;

#endif
