#include "jobs/connectors/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "jobs/connectors/beneath.h"
#include "jobs/connectors/failure.h"
#include "jobs/connectors/file_ledger.h"
#include "jobs/connectors/file_line.h"
#include "jobs/connectors/file_reader.h"
#include "jobs/connectors/records.h"

#define FILE_MODE 0640
#define NAMES_MAX_BYTES 4096
#define LEDGER_MAX_BYTES 4096
#define SCRATCH_MAX_BYTES ((size_t)64 << 20)
/* Lines are written in blocks of about this size. */
#define BLOCK_BYTES ((size_t)1 << 20)
#define LINES_MAX_BYTES (SIZE_MAX / 2)

/* A mark that has room for its cursor's name. */
struct mark {
	char name[2 * TB_SHA256_BYTES];
	size_t n;
	uint64_t length;
};

struct tb_file_writer {
	const struct tb_connector_task *task;
	struct tb_arena *names;
	struct tb_beneath place; /* of the file when it is whole */
	const char *part;        /* its name before */
	const char *ledger;
	const char *ledger_new;
	int fd; /* of `part`, locked; -1: not opened, or all is done */
	struct mark last;
	struct mark before;
	bool is_finished;
};

void tb_file_writer_destroy(struct tb_file_writer *writer)
{
	if (writer == NULL)
		return;
	if (writer->fd >= 0)
		close(writer->fd);
	if (writer->place.folder >= 0)
		close(writer->place.folder);
	tb_arena_destroy(writer->names);
	tb_free(writer);
}

/* IO: errno says why. */
static enum tb_err fail(const struct tb_file_writer *writer,
			struct tb_arena *arena, enum tb_err err,
			struct tb_connector_failure *ret_failure)
{
	if (err == TB_ERR_IO)
		return tb_beneath_failed(writer->task->entity->path, arena,
					 ret_failure);
	if (err == TB_ERR_BUSY)
		return tb_failure_set(ret_failure, arena, err, "file_busy",
				      true, "another job writes this file");
	if (err == TB_ERR_RESYNC)
		return tb_failure_set(ret_failure, arena, err, "file_changed",
				      false,
				      "what was sent to this file is not there "
				      "any more");
	return tb_failure_of(ret_failure, err);
}

static struct tb_file_mark mark_of(const struct mark *mark)
{
	return (struct tb_file_mark) { tb_str(mark->name, mark->n),
				       mark->length };
}

static void set_mark(struct mark *mark, struct tb_str name, uint64_t length)
{
	TB_ASSERT(name.n <= sizeof(mark->name));
	*mark = (struct mark) { .n = name.n, .length = length };
	memcpy(mark->name, name.p, name.n);
}

/* ---- files ---- */

/* Writes all of it at a place. */
static enum tb_err write_at(int fd, struct tb_str text, uint64_t offset)
{
	while (text.n > 0) {
		ssize_t n = pwrite(fd, text.p, text.n, (off_t)offset);

		if (n < 0 && errno != EINTR)
			return TB_ERR_IO;
		if (n > 0) {
			text = tb_str(text.p + n, text.n - (size_t)n);
			offset += (uint64_t)n;
		}
	}
	return TB_OK;
}

static enum tb_err sync_file(int fd)
{
	return fsync(fd) == 0 ? TB_OK : TB_ERR_IO;
}

static enum tb_err rename_in(const struct tb_file_writer *writer,
			     const char *from, const char *to)
{
	int folder = writer->place.folder;

	if (renameat(folder, from, folder, to) != 0)
		return TB_ERR_IO;
	return sync_file(folder);
}

/* A file that is made here and now: what is there of this name may be a pipe,
 * which one waits for, or a link. */
static int make_file(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
		return -1;
	return openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		      FILE_MODE);
}

/* Puts a text into a file of this folder, whole or not at all. */
static enum tb_err replace_ledger(const struct tb_file_writer *writer,
				  struct tb_str text)
{
	int fd = make_file(writer->place.folder, writer->ledger_new);
	enum tb_err err;

	if (fd < 0)
		return TB_ERR_IO;
	err = write_at(fd, text, 0);
	if (err == TB_OK)
		err = sync_file(fd);
	close(fd);
	return err == TB_OK
		       ? rename_in(writer, writer->ledger_new, writer->ledger)
		       : err;
}

static enum tb_err write_ledger(const struct tb_file_writer *writer,
				struct tb_arena *arena, const struct mark *last,
				const struct mark *before, bool is_finished)
{
	struct tb_file_ledger ledger = {
		.job = writer->task->job,
		.last = mark_of(last),
		.before = mark_of(before),
		.is_finished = is_finished,
	};
	struct tb_str text;
	enum tb_err err = tb_file_ledger_put(arena, &ledger, &text);

	return err == TB_OK ? replace_ledger(writer, text) : err;
}

/* RESYNC: there is none, or it is none. */
static enum tb_err read_ledger(const struct tb_file_writer *writer,
			       struct tb_arena *arena,
			       struct tb_file_ledger *ret)
{
	int fd = openat(writer->place.folder, writer->ledger,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text = tb_arena_alloc(arena, LEDGER_MAX_BYTES);
	ssize_t n = 0;
	enum tb_err err;

	if (fd < 0)
		return errno == ENOENT ? TB_ERR_RESYNC : TB_ERR_IO;
	if (text != NULL)
		n = pread(fd, text, LEDGER_MAX_BYTES, 0);
	close(fd);
	if (text == NULL)
		return tb_arena_err(arena);
	if (n < 0)
		return TB_ERR_IO;
	err = tb_file_ledger_parse(arena, tb_str(text, (size_t)n), ret);
	return err == TB_ERR_INVALID ? TB_ERR_RESYNC : err;
}

/* ---- beginning ---- */

/* One at a time writes the file. BUSY also if it was put in its place, or made
 * anew, while this one waited. */
static enum tb_err open_part(struct tb_file_writer *writer)
{
	struct stat ours, there;

	writer->fd =
		openat(writer->place.folder, writer->part,
		       O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		       FILE_MODE);
	if (writer->fd < 0)
		return TB_ERR_IO;
	if (flock(writer->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? TB_ERR_BUSY : TB_ERR_IO;
	if (fstat(writer->fd, &ours) != 0)
		return TB_ERR_IO;
	if (fstatat(writer->place.folder, writer->part, &there,
		    AT_SYMLINK_NOFOLLOW) != 0 ||
	    ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
		return TB_ERR_BUSY;
	return TB_OK;
}

static enum tb_err part_length(const struct tb_file_writer *writer,
			       uint64_t *ret)
{
	struct stat st;

	if (fstat(writer->fd, &st) != 0)
		return TB_ERR_IO;
	*ret = (uint64_t)st.st_size;
	return TB_OK;
}

/* All was sent, and maybe the file was not yet put in its place. */
static enum tb_err end_finished(struct tb_file_writer *writer, uint64_t there)
{
	enum tb_err err;

	if (there == writer->last.length)
		err = rename_in(writer, writer->part, writer->place.name);
	else
		err = unlinkat(writer->place.folder, writer->part, 0) == 0
			      ? TB_OK
			      : TB_ERR_IO;
	writer->is_finished = err == TB_OK;
	return err;
}

/* Goes on behind the page of a cursor. */
static enum tb_err resume(struct tb_file_writer *writer, struct tb_arena *arena,
			  struct tb_str cursor)
{
	const struct tb_file_mark *mark;
	struct tb_file_ledger ledger = { .is_finished = false };
	struct tb_str name;
	uint64_t there = 0;
	enum tb_err err = tb_file_ledger_name(arena, cursor, &name);

	if (err == TB_OK)
		err = read_ledger(writer, arena, &ledger);
	if (err == TB_OK)
		err = part_length(writer, &there);
	if (err != TB_OK)
		return err;
	mark = tb_file_ledger_find(&ledger, writer->task->job, name);
	if (mark == NULL)
		return TB_ERR_RESYNC;
	if (ledger.is_finished) {
		set_mark(&writer->last, ledger.last.cursor, ledger.last.length);
		return end_finished(writer, there);
	}
	if (there < mark->length)
		return TB_ERR_RESYNC;
	set_mark(&writer->last, name, mark->length);
	writer->before = writer->last;
	return TB_OK;
}

static enum tb_err name_files(struct tb_file_writer *writer)
{
	const char *name = writer->place.name;
	struct tb_str part, ledger, ledger_new;
	enum tb_err err =
		tb_arena_printf(writer->names, &part, ".%s.part", name);

	if (err == TB_OK)
		err = tb_arena_printf(writer->names, &ledger, ".%s.sent", name);
	if (err == TB_OK)
		err = tb_arena_printf(writer->names, &ledger_new,
				      ".%s.sent.new", name);
	if (err != TB_OK)
		return err;
	writer->part = part.p;
	writer->ledger = ledger.p;
	writer->ledger_new = ledger_new.p;
	return TB_OK;
}

static enum tb_err begin(struct tb_file_writer *writer, struct tb_arena *arena,
			 struct tb_str cursor,
			 struct tb_connector_failure *ret_failure)
{
	enum tb_err err = tb_beneath_find(
		writer->task->source, writer->task->entity->path, writer->names,
		&writer->place, ret_failure);

	if (err != TB_OK)
		return err;
	err = name_files(writer);
	if (err == TB_OK)
		err = open_part(writer);
	if (err == TB_OK && cursor.n > 0)
		err = resume(writer, arena, cursor);
	return err == TB_OK ? err : fail(writer, arena, err, ret_failure);
}

enum tb_err tb_file_writer_create(const struct tb_connector_task *task,
				  struct tb_arena *arena, struct tb_str cursor,
				  struct tb_file_writer **ret,
				  struct tb_connector_failure *ret_failure)
{
	struct tb_file_writer *writer;
	enum tb_err err;

	if (tb_file_format_of(task->entity) == TB_FILE_CSV)
		return tb_failure_set(ret_failure, arena, TB_ERR_UNSUPPORTED,
				      "file_format", false,
				      "files of CSV are read only");
	writer = tb_calloc(1, sizeof(*writer));
	if (writer == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	writer->task = task;
	writer->fd = -1;
	writer->place.folder = -1;
	writer->names = tb_arena_create(NAMES_MAX_BYTES);
	err = writer->names != NULL ? begin(writer, arena, cursor, ret_failure)
				    : tb_failure_of(ret_failure, TB_ERR_NOMEM);
	if (err != TB_OK)
		tb_file_writer_destroy(writer);
	else
		*ret = writer;
	return err;
}

/* ---- pages ---- */

struct lines {
	int fd;
	uint64_t length;
	struct tb_buf buf;
	struct tb_arena *scratch;
};

static enum tb_err flush(struct lines *lines)
{
	enum tb_err err = tb_buf_err(&lines->buf);

	if (err == TB_OK)
		err = write_at(lines->fd, tb_buf_str(&lines->buf),
			       lines->length);
	lines->length += lines->buf.n;
	tb_buf_reset(&lines->buf);
	return err;
}

static enum tb_err put_records(struct lines *lines,
			       const struct tb_source_entity *entity,
			       struct tb_connector_record *records, size_t n)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < n; i++) {
		if (records[i].refused != NULL)
			continue;
		err = tb_file_line_put(&lines->buf, lines->scratch, entity,
				       &records[i]);
		if (err == TB_ERR_INVALID) {
			records[i].refused = TB_RECORD_INVALID;
			records[i].message = TB_STR("it is no JSON object");
			err = TB_OK;
		}
		if (err == TB_OK && lines->buf.n >= BLOCK_BYTES)
			err = flush(lines);
	}
	return err == TB_OK ? flush(lines) : err;
}

/* Behind what is known to be there; what a page left that was not noted goes.
 */
static enum tb_err append(const struct tb_file_writer *writer, uint64_t length,
			  struct tb_connector_record *records, size_t n,
			  uint64_t *ret_length)
{
	struct lines lines = { .fd = writer->fd,
			       .length = length,
			       .scratch = tb_arena_create(SCRATCH_MAX_BYTES) };
	enum tb_err err = TB_ERR_NOMEM;

	tb_buf_init(&lines.buf, LINES_MAX_BYTES);
	if (lines.scratch != NULL)
		err = ftruncate(writer->fd, (off_t)lines.length) == 0
			      ? TB_OK
			      : TB_ERR_IO;
	if (err == TB_OK)
		err = put_records(&lines, writer->task->entity, records, n);
	if (err == TB_OK)
		err = sync_file(writer->fd);
	tb_buf_fini(&lines.buf);
	tb_arena_destroy(lines.scratch);
	if (err == TB_OK)
		*ret_length = lines.length;
	return err;
}

enum tb_err tb_file_writer_send(struct tb_file_writer *writer,
				struct tb_arena *arena,
				struct tb_connector_record *records, size_t n,
				struct tb_str cursor,
				struct tb_connector_failure *ret_failure)
{
	struct mark behind = writer->last;
	uint64_t length = 0;
	struct mark after;
	struct tb_str name;
	enum tb_err err;

	if (writer->is_finished)
		return TB_OK;
	err = tb_file_ledger_name(arena, cursor, &name);
	if (err == TB_OK && tb_str_eq(name, mark_of(&writer->last).cursor)) {
		/* Nothing was read since: there is nothing to be noted. */
		if (n == 0)
			return TB_OK;
		/* The page that was sent last, once more. */
		behind = writer->before;
	}
	if (err == TB_OK)
		err = append(writer, behind.length, records, n, &length);
	if (err == TB_OK) {
		set_mark(&after, name, length);
		err = write_ledger(writer, arena, &after, &behind, false);
	}
	if (err != TB_OK)
		return fail(writer, arena, err, ret_failure);
	writer->before = behind;
	writer->last = after;
	return TB_OK;
}

enum tb_err tb_file_writer_finish(struct tb_file_writer *writer,
				  struct tb_arena *arena,
				  struct tb_connector_failure *ret_failure)
{
	enum tb_err err;

	if (writer->is_finished)
		return TB_OK;
	/* Where nothing was sent, there may be what another job left. */
	err = ftruncate(writer->fd, (off_t)writer->last.length) == 0
		      ? sync_file(writer->fd)
		      : TB_ERR_IO;
	if (err == TB_OK)
		err = write_ledger(writer, arena, &writer->last,
				   &writer->before, true);
	if (err == TB_OK)
		err = rename_in(writer, writer->part, writer->place.name);
	if (err != TB_OK)
		return fail(writer, arena, err, ret_failure);
	writer->is_finished = true;
	return TB_OK;
}
