/*
 * A record as a line of NDJSON. Pure.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_LINE_H
#define TB_JOBS_CONNECTORS_FILE_LINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "jobs/connectors/connector.h"

/* Appends the record's line: its body as it is, but for line ends between its
 * members, which become spaces; with its key in front if that is no member of
 * it. One that is deleted is a line of its key and the entity's
 * `deleted_field`, and without such a field, or where deletions are to be
 * ignored, none. `scratch` is reset. INVALID:
 * a body that is no object. NOMEM, TOO_LARGE: of the scratch; the buffer has
 * its own errors. */
enum tb_err
tb_file_line_put(struct tb_buf *buf, struct tb_arena *scratch,
		 const struct tb_source_entity *entity,
		 const struct tb_connector_record *record) tb_must_check;

#endif
