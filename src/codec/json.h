/*
 * The strict JSON reader (RFC 8259) that validates and slices, never alters:
 * a value is handed on as the bytes it was written with. Refused: duplicate
 * keys, NUL (as \u0000, unless it is allowed), lone surrogates, bad UTF-8,
 * depth and node counts over a ceiling, anything behind the value. Pure, no
 * I/O.
 */
#ifndef TB_CODEC_JSON_H
#define TB_CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum tb_json_kind {
	TB_JSON_NULL,
	TB_JSON_FALSE,
	TB_JSON_TRUE,
	TB_JSON_NUMBER,
	TB_JSON_STRING,
	TB_JSON_ARRAY,
	TB_JSON_OBJECT,
};

struct tb_json_limits {
	uint32_t max_depth;  /* containers inside each other; 64 */
	uint32_t max_nodes;  /* nodes on the tape */
	uint32_t tape_depth; /* values deeper than this are checked but get no
			      * node: 0 the root alone, 1 its members, ...;
			      * UINT32_MAX: everything */
	bool allow_nul;      /* \u0000 in strings and names; what is decoded
			      * may then hold NUL */
};

/* What json_parse uses where it is given NULL: 64, 4 million, everything. */
extern const struct tb_json_limits tb_json_default_limits;

/* One value on the tape. An object's children are key, value, key, value. */
struct tb_json_node {
	uint32_t start;  /* offset of its first byte in the text */
	uint32_t len;    /* bytes as written, quotes and brackets included */
	uint32_t next;   /* index of the node behind it and all below it */
	uint8_t kind;    /* enum tb_json_kind */
	uint8_t escaped; /* a string that has backslashes */
	uint16_t pad;
};

/* A parsed text. Borrows the text; the tape lives in the arena. */
struct tb_json {
	const char *text;
	const struct tb_json_node *nodes;
	uint32_t n_nodes;
};

/* Where and why a text was refused. `what` is static. */
struct tb_json_error {
	size_t offset;
	const char *what;
};

/* Parses one text. INVALID, TOO_DEEP, TOO_LARGE (nodes, over 4 GiB - 1, or
 * over the arena's ceiling), NOMEM. `ret_error` may be NULL. */
enum tb_err tb_json_parse(struct tb_arena *arena, struct tb_str text,
			  const struct tb_json_limits *limits,
			  struct tb_json *ret,
			  struct tb_json_error *ret_error) tb_must_check;

/* A value: a place on a tape. `json` NULL means absent. */
struct tb_json_value {
	const struct tb_json *json;
	uint32_t node;
};

#define TB_JSON_ABSENT ((struct tb_json_value) { NULL, 0 })

struct tb_json_value tb_json_root(const struct tb_json *json);
static inline bool tb_json_is_absent(struct tb_json_value v)
{
	return v.json == NULL;
}
/* The kind of a value that is not absent. */
enum tb_json_kind tb_json_kind(struct tb_json_value v);
/* True for a value that is there and of this kind. */
bool tb_json_is(struct tb_json_value v, enum tb_json_kind kind);
/* The bytes as written. */
struct tb_str tb_json_raw(struct tb_json_value v);

/* The member of an object by its decoded name; absent when there is none, the
 * value is no object, or its children are below the tape's depth. */
struct tb_json_value tb_json_get(struct tb_json_value object,
				 struct tb_str name);

/* Walks a container: `it = tb_json_iter(v); while (tb_json_next(&it))`, then
 * `it.key` (objects: the raw node of the key) and `it.value`. */
struct tb_json_iter {
	const struct tb_json *json;
	uint32_t at;
	uint32_t end;
	bool is_object;
	struct tb_json_value key;
	struct tb_json_value value;
};
struct tb_json_iter tb_json_iter(struct tb_json_value container);
bool tb_json_next(struct tb_json_iter *it);
/* How many values a container holds. */
size_t tb_json_count(struct tb_json_value container);

/* A string's decoded text: a slice of the text itself when nothing is
 * escaped, else decoded into the arena. INVALID when it is no string. */
enum tb_err tb_json_string(struct tb_arena *arena, struct tb_json_value v,
			   struct tb_str *ret) tb_must_check;
/* A string equal to `s` after decoding; allocates nothing. */
bool tb_json_string_is(struct tb_json_value v, struct tb_str s);
/* A number that is an integer as written (no fraction, no exponent) and fits.
 * INVALID otherwise. */
enum tb_err tb_json_i64(struct tb_json_value v, int64_t *ret) tb_must_check;
enum tb_err tb_json_u64(struct tb_json_value v, uint64_t *ret) tb_must_check;
enum tb_err tb_json_bool(struct tb_json_value v, bool *ret) tb_must_check;

/* Writing. Each appends to the buffer; errors stay in the buffer. A string is
 * quoted and escaped (", \, and below 0x20); its bytes must be UTF-8. */
void tb_json_put_string(struct tb_buf *buf, struct tb_str s);

/* A writer that sets the commas. Keys are written as given, escaped. */
struct tb_json_writer {
	struct tb_buf *buf;
	bool comma;
};
static inline struct tb_json_writer tb_json_writer(struct tb_buf *buf)
{
	return (struct tb_json_writer) { buf, false };
}
void tb_json_begin_object(struct tb_json_writer *w);
void tb_json_end_object(struct tb_json_writer *w);
void tb_json_begin_array(struct tb_json_writer *w);
/* Goes on with an array whose values so far were written by another. */
void tb_json_continue_array(struct tb_json_writer *w);
void tb_json_end_array(struct tb_json_writer *w);
void tb_json_key(struct tb_json_writer *w, struct tb_str key);
void tb_json_str(struct tb_json_writer *w, struct tb_str s);
void tb_json_int(struct tb_json_writer *w, int64_t v);
void tb_json_uint(struct tb_json_writer *w, uint64_t v);
void tb_json_boolean(struct tb_json_writer *w, bool v);
void tb_json_null(struct tb_json_writer *w);
/* Bytes that are JSON already. */
void tb_json_rawval(struct tb_json_writer *w, struct tb_str raw);
/* Key and value in one call. */
void tb_json_kv_str(struct tb_json_writer *w, const char *key, struct tb_str s);
void tb_json_kv_int(struct tb_json_writer *w, const char *key, int64_t v);
void tb_json_kv_uint(struct tb_json_writer *w, const char *key, uint64_t v);
void tb_json_kv_bool(struct tb_json_writer *w, const char *key, bool v);
void tb_json_kv_null(struct tb_json_writer *w, const char *key);
void tb_json_kv_raw(struct tb_json_writer *w, const char *key,
		    struct tb_str raw);
/* As a string (tb_time_put). */
void tb_json_kv_time(struct tb_json_writer *w, const char *key, int64_t us);

#endif
