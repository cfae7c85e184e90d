/*
 * What connectors that are asked over HTTP do with each page: an answer becomes
 * records, and a place a cursor.
 */
#ifndef TB_JOBS_CONNECTORS_PAGING_H
#define TB_JOBS_CONNECTORS_PAGING_H

#include "base/arena.h"
#include "base/buf.h"
#include "jobs/connectors/connector.h"
#include "jobs/connectors/envelope.h"
#include "jobs/connectors/records.h"

/* Cuts an answer, which is borrowed. Fails with "answer_invalid", which may
 * pass, where it is not of the form. */
enum tb_err
tb_paging_cut(struct tb_arena *arena, const struct tb_source_entity *entity,
	      struct tb_str answer, const struct tb_envelope_form *form,
	      struct tb_records *ret_records, struct tb_envelope *ret_envelope,
	      struct tb_connector_failure *ret_failure) tb_must_check;

/* Begins a cursor's text, and ends it: "cursor_too_long" where it is. */
void tb_paging_cursor_begin(struct tb_buf *buf);
enum tb_err
tb_paging_cursor_end(struct tb_buf *buf, struct tb_arena *arena,
		     struct tb_str *ret,
		     struct tb_connector_failure *ret_failure) tb_must_check;
/* A cursor that is none of this connector's: "cursor_invalid", which does not
 * pass; or want of memory. */
enum tb_err tb_paging_cursor_fail(enum tb_err err, struct tb_arena *arena,
				  struct tb_connector_failure *ret_failure);

/* What is asked for: the entity's path, with a slash before it. */
void tb_paging_put_path(struct tb_buf *target, struct tb_str path);

#endif
