#include "jobs/connectors/paging.h"

#include "jobs/connectors/failure.h"
#include "kernel/job.h"

static enum tb_err fail_form(const char *problem, struct tb_arena *arena,
			     struct tb_connector_failure *ret_failure)
{
	return tb_failure_set(
		ret_failure, arena, TB_ERR_INVALID, "answer_invalid", true,
		"the answer is not what it should be: %s", problem);
}

static enum tb_err add_all(struct tb_arena *arena,
			   const struct tb_source_entity *entity,
			   struct tb_str items, struct tb_records *records)
{
	struct tb_records_reader reader;
	enum tb_err err = tb_records_reader_init(&reader, entity, arena);

	if (err != TB_OK)
		return err;
	err = tb_records_add_array(&reader, records, items);
	tb_records_reader_fini(&reader);
	return err;
}

enum tb_err
tb_paging_cut(struct tb_arena *arena, const struct tb_source_entity *entity,
	      struct tb_str answer, const struct tb_envelope_form *form,
	      struct tb_records *ret_records, struct tb_envelope *ret_envelope,
	      struct tb_connector_failure *ret_failure)
{
	struct tb_records records = { 0 };
	struct tb_envelope envelope;
	const char *problem;
	enum tb_err err =
		tb_envelope_open(arena, answer, form, &envelope, &problem);

	if (err == TB_ERR_INVALID)
		return fail_form(problem, arena, ret_failure);
	if (err == TB_OK)
		err = add_all(arena, entity, envelope.items, &records);
	if (err == TB_ERR_INVALID)
		return fail_form("no array of records", arena, ret_failure);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	*ret_records = records;
	*ret_envelope = envelope;
	return TB_OK;
}

void tb_paging_cursor_begin(struct tb_buf *buf)
{
	tb_buf_init(buf, TB_JOB_CURSOR_MAX_BYTES);
}

enum tb_err tb_paging_cursor_end(struct tb_buf *buf, struct tb_arena *arena,
				 struct tb_str *ret,
				 struct tb_connector_failure *ret_failure)
{
	enum tb_err err = tb_buf_err(buf);

	if (err == TB_ERR_TOO_LARGE) {
		tb_buf_fini(buf);
		return tb_failure_set(ret_failure, arena, err,
				      "cursor_too_long", false,
				      "the place of the next page takes over "
				      "%d bytes",
				      TB_JOB_CURSOR_MAX_BYTES);
	}
	err = tb_buf_copy_out(buf, arena, ret);
	return err == TB_OK ? err : tb_failure_of(ret_failure, err);
}

enum tb_err tb_paging_cursor_fail(enum tb_err err, struct tb_arena *arena,
				  struct tb_connector_failure *ret_failure)
{
	if (err == TB_ERR_NOMEM)
		return tb_failure_of(ret_failure, err);
	return tb_failure_set(ret_failure, arena, TB_ERR_INVALID,
			      "cursor_invalid", false,
			      "the place to go on from is not this source's");
}

void tb_paging_put_path(struct tb_buf *target, struct tb_str path)
{
	if (!tb_str_starts(path, TB_STR("/")))
		tb_buf_append_char(target, '/');
	tb_buf_append_str(target, path);
}
