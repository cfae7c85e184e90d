#include "jobs/schedule/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "jobs/schedule/zone_rule.h"

#define FOLDER "/usr/share/zoneinfo"
#define PATH_MAX_BYTES 4096
/* The largest of the database's files has 4 KiB. */
#define FILE_MAX_BYTES ((size_t)256 << 10)
/* RFC 8536, section 3.1. */
#define HEADER_BYTES 44
#define TYPE_BYTES 6

struct change {
	int64_t at_s;
	int32_t offset_s; /* from then on */
};

struct tb_zone {
	int32_t first_offset_s; /* before the first change */
	bool has_rule;          /* for the time from the last change on */
	struct tb_zone_rule rule;
	size_t n_changes;
	struct change changes[];
};

/* ---- files ---- */

/* The part of a file that is still to be read. */
struct reader {
	const unsigned char *at;
	size_t n;
};

/* NULL: there is less. */
static const unsigned char *take(struct reader *reader, uint64_t n)
{
	const unsigned char *at = reader->at;

	if (n > reader->n)
		return NULL;
	reader->at += n;
	reader->n -= n;
	return at;
}

static uint64_t read_big_endian(const unsigned char *at, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | at[i];
	return v;
}

/* One of a file's headers. */
struct header {
	unsigned char version;
	uint32_t n_ut; /* in the order of the file */
	uint32_t n_standard;
	uint32_t n_leaps;
	uint32_t n_times;
	uint32_t n_types;
	uint32_t n_chars;
};

static bool take_header(struct reader *reader, struct header *ret)
{
	const unsigned char *at = take(reader, HEADER_BYTES);
	uint32_t counts[6];

	if (!at || memcmp(at, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < TB_ARRAY_LEN(counts); i++)
		counts[i] = (uint32_t)read_big_endian(at + 20 + 4 * i, 4);
	*ret = (struct header) {
		.version = at[4],
		.n_ut = counts[0],
		.n_standard = counts[1],
		.n_leaps = counts[2],
		.n_times = counts[3],
		.n_types = counts[4],
		.n_chars = counts[5],
	};
	return true;
}

/* The block behind a header, whose times have so many bytes. */
struct block {
	const unsigned char *times;
	const unsigned char *indexes; /* types of times */
	const unsigned char *types;
};

static bool take_block(struct reader *reader, const struct header *header,
		       size_t time_bytes, struct block *ret)
{
	*ret = (struct block) {
		.times = take(reader, (uint64_t)header->n_times * time_bytes),
		.indexes = take(reader, header->n_times),
		.types = take(reader, (uint64_t)header->n_types * TYPE_BYTES),
	};
	return ret->times && ret->indexes && ret->types &&
	       take(reader, header->n_chars) &&
	       take(reader, (uint64_t)header->n_leaps * (time_bytes + 4)) &&
	       take(reader, header->n_standard) && take(reader, header->n_ut);
}

static int32_t type_offset(const struct block *block, size_t type)
{
	return (int32_t)read_big_endian(block->types + type * TYPE_BYTES, 4);
}

static bool has_good_types(const struct header *header,
			   const struct block *block)
{
	if (header->n_types == 0 ||
	    (header->n_standard != 0 &&
	     header->n_standard != header->n_types) ||
	    (header->n_ut != 0 && header->n_ut != header->n_types))
		return false;
	for (size_t i = 0; i < header->n_types; i++) {
		const unsigned char *type = block->types + i * TYPE_BYTES;
		int32_t offset_s = type_offset(block, i);

		if (offset_s <= -TB_ZONE_OFFSET_MAX_S ||
		    offset_s >= TB_ZONE_OFFSET_MAX_S || type[4] > 1 ||
		    type[5] >= header->n_chars)
			return false;
	}
	return true;
}

static int64_t read_time(const unsigned char *at, size_t bytes)
{
	uint64_t v = read_big_endian(at, bytes);

	return bytes == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

/* False: they are not in order, or of no type. */
static bool read_changes(const struct header *header, const struct block *block,
			 size_t time_bytes, struct tb_zone *zone)
{
	for (size_t i = 0; i < header->n_times; i++) {
		size_t type = block->indexes[i];
		int64_t at_s =
			read_time(block->times + i * time_bytes, time_bytes);

		if (type >= header->n_types ||
		    (i > 0 && at_s <= zone->changes[i - 1].at_s))
			return false;
		zone->changes[i] =
			(struct change) { at_s, type_offset(block, type) };
	}
	zone->n_changes = header->n_times;
	zone->first_offset_s = type_offset(block, 0);
	return true;
}

/* A line: empty, or the rule. */
static bool read_footer(struct reader *reader, struct tb_zone *zone)
{
	struct tb_str rest = tb_str((const char *)reader->at, reader->n);
	struct tb_str before = tb_str_cut(&rest, '\n');
	struct tb_str line = rest.p ? tb_str_cut(&rest, '\n') : TB_STR_NONE;

	if (before.n > 0 || !rest.p)
		return false;
	zone->has_rule = line.n > 0;
	return line.n == 0 || !tb_zone_rule_parse(line, &zone->rule);
}

static struct tb_zone *zone_alloc(size_t n_changes)
{
	return tb_calloc(1, sizeof(struct tb_zone) +
				    n_changes * sizeof(struct change));
}

enum tb_err tb_zone_parse(const void *bytes, size_t n, struct tb_zone **ret)
{
	struct reader reader = { bytes, n };
	struct tb_zone *zone = NULL;
	size_t time_bytes = 4;
	struct header header;
	struct block block;
	unsigned version;

	if (!take_header(&reader, &header) ||
	    !take_block(&reader, &header, time_bytes, &block))
		return TB_ERR_CORRUPT;
	version = header.version;
	/* From version 2 on it comes once more, with times of 64 bits. */
	if (version != 0) {
		time_bytes = 8;
		if (version < '2' || !take_header(&reader, &header) ||
		    header.version != version ||
		    !take_block(&reader, &header, time_bytes, &block))
			return TB_ERR_CORRUPT;
	}
	if (!has_good_types(&header, &block))
		return TB_ERR_CORRUPT;
	if (header.n_leaps != 0)
		return TB_ERR_UNSUPPORTED;
	zone = zone_alloc(header.n_times);
	if (!zone)
		return TB_ERR_NOMEM;
	if (!read_changes(&header, &block, time_bytes, zone) ||
	    (version != 0 && !read_footer(&reader, zone))) {
		tb_zone_destroy(zone);
		return TB_ERR_CORRUPT;
	}
	*ret = zone;
	return TB_OK;
}

void tb_zone_destroy(struct tb_zone *zone)
{
	tb_free(zone);
}

/* ---- names ---- */

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
}

/* Words with single slashes between them; no name of the database has a point,
 * so that none leads out of the folder. */
static bool is_name(struct tb_str name)
{
	bool is_in_word = false;

	if (name.n > TB_ZONE_NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!is_name_char(name.p[i]) &&
		    (name.p[i] != '/' || !is_in_word))
			return false;
		is_in_word = name.p[i] != '/';
	}
	return is_in_word;
}

/* CORRUPT: it is too long. */
static enum tb_err read_file(int fd, struct tb_buf *buf)
{
	ssize_t got = 1;

	while (got > 0) {
		char *room = tb_buf_reserve(buf, PATH_MAX_BYTES);

		if (!room)
			return tb_buf_err(buf) == TB_ERR_TOO_LARGE
				       ? TB_ERR_CORRUPT
				       : tb_buf_err(buf);
		do
			got = read(fd, room, PATH_MAX_BYTES);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return TB_ERR_IO;
		buf->n += (size_t)got;
	}
	return TB_OK;
}

/* Errors of open by which there is no such file, whoever asks whenever. */
static bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP ||
	       error == ENAMETOOLONG || error == EACCES || error == ENXIO;
}

static enum tb_err load_file(const char *path, struct tb_zone **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	struct tb_buf buf;
	enum tb_err err;

	if (fd < 0)
		return is_missing(errno) ? TB_ERR_NOT_FOUND : TB_ERR_IO;
	tb_buf_init(&buf, FILE_MAX_BYTES);
	if (fstat(fd, &status) != 0)
		err = TB_ERR_IO;
	else if (!S_ISREG(status.st_mode))
		err = TB_ERR_NOT_FOUND;
	else
		err = read_file(fd, &buf);
	close(fd);
	if (!err)
		err = tb_zone_parse(buf.p, buf.n, ret);
	tb_buf_fini(&buf);
	return err;
}

enum tb_err tb_zone_load(struct tb_str name, struct tb_zone **ret)
{
	const char *folder = getenv("TZDIR");
	char path[PATH_MAX_BYTES];
	struct tb_buf buf;

	if (!is_name(name))
		return TB_ERR_NOT_FOUND;
	if (tb_str_eq(name, TB_STR("UTC"))) {
		struct tb_zone *zone = zone_alloc(0);

		if (!zone)
			return TB_ERR_NOMEM;
		*ret = zone;
		return TB_OK;
	}
	tb_buf_init_fixed(&buf, path, sizeof(path));
	tb_buf_append_z(&buf, folder && folder[0] ? folder : FOLDER);
	tb_buf_append_char(&buf, '/');
	tb_buf_append_str(&buf, name);
	tb_buf_append_char(&buf, '\0');
	return tb_buf_err(&buf) ? TB_ERR_NOT_FOUND : load_file(path, ret);
}

/* ---- times ---- */

/* The number of changes up to a moment. */
static size_t count_changes(const struct tb_zone *zone, int64_t utc_s)
{
	size_t low = 0;
	size_t high = zone->n_changes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->changes[middle].at_s <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int32_t tb_zone_offset(const struct tb_zone *zone, int64_t utc_s,
		       int64_t *ret_until_s)
{
	size_t n = count_changes(zone, utc_s);

	if (n == zone->n_changes && zone->has_rule)
		return tb_zone_rule_offset(&zone->rule, utc_s, ret_until_s);
	*ret_until_s = n < zone->n_changes ? zone->changes[n].at_s : INT64_MAX;
	return n > 0 ? zone->changes[n - 1].offset_s : zone->first_offset_s;
}

int64_t tb_zone_local(const struct tb_zone *zone, int64_t utc_s)
{
	int64_t until_s;

	return utc_s + tb_zone_offset(zone, utc_s, &until_s);
}

/* The first moment at which the clocks show this or more. They never did as
 * long before as no zone is ahead of UTC. */
int64_t tb_zone_utc(const struct tb_zone *zone, int64_t local_s)
{
	int64_t at_s = local_s - TB_ZONE_OFFSET_MAX_S;

	for (;;) {
		int64_t until_s;
		int64_t found_s =
			local_s - tb_zone_offset(zone, at_s, &until_s);

		if (found_s < at_s)
			found_s = at_s;
		if (found_s < until_s)
			return found_s;
		at_s = until_s;
	}
}
