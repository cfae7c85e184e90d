/*
 * TZif files made for tests (RFC 8536, section 3), also such as no program
 * should make.
 */
#ifndef TB_TESTS_JOBS_TZIF_H
#define TB_TESTS_JOBS_TZIF_H

#include "base/buf.h"

#define TZIF_MAX_BYTES ((size_t)1 << 16)

struct tzif_time {
	int64_t at_s;
	unsigned char type;
};

struct tzif_type {
	int32_t offset_s;
	unsigned char is_summer;
	unsigned char name; /* where it begins in "LMT\0STD\0" */
};

struct tzif {
	char version; /* '\0', '2', ... */
	const struct tzif_time *times;
	size_t n_times;
	const struct tzif_type *types;
	size_t n_types;
	size_t n_ut;       /* indicators; 0, or as many as types */
	size_t n_standard; /* likewise */
	size_t n_leaps;
	const char *footer; /* with its line ends; NULL: none */
};

static const char tzif_names[] = "LMT\0STD";

static inline void tzif_put_number(struct tb_buf *buf, int64_t v,
				   unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		tb_buf_append_char(buf, (char)((uint64_t)v >> (8 * (i - 1))));
}

static inline void tzif_put_zeros(struct tb_buf *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tb_buf_append_char(buf, '\0');
}

static inline void tzif_put_block(struct tb_buf *buf, const struct tzif *file,
				  unsigned time_bytes)
{
	tb_buf_append_z(buf, "TZif");
	tb_buf_append_char(buf, file->version);
	tzif_put_zeros(buf, 15);
	tzif_put_number(buf, (int64_t)file->n_ut, 4);
	tzif_put_number(buf, (int64_t)file->n_standard, 4);
	tzif_put_number(buf, (int64_t)file->n_leaps, 4);
	tzif_put_number(buf, (int64_t)file->n_times, 4);
	tzif_put_number(buf, (int64_t)file->n_types, 4);
	tzif_put_number(buf, sizeof(tzif_names), 4);
	for (size_t i = 0; i < file->n_times; i++)
		tzif_put_number(buf, file->times[i].at_s, time_bytes);
	for (size_t i = 0; i < file->n_times; i++)
		tb_buf_append_char(buf, (char)file->times[i].type);
	for (size_t i = 0; i < file->n_types; i++) {
		tzif_put_number(buf, file->types[i].offset_s, 4);
		tb_buf_append_char(buf, (char)file->types[i].is_summer);
		tb_buf_append_char(buf, (char)file->types[i].name);
	}
	tb_buf_append(buf, tzif_names, sizeof(tzif_names));
	for (size_t i = 0; i < file->n_leaps; i++) {
		tzif_put_number(buf, 78796800 + (int64_t)i, time_bytes);
		tzif_put_number(buf, 1 + (int64_t)i, 4);
	}
	tzif_put_zeros(buf, file->n_standard + file->n_ut);
}

/* Appends a file; of one with times of 64 bits the block before is empty. */
static inline void tzif_put(struct tb_buf *buf, const struct tzif *file)
{
	const struct tzif_type utc = { 0 };
	const struct tzif before = { .version = file->version,
				     .types = &utc,
				     .n_types = 1 };

	if (file->version != '\0')
		tzif_put_block(buf, &before, 4);
	tzif_put_block(buf, file, file->version != '\0' ? 8 : 4);
	if (file->footer)
		tb_buf_append_z(buf, file->footer);
}

#endif
