/*
 * The connector of files below a folder: it reads NDJSON and CSV, and writes
 * NDJSON.
 */
#include "base/alloc.h"
#include "jobs/connectors/connector.h"
#include "jobs/connectors/failure.h"
#include "jobs/connectors/file_reader.h"
#include "jobs/connectors/file_writer.h"

struct file {
	struct tb_connection connection; /* first, so that one is the other */
	struct tb_connector_task task;
	char *cursor; /* where it begins; NULL: from the start */
	/* Whichever is asked for. */
	struct tb_file_reader *reader;
	struct tb_file_writer *writer;
};

static void file_close(struct tb_connection *connection)
{
	struct file *file = (struct file *)connection;

	if (file == NULL)
		return;
	tb_file_reader_destroy(file->reader);
	tb_file_writer_destroy(file->writer);
	tb_free(file->cursor);
	tb_free(file);
}

static enum tb_err file_open(const struct tb_connector_task *task,
			     struct tb_arena *arena, struct tb_str cursor,
			     struct tb_connection **ret,
			     struct tb_connector_failure *ret_failure)
{
	struct file *file = tb_calloc(1, sizeof(*file));

	(void)arena;
	if (file != NULL && cursor.n > 0)
		file->cursor = tb_strdup(cursor);
	if (file == NULL || (cursor.n > 0 && file->cursor == NULL)) {
		tb_free(file);
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	}
	file->connection.connector = &tb_connector_file;
	file->task = *task;
	*ret = &file->connection;
	return TB_OK;
}

static enum tb_err file_next(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_page *ret,
			     struct tb_connector_failure *ret_failure)
{
	struct file *file = (struct file *)connection;
	enum tb_err err = TB_OK;

	if (file->reader == NULL)
		err = tb_file_reader_create(&file->task, arena,
					    tb_str_z(file->cursor),
					    &file->reader, ret_failure);
	return err == TB_OK ? tb_file_reader_next(file->reader, arena, ret,
						  ret_failure)
			    : err;
}

/* A target has its own entities, which are known by the source's names. */
static enum tb_err begin_to_write(struct file *file, struct tb_arena *arena,
				  struct tb_connector_failure *ret_failure)
{
	struct tb_str name = file->task.entity->name;
	const struct tb_source_entity *entity;

	if (file->writer != NULL)
		return TB_OK;
	entity = tb_source_entity_find(file->task.source, name);
	if (entity == NULL)
		return tb_failure_set(ret_failure, arena, TB_ERR_NOT_FOUND,
				      "entity_unknown", false,
				      "the target has no entity %.*s",
				      TB_STR_ARG(name));
	file->task.entity = entity;
	return tb_file_writer_create(&file->task, arena, tb_str_z(file->cursor),
				     &file->writer, ret_failure);
}

static enum tb_err file_send(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_record *records, size_t n,
			     struct tb_str cursor,
			     struct tb_connector_failure *ret_failure)
{
	struct file *file = (struct file *)connection;
	enum tb_err err = begin_to_write(file, arena, ret_failure);

	return err == TB_OK ? tb_file_writer_send(file->writer, arena, records,
						  n, cursor, ret_failure)
			    : err;
}

static enum tb_err file_finish(struct tb_connection *connection,
			       struct tb_arena *arena,
			       struct tb_connector_failure *ret_failure)
{
	struct file *file = (struct file *)connection;
	enum tb_err err = begin_to_write(file, arena, ret_failure);

	return err == TB_OK
		       ? tb_file_writer_finish(file->writer, arena, ret_failure)
		       : err;
}

const struct tb_connector tb_connector_file = {
	.type = "file",
	.can_send = true,
	.open = file_open,
	.next = file_next,
	.send = file_send,
	.finish = file_finish,
	.close = file_close,
};
