/*
 * Reads a file of NDJSON or CSV, a page of lines at a time. A line that cannot
 * be used is a refused record and holds up no other.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_READER_H
#define TB_JOBS_CONNECTORS_FILE_READER_H

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"

struct tb_file_reader;

/* Opens the task's file and goes to where the cursor says; where it is not the
 * file that the cursor is of, to its beginning. */
enum tb_err
tb_file_reader_create(const struct tb_connector_task *task,
		      struct tb_arena *arena, struct tb_str cursor,
		      struct tb_file_reader **ret,
		      struct tb_connector_failure *ret_failure) tb_must_check;
void tb_file_reader_destroy(struct tb_file_reader *reader); /* takes NULL */

/* As tb_connector's `next`. */
enum tb_err
tb_file_reader_next(struct tb_file_reader *reader, struct tb_arena *arena,
		    struct tb_connector_page *ret,
		    struct tb_connector_failure *ret_failure) tb_must_check;

/* The format of an entity's file: as it says, or else as its name ends. */
enum tb_file_format tb_file_format_of(const struct tb_source_entity *entity);

#endif
