#include "http/spool_reader.h"

/* What lies one behind the other is read at once, up to so many bytes. */
#define RUN_BYTES ((uint64_t)128 << 10)

uint64_t tb_spool_reader_left(const struct tb_spool_reader *reader)
{
	return reader->bytes - reader->at;
}

/* The next items that are neighbours, with the commas between them. */
static void begin_run(struct tb_spool_reader *reader)
{
	const struct tb_spool_entry *entry = &reader->entries[reader->next++];

	reader->from = entry->offset;
	reader->to = entry->offset + entry->len;
	for (; reader->next < reader->n_entries; reader->next++) {
		entry = &reader->entries[reader->next];
		if (entry->offset != reader->to + 1 ||
		    reader->to - reader->from >= RUN_BYTES)
			break;
		reader->to = entry->offset + entry->len;
	}
}

static enum tb_err read_data(const struct tb_spool_reader *reader,
			     uint64_t offset, char *to, size_t n)
{
	return reader->never_waits
		       ? tb_spill_read_at_hand(reader->data, offset, to, n)
		       : tb_spill_read(reader->data, offset, to, n);
}

static enum tb_err read_run(struct tb_spool_reader *reader, char *to, size_t n)
{
	enum tb_err err = read_data(reader, reader->from, to, n);

	if (!err)
		reader->from += n;
	return err;
}

/* The bytes of the array that are none of its items' stand between runs. */
static char take_byte_between(struct tb_spool_reader *reader)
{
	bool is_first = reader->next == 0;

	if (reader->next == reader->n_entries)
		return ']';
	begin_run(reader);
	return is_first ? '[' : ',';
}

static enum tb_err read_entries(struct tb_spool_reader *reader, char *to,
				size_t n)
{
	while (n > 0) {
		uint64_t run_bytes = reader->to - reader->from;
		size_t part = run_bytes < n ? (size_t)run_bytes : n;
		enum tb_err err = TB_OK;

		if (part > 0) {
			err = read_run(reader, to, part);
		} else {
			*to = take_byte_between(reader);
			part = 1;
		}
		if (err)
			return err;
		to += part;
		n -= part;
	}
	return TB_OK;
}

enum tb_err tb_spool_reader_read(struct tb_spool_reader *reader, char *to,
				 size_t n)
{
	enum tb_err err = reader->entries
				  ? read_entries(reader, to, n)
				  : read_data(reader, reader->at, to, n);

	if (!err)
		reader->at += n;
	return err;
}

enum tb_err tb_spool_reader_read_buf(struct tb_spool_reader *reader, size_t n,
				     struct tb_buf *ret)
{
	struct tb_buf buf;
	enum tb_err err;
	char *to;

	tb_buf_init(&buf, n);
	to = tb_buf_reserve(&buf, n);
	err = to ? tb_spool_reader_read(reader, to, n) : tb_buf_err(&buf);
	if (err) {
		tb_buf_fini(&buf);
		return err;
	}
	buf.n = n;
	*ret = buf;
	return TB_OK;
}
