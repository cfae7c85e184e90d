/*
 * Writes records into a file of NDJSON, exactly once each: into a file beside
 * it, which takes its place when all was sent, so that whoever reads it never
 * sees half of it.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_WRITER_H
#define TB_JOBS_CONNECTORS_FILE_WRITER_H

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"

struct tb_file_writer;

/* Begins the task's file, or goes on with it behind the page of this cursor.
 * UNSUPPORTED ("file_format"): CSV. BUSY ("file_busy"), which may pass: another
 * job is at it. RESYNC ("file_changed"): what was sent is not there any more.
 * And what beneath.h says. */
enum tb_err
tb_file_writer_create(const struct tb_connector_task *task,
		      struct tb_arena *arena, struct tb_str cursor,
		      struct tb_file_writer **ret,
		      struct tb_connector_failure *ret_failure) tb_must_check;
void tb_file_writer_destroy(struct tb_file_writer *writer); /* takes NULL */

/* As tb_connector's `send` and `finish`. */
enum tb_err
tb_file_writer_send(struct tb_file_writer *writer, struct tb_arena *arena,
		    struct tb_connector_record *records, size_t n,
		    struct tb_str cursor,
		    struct tb_connector_failure *ret_failure) tb_must_check;
enum tb_err
tb_file_writer_finish(struct tb_file_writer *writer, struct tb_arena *arena,
		      struct tb_connector_failure *ret_failure) tb_must_check;

#endif
