/*
 * Cutting what a source sends into records: bodies byte for byte as received,
 * each with its key, and whether it says that it was deleted. A record that
 * cannot be used is refused by itself and harms no other. Pure.
 */
#ifndef TB_JOBS_CONNECTORS_RECORDS_H
#define TB_JOBS_CONNECTORS_RECORDS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"

/* Why a record is refused. */
#define TB_RECORD_INVALID "record_invalid" /* it is no JSON object */
#define TB_RECORD_NO_KEY                                                       \
	"key_missing" /* or neither a text nor a whole number                  \
		       */
#define TB_RECORD_KEY_TOO_LONG "key_too_long" /* over TB_KEY_MAX */

/* Records of one page: what is kept of each is more than the shortest of them
 * takes in an answer. */
#define TB_RECORDS_MAX ((size_t)100000)

/* In an arena; zeroed: empty. */
struct tb_records {
	struct tb_connector_record *list;
	size_t n;
	size_t cap;
};

/* What is needed for one record and forgotten with the next. */
struct tb_records_reader {
	const struct tb_source_entity *entity;
	struct tb_arena *arena;   /* for what stays */
	struct tb_arena *scratch; /* its own */
};

/* Both are borrowed. NOMEM. */
enum tb_err tb_records_reader_init(struct tb_records_reader *reader,
				   const struct tb_source_entity *entity,
				   struct tb_arena *arena) tb_must_check;
/* Takes a zeroed one. */
void tb_records_reader_fini(struct tb_records_reader *reader);

/* Reads one record from its text, which is borrowed: the key by the entity's
 * `key`, the deletion by its `deleted_field`, both by the names that the source
 * gives them; then the entity's renames. Without renames the body is the text
 * itself. A number's key is the number as it is written. What cannot be used
 * has `refused` set and why in `message`, and a body only if that is an object.
 * Only NOMEM and TOO_LARGE (the arena's ceiling) are errors. */
enum tb_err tb_records_read(struct tb_records_reader *reader,
			    struct tb_str text,
			    struct tb_connector_record *ret) tb_must_check;

/* The same of one whose key is told beside it, and whatever its body says. The
 * key is borrowed; an empty one is none. */
enum tb_err tb_records_read_as(struct tb_records_reader *reader,
			       struct tb_str key, struct tb_str text,
			       struct tb_connector_record *ret) tb_must_check;

/* Refuses a record whose key is over TB_KEY_MAX, and drops the key, of which a
 * source can make as much as it likes. */
void tb_records_check_key(struct tb_connector_record *record);

/* TOO_LARGE: that would be over TB_RECORDS_MAX; likewise of the next ones. */
enum tb_err
tb_records_append(struct tb_arena *arena, struct tb_records *records,
		  const struct tb_connector_record *record) tb_must_check;
/* Reads and appends it. */
enum tb_err tb_records_add(struct tb_records_reader *reader,
			   struct tb_records *records,
			   struct tb_str text) tb_must_check;
/* Each element of a JSON array, whose text is borrowed. INVALID: it is none;
 * what is inside the elements is another matter, as above. */
enum tb_err tb_records_add_array(struct tb_records_reader *reader,
				 struct tb_records *records,
				 struct tb_str array) tb_must_check;

#endif
