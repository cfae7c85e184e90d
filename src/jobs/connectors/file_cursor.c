#include "jobs/connectors/file_cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/assert.h"
#include "codec/digest.h"

/* Bytes that are looked at in front of the place, and at the file's beginning.
 */
#define LOOK_BYTES 4096

/* Exactly `n` bytes. RESYNC: there are no more so many. */
static enum tb_err read_at(int fd, char *to, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got =
			pread(fd, to + done, n - done, (off_t)(offset + done));

		if (got < 0 && errno != EINTR)
			return TB_ERR_IO;
		if (got == 0)
			return TB_ERR_RESYNC;
		if (got > 0)
			done += (size_t)got;
	}
	return TB_OK;
}

enum tb_err tb_file_cursor_make(int fd, const struct tb_file_place *place,
				struct tb_arena *arena, struct tb_str *ret)
{
	size_t n =
		place->offset < LOOK_BYTES ? (size_t)place->offset : LOOK_BYTES;
	char first[LOOK_BYTES], last[LOOK_BYTES];
	struct tb_str parts[] = { tb_str(first, n), tb_str(last, n) };
	struct tb_str name;
	enum tb_err err = read_at(fd, first, n, 0);

	if (err == TB_OK)
		err = read_at(fd, last, n, place->offset - n);
	if (err == TB_OK)
		err = tb_sha256_name(arena, parts, TB_ARRAY_LEN(parts), &name);
	if (err != TB_OK)
		return err;
	return tb_arena_printf(arena, ret, "%" PRIu64 " %" PRIu64 " %.*s",
			       place->offset, place->line, TB_STR_ARG(name));
}

enum tb_err tb_file_cursor_read(int fd, struct tb_str cursor,
				struct tb_arena *arena,
				struct tb_file_place *ret)
{
	struct tb_str rest = cursor;
	struct tb_file_place place;
	struct tb_str again;
	enum tb_err err;

	if (tb_str_to_u64(tb_str_cut(&rest, ' '), &place.offset) != TB_OK ||
	    rest.p == NULL ||
	    tb_str_to_u64(tb_str_cut(&rest, ' '), &place.line) != TB_OK ||
	    place.offset > INT64_MAX)
		return TB_ERR_RESYNC;
	err = tb_file_cursor_make(fd, &place, arena, &again);
	if (err == TB_OK && !tb_str_eq(again, cursor))
		err = TB_ERR_RESYNC;
	if (err == TB_OK)
		*ret = place;
	return err;
}
